"""Which commands there are, and what the list of commands says of each; imports nothing, so that the list costs nothing."""

from __future__ import annotations

from typing import NamedTuple


class Command(NamedTuple):
    """A command; its module has its name."""

    name: str
    help: str


HELP = "Makes everyday records true again, and keeps them so."

COMMANDS = (
    Command("init", "Ask a few questions and write trueup.yaml."),
    Command("validate", "Check trueup.yaml; no network."),
    Command("doctor", "Look at everything: configuration, secrets, ledger, stores."),
    Command("plan", "Show what a run of a job would do; writes to no store."),
    Command("apply", "Apply a plan: exactly what it says, or nothing."),
    Command("run", "Run a job or pipeline: plan, guards, apply, read back. For timers."),
    Command("serve", "Run schedules and triggers until it is stopped."),
    Command("schedule", "Show what starts next by itself, and what keeps it from starting."),
    Command("verify", "Compare all sides of a job in full; restore a backup to prove it."),
    Command("profile", "Show what the records of a store look like, and of past loads."),
    Command("resolve", "Decide conflicts, bring back what lost or vanished."),
    Command("undo", "Take back what a run changed."),
    Command("status", "Show how backups stand: what is proven, what would be lost."),
    Command("restore", "Bring back what a backup holds, all or a part of it."),
    Command("accept", "Say that a suspicious backup is right."),
    Command("key", "Make a key for an archive."),
    Command("history", "Show past runs, or one of them."),
    Command("graph", "Draw a pipeline's graph."),
    Command("engine", "Run on Prefect, Temporal or Apache Airflow."),
    Command("completion", "Print the shell's completion script."),
)


def overview() -> str:
    """What `trueup --help` prints."""
    width = max(len(one.name) for one in COMMANDS)
    rows = "\n".join(f"  {one.name:<{width}}  {one.help}" for one in COMMANDS)
    return (
        f"Usage: trueup COMMAND [ARGUMENTS] [OPTIONS]\n\n{HELP}\n\nCommands:\n{rows}\n\n"
        "Every command: --config/-c FILE, --json, --json-lines, --no-input, --quiet/-q, --verbose/-v, --help/-h.\n"
        "trueup --version/-V: which version this is."
    )
