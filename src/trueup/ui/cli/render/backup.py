"""Backups for people: plans, reports, status and restores, rendered from the same JSON that programs get."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from trueup.jobs.backup.words import amount, clock, lasting
from trueup.ui.cli.render.terminal import safe, style

Json = Mapping[str, Any]

STAGES = {
    "take": ("+", "green", "backed up"),
    "check": ("=", "dim", "checked"),
    "drill": ("=", "dim", "restored and compared"),
    "archive": ("+", "green", "archived"),
    "retention": ("-", "red", "removed"),
}
_STATES = {"good": "green", "failing": "red", "never": "red", "overdue": "red"}
_SIGNS = {"create": ("+", "green"), "update": ("~", "yellow"), "skip": (".", "dim")}


def plan_lines(header: Json, changes: Iterable[Json], *, verbose: bool = False) -> Iterator[str]:
    """A plan: what is taken, proven, copied and removed, in this order."""
    yield style(f"Plan for {header['job']}", "bold") + f"  (run {header['run']}, {header.get('hash', '')[:12]})"
    for one in header.get("diagnostics", ()):
        yield style("  ! ", "red") + safe(one["what"]) + (f": {safe(one['why'])}" if one.get("why") else "")
    for change in changes:
        sign, colour, _ = STAGES[change["code"]]
        place = f"  [{safe(change['collection'])}]"
        yield f"  {style(sign, colour)} {style(safe(change['title']), 'bold')}{place}  {safe(change['reason'])}"
    blocked = [one for one in header.get("guards", ()) if not one.get("allowed")]
    for one in blocked:
        yield style("  BLOCKED ", "red") + f"by guard {one['guard']}: {safe(one['message'])}"
    if blocked:
        yield "  Nothing was done; the run waits for your approval."
        yield f"  If it is right: trueup apply {header['run']} --allow {blocked[0]['guard']}"
    elif header.get("state") == "planned":
        yield f"  To do it: trueup apply {header['run']}"


def report_lines(report: Json, subject: str, *, quiet: bool = False) -> Iterator[str]:
    """How a run ended, source by source."""
    state, backup = report["state"], report.get("backup", {})
    colour, word = {
        "done": ("green", "done"),
        "partial": ("yellow", "partly done"),
        "failed": ("red", "failed"),
    }.get(state, ("yellow", state.replace("_", " ")))
    if report.get("rejected_by"):
        yield f"  refused by {safe(report['rejected_by'])}"
    if not quiet or state != "done":
        taken, all_of_them = backup.get("taken", 0), len(backup.get("sources", ()))
        yield f"{subject}: {style(word, colour)}: {taken} of {all_of_them} sources backed up  (run {report['run']})"
    for one in backup.get("stages", ()):
        if one["state"] == "verified":
            if not quiet:
                yield f"  {style(STAGES[one['stage']][0], STAGES[one['stage']][1])} {_done(one)}"
        else:
            yield from _undone(one)
    if error := report.get("error"):
        yield style("  ! ", "red") + safe(": ".join(part for part in (error.get("what"), error.get("why")) if part))
    yield from _frozen(backup, subject)


def _done(one: Json) -> str:
    facts = []
    if one["stage"] in ("take", "archive") and "bytes" in one:
        facts += [amount(one["bytes"]), f"{amount(one.get('added', 0))} new"]
    if one.get("seconds"):
        facts.append(lasting(one["seconds"]))
    if one.get("compared"):
        facts.append(", ".join(_many(number, what) for what, number in one["compared"].items() if number))
    if one.get("read"):
        facts.append(f"{amount(one['read'])} read")
    if one.get("attempts", 1) > 1:
        facts.append(f"at the {_ordinal(one['attempts'])} try")
    if one.get("already"):
        facts.append("was there already")
    notes = "".join(f"\n      {safe(note)}" for note in [*one.get("notes", ()), *one.get("anomalies", ())])
    unchecked = f"\n      {safe(one['unchecked'])}" if one.get("unchecked") else ""
    told = f" ({', '.join(facts)})" if facts else ""
    return f"{safe(one['title'])}: {STAGES[one['stage']][2]}{told}{notes}{unchecked}"


def _many(number: int, what: str) -> str:
    return f"{number:,} {what.removesuffix('s') if number == 1 else what}"


def _ordinal(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")


def _undone(one: Json) -> Iterator[str]:
    later = one["state"] == "put-off"
    verb = {
        "take": "backup",
        "check": "check",
        "drill": "restore drill",
        "archive": "archiving",
        "retention": "removal",
    }
    sign = style(".", "yellow") if later else style("!", "red")
    yield f"  {sign} {safe(one['title'])}: {verb[one['stage']]} {'put off' if later else 'failed'}: {safe(one.get('reason', ''))}"
    if one.get("hint"):
        yield f"      {safe(one['hint'])}"


def _frozen(backup: Json, job: str) -> Iterator[str]:
    for cause, one in backup.get("frozen", {}).items():
        what, _, whose = cause.partition("/")
        yield style("  FROZEN ", "red") + f"nothing is removed: {safe(one['why'])}"
        if what in ("anomaly", "vanished"):
            yield f"      If it is right: trueup accept {job} {safe(whose)}"
        elif what == "damage":
            yield f"      Mend {safe(whose)} (see the how-to), then: trueup verify {job}"
        elif what == "differs":
            yield f"      A drill that goes well ends it: trueup verify {job} --source {safe(whose)}"


def status_lines(found: Json, now: float) -> Iterator[str]:
    """How all backups stand."""
    for job, one in found["jobs"].items():
        word = _overall(one)
        yield f"{style(safe(job), 'bold')}  {word}" + (f"  next {_when(one['next'], now)}" if one.get("next") else "")
        for name, source in one["sources"].items():
            state = style(source["state"].replace("-", " "), _STATES.get(source["state"], "yellow"))
            yield f"  {safe(name):<16} {state:<22} {_facts(source, now)}"
            if source.get("why"):
                yield f"      {safe(source['why'])}"
        for problem in one.get("problems", ()):
            yield style("  ! ", "red") + safe(problem)
        yield from _frozen(one, job)
    if not found["jobs"]:
        yield "there are no backups in trueup.yaml"
    for one in found.get("messages", {}).get("channels", ()):
        if one["attempts"]:
            what = f"{one['messages']} messages of {safe(one['job'])} could not be sent yet ({safe(one['label'])})"
            yield style("  ! ", "red") + f"{what}: {safe(one['why'])}"


def _overall(one: Json) -> str:
    states = {source["state"] for source in one["sources"].values()}
    if one.get("damaged") or states & {"failing", "never", "overdue"}:
        return style("NOT SAFE", "red")
    if not states <= {"good"}:
        return style("not fully proven", "yellow")
    return style("proven", "green") if one["good"] else style("proven, but", "yellow")


def _facts(source: Json, now: float) -> str:
    parts = []
    if source.get("last_backup"):
        parts.append(f"last {_when(source['last_backup'], now)}, {amount(source.get('bytes') or 0)}")
    if source.get("last_verified"):
        parts.append(f"proven {_when(source['last_verified'], now)}")
    if source.get("rto") is not None:
        parts.append(f"restores in {lasting(source['rto'])}")
    if source.get("archived"):
        parts.append(f"archived {_when(source['archived'], now)}")
    elif source.get("archives"):
        parts.append(style("not archived", "yellow"))
    parts.append(_many(source["snapshots"], "snapshots"))
    return "; ".join(parts)


def _when(time: float, now: float) -> str:
    if 0 <= now - time < 1:
        return "just now"
    return f"{lasting(now - time)} ago" if time <= now else f"in {lasting(time - now)}"


def _alike(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def snapshot_lines(snapshots: Sequence[Json], zone: str = "") -> Iterator[str]:
    """Snapshots, a line each, with times in a zone ("": the machine's own); of their ids as much as tells them apart."""
    ids = sorted(one["id"] for one in snapshots)
    shown = max([8, *(_alike(one, other) + 2 for one, other in pairwise(ids))])
    for one in snapshots:
        marks = "".join(
            f"  {style(mark, colour)}"
            for mark, colour, holds in (
                ("proven", "green", one.get("verified")),
                ("suspicious", "yellow", one.get("suspicious")),
                ("dated in the future", "red", one.get("future")),
                ("not whole", "red", not one["complete"]),
                ("not known to be good", "red", one["complete"] and not one.get("good", True)),
            )
            if holds
        )
        size = f"{amount(one['bytes']):>9}  {_many(one['files'], 'files'):>15}"
        yield f"{one['id'][:shown]}  {clock(one['time'], zone)}  {safe(one['source']):<16} {size}{marks}"
    if not snapshots:
        yield "there are no snapshots"


def content_lines(contents: Iterable[Json], zone: str = "") -> Iterator[str]:
    """What is in a snapshot, a line each: what kind of thing, how much, and the name that `--only` takes."""
    for one in contents:
        size = (
            f"{one['rows']:,} rows"
            if one["rows"] is not None
            else amount(one["size"])
            if one["size"] is not None
            else ""
        )
        when = f"  {clock(one['time'], zone)}" if one["time"] is not None else ""
        note = f"  ({safe(one['note'])})" if one["note"] else ""
        yield f"{one['type']:<8} {size:>12}{when}  {safe(one['name'])}{note}"


def restore_lines(steps: Iterable[Json], *, limit: int = 200) -> Iterator[str]:
    """What a restore would do, or has done."""
    counts: dict[str, int] = {}
    for number, one in enumerate(steps):
        counts[one["action"]] = counts.get(one["action"], 0) + 1
        if number < limit:
            sign, colour = _SIGNS[one["action"]]
            place = f"  [{safe(one['where'])}]" if one.get("where") else ""
            why = f"  {safe(one['reason'])}" if one.get("reason") else ""
            yield f"  {style(sign, colour)} {safe(one['what'])}{place}{why}"
    more = sum(counts.values()) - limit
    if more > 0:
        yield f"  … and {more:,} more (all of them: --json)"


def audit_lines(result: Json) -> Iterator[str]:
    """What proving a backup came to."""
    for one in result["stages"]:
        if one["state"] == "verified":
            yield f"  {style('=', 'green')} {_done(one)}"
        else:
            yield from _undone(one)
    yield from _frozen(result, result["job"])
    verdict = style("proven", "green") if result["agrees"] else style("not proven", "red")
    yield f"{safe(result['job'])}: {verdict}"
