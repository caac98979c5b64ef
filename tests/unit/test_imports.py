"""What starting costs is what is imported: the quick commands import nothing that is slow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from trueup.ui.cli.commands import COMMANDS

HEAVY = {
    "pydantic",
    "ruamel",
    "icalendar",
    "recurring_ical_events",
    "rich",
    "psycopg",
    "urllib3",
    "sqlite3",
    "asyncio",
    "email",
}


def imported(*arguments: str) -> set[str]:
    """The top-level modules that a command line has imported when it ends, and the package's own ones in full."""
    program = (
        "import sys; sys.argv = ['trueup', *sys.argv[1:]]\n"
        "from trueup.__main__ import main\n"
        "try: main()\n"
        "except SystemExit as stop: assert not stop.code, stop.code\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout
    names = done.stderr.split()
    return {name if name.startswith("trueup.") else name.partition(".")[0] for name in names}


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_costs_nothing(option: str) -> None:
    modules = imported(option)
    assert not modules & {*HEAVY, "click", "json", "dataclasses", "typing"}
    assert {name for name in modules if name.startswith("trueup.")} == {"trueup.__main__"}


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]], ids=str)
def test_the_overview_costs_nothing(arguments: list[str]) -> None:
    assert not imported(*arguments) & {*HEAVY, "click", "dataclasses"}


@pytest.mark.parametrize("command", [one.name for one in COMMANDS])
def test_help_imports_the_command_and_no_more(command: str) -> None:
    modules = imported(command, "--help")
    assert not modules & HEAVY
    assert not {
        one for one in modules if one.startswith(("trueup.core", "trueup.config", "trueup.connectors", "trueup.app"))
    }


def test_validate_opens_no_ledger() -> None:
    program = (
        "import trueup.app, trueup.ui.cli.validate, sys; print('sqlite3' in sys.modules, 'icalendar' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_a_run_with_nothing_to_do_imports_neither_the_schema_nor_what_changes_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for store in ("one", "two"):
        (tmp_path / store / "team").mkdir(parents=True)
    (tmp_path / "trueup.yaml").write_text(
        "version: 1\nstores: {one: {connector: vdir, path: one}, two: {connector: vdir, path: two}}\n"
        "jobs: {team: {kind: calendar, collections: [{store: one, name: team}, {store: two, name: team}]}}\n"
    )
    monkeypatch.chdir(tmp_path)
    imported("run", "team")  # makes the ledger
    imported("run", "team")  # checks the configuration and keeps it
    modules = imported("run", "team")
    assert not modules & (HEAVY - {"sqlite3"})
    unneeded = {"drafting", "draft", "mirror", "reconcile", "conflicts", "undo", "graph", "advising"}
    assert not {f"trueup.core.{one}" for one in unneeded} & modules
    assert not {"trueup.jobs.calendar.item", "trueup.jobs.calendar.normal", "trueup.config.load"} & modules


def test_address_books_with_nothing_to_do_are_not_read_and_not_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for store in ("one", "two"):
        (tmp_path / store / "team").mkdir(parents=True)
        body = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:1\r\nFN:A\r\nN:A;;;;\r\nEMAIL:a@example.org\r\nEND:VCARD\r\n"
        (tmp_path / store / "team" / "1.vcf").write_bytes(body.encode())
    (tmp_path / "trueup.yaml").write_text(
        "version: 1\nstores: {one: {connector: vcf, path: one}, two: {connector: vcf, path: two}}\n"
        "jobs: {team: {kind: contacts, collections: [{store: one, name: team}, {store: two, name: team}],\n"
        "  quality: [{field: email, required: on, action: reject}, {field: email, fix: lower}]}}\n"
    )
    monkeypatch.chdir(tmp_path)
    imported("run", "team")
    imported("run", "team")
    modules = imported("run", "team")
    assert not modules & ((HEAVY - {"sqlite3"}) | {"phonenumbers", "rapidfuzz"})
    jobs = {"quality.fields", "quality.rule", "quality.meanings"}
    core = {"drafting", "inspecting", "profiling.profile", "profiling.drift"}
    assert not {*(f"trueup.jobs.contacts.{one}" for one in jobs), *(f"trueup.core.{one}" for one in core)} & modules
