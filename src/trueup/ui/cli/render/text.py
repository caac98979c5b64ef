"""Plans and reports for people, rendered from the same JSON that programs get."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from trueup.ui.cli.render.terminal import cut, safe, style

Json = Mapping[str, Any]

SIGNS = {"create": "+", "update": "~", "delete": "-", "link": "=", "conflict": "!", "skip": "."}
STYLES = {"create": "green", "update": "yellow", "delete": "red", "link": "dim", "conflict": "magenta", "skip": "dim"}
WORDS = {
    "create": ("to create", "created"),
    "update": ("to change", "changed"),
    "delete": ("to delete", "deleted"),
    "link": ("in step already", "in step already"),
    "conflict": ("conflicts", "conflicts"),
    "skip": ("left alone", "left alone"),
}
SHOWN = 200
VALUE = 70
AUDITED = 500
_SEVERE = {"warning": "yellow", "info": "dim"}


def plan_lines(header: Json, changes: Iterable[Json], *, verbose: bool = False) -> Iterator[str]:
    """A plan: what is created first, changes, drift apart from them, guards, counts, and what to type next."""
    yield style(f"Plan for {header['job']}", "bold") + f"  (run {header['run']}, {header.get('hash', '')[:12]})"
    for one in header.get("diagnostics", ()):
        yield (
            style("  ! ", _SEVERE.get(one.get("severity", ""), "red"))
            + safe(one["what"])
            + (f": {safe(one['why'])}" if one.get("why") else "")
        )
    for ref in header.get("creates", ()):
        yield style("  + ", "green") + f"{safe(ref)} will be made"
    drift: list[Json] = []
    shown, hidden, drifted = 0, 0, 0
    for change in together(changes):
        if change["action"] == "link" and not verbose:
            continue
        if change.get("drift"):
            drifted += 1
            if len(drift) < SHOWN or verbose:
                drift.append(change)
            continue
        if shown >= SHOWN and not verbose:
            hidden += 1
            continue
        shown += 1
        yield from change_lines(change)
    yield from _more(hidden)
    if drift:
        yield "Drift: changed in a copy by someone else, and put back"
        for change in drift:
            yield from change_lines(change)
        yield from _more(drifted - len(drift))
    yield from _footer(header)


def _more(hidden: int) -> Iterator[str]:
    if hidden:
        yield f"  … and {hidden:,} more (all of them: -v, or --json)"


ALIKE = ("link", "action", "reason", "fields", "state", "drift")


def together(changes: Iterable[Json]) -> Iterator[Json]:
    """The same change of one item in several collections as one: `collection` names them all."""
    held: dict[str, Any] | None = None
    for change in changes:
        if held is not None and change.get("link") and all(held.get(key) == change.get(key) for key in ALIKE):
            held["collection"] = f"{held.get('collection', '')}, {change.get('collection', '')}"
            continue
        if held is not None:
            yield held
        held = dict(change)
    if held is not None:
        yield held


def change_lines(change: Json) -> Iterator[str]:
    """One change: sign, title, time, where, why; then field by field."""
    action = change["action"]
    what = style(SIGNS[action], STYLES[action])
    place = f"  [{safe(change['collection'])}]" if change.get("collection") else ""
    name = cut(safe(change.get("title", "")) or "(no title)", 60)
    starts = f"  {safe(change['starts'])}" if change.get("starts") else ""
    yield f"  {what} {style(name, 'bold')}{starts}{place}  {safe(change.get('reason', ''))}"
    for field in change.get("fields", ()):
        yield f"      {safe(field['label'])}: {_value(field['before'])} -> {_value(field['after'])}"
    for field in change.get("conflict", ()):
        values = ", ".join(f"{safe(ref)}: {_value(value)}" for ref, value in field["values"].items())
        winner = f"  -> {safe(field['winner'])} wins" if field.get("winner") else ""
        yield f"      {safe(field['label'])}: {values}{winner}"


def _value(value: str | None) -> str:
    return "(nothing)" if value is None else f"“{cut(safe(value), VALUE)}”"


def _footer(header: Json) -> Iterator[str]:
    counts = header.get("counts", {})
    yield "  " + (counted(counts, 0) or _nothing(header))
    if not header.get("complete", True):
        yield (
            style("  Not complete: ", "yellow") + "something was put off or could not be read; a later run takes it up."
        )
    for one in header.get("guards", ()):
        if not one.get("allowed"):
            yield style("  BLOCKED ", "red") + f"by guard {one['guard']}: {safe(one['message'])}"
    yield from _next(header)


def _nothing(header: Json) -> str:
    if any(not one["read"] for one in header.get("based_on", ())):
        return "Nothing to do with what could be read."
    return "Nothing to undo." if header.get("kind") == "undo" else "Nothing to do: all sides agree."


def _next(header: Json) -> Iterator[str]:
    blocked = [one for one in header.get("guards", ()) if not one.get("allowed")]
    run = header["run"]
    if blocked:
        names = " ".join(f"--allow {name}" for name in dict.fromkeys(one["guard"] for one in blocked))
        yield "  Nothing was changed; the run waits for your approval."
        yield f"  If it is right: trueup apply {run} {names}"
        gone = [one for one in blocked if one["guard"] == "empty" or " vanished from " in one["message"]]
        refs = dict.fromkeys(one["collection"] for one in gone)
        for ref in refs:
            yield f"  If it vanished from {safe(ref)} by mistake: trueup resolve {header['job']} --restore {safe(ref)}"
    elif header.get("applyable") and header.get("state") == "planned":
        yield f"  To do it: trueup apply {run}"


def counted(counts: Mapping[str, int], tense: int) -> str:
    """Counts in words: "3 created, 1 deleted" (tense 1) or "3 to create, 1 to delete" (0)."""
    texts = (f"{counts[one]:,} {WORDS[one][tense]}" for one in SIGNS if counts.get(one))
    return ", ".join("1 conflict" if one == "1 conflicts" else one for one in texts)


def report_lines(report: Json, subject: str, *, quiet: bool = False) -> Iterator[str]:
    """How a run ended."""
    state = report["state"]
    word = {
        "done": style("done", "green"),
        "partial": style("partly done", "yellow"),
        "conflict": style("waits for you" if not report.get("conflicts") else "a conflict waits for you", "magenta"),
        "failed": style("failed", "red"),
    }.get(state, state)
    counts = report.get("counts", {})
    changed = any(counts.get(one) for one in ("create", "update", "delete"))
    if not quiet or state != "done":
        nothing = "nothing to do" if state == "done" else "nothing was changed"
        did = counted(counts, 1) if changed else nothing + (f" ({counted(counts, 1)})" if counts else "")
        yield f"{subject}: {word}: {did}  (run {report['run']})"
    for reading in report.get("readings", ()):
        if not reading["read"]:
            yield style("  ! ", "red") + f"{reading['collection']} could not be read: {_error(reading['error'])}"
    yield from _left(report)
    yield from _notes(report, quiet)


def _left(report: Json) -> Iterator[str]:
    for one in report.get("left", ())[:50]:
        name = cut(safe(one["title"]), 60)
        starts = f"  {safe(one['starts'])}" if one.get("starts") else ""
        place = f"  [{safe(one['collection'])}]" if one.get("collection") else ""
        sign = style("!", "magenta") if one["code"] in ("fields", "undone", "edit-against-delete") else "."
        yield f"  {sign} {name}{starts}{place}  {safe(one['reason'])}"
    if len(report.get("left", ())) > 50:
        yield f"  … and {len(report['left']) - 50} more: trueup history {report['run']}"
    if report.get("conflicts"):
        yield f"  {report['conflicts']} waiting: trueup resolve {report.get('job', 'JOB')}"
    if report.get("questions"):
        questions = "1 question waits" if report["questions"] == 1 else f"{report['questions']} questions wait"
        yield f"  {questions} for your answer: trueup resolve {report.get('job', 'JOB')}"


def _notes(report: Json, quiet: bool) -> Iterator[str]:
    unread = {one["collection"] for one in report.get("readings", ()) if not one["read"]}
    for one in report.get("verifications", ()):
        if one.get("lost") and not quiet:
            lost = ", ".join(f"{safe(label)} ({count})" for label, count in list(one["lost"].items())[:8])
            yield style(f"  {one['collection']} keeps {one['rewritten']} of them differently: {lost}", "dim")
        if one.get("error") and one["collection"] not in unread:
            yield style("  ! ", "red") + f"{one['collection']} could not be read back: {_error(one['error'])}"
    if not quiet:
        yield from _quality(report.get("quality", {}))
    for one in report.get("overlaps", ())[:50]:
        yield f"  double booking: {safe(one)}"
    for one in report.get("duplicates", ())[:50]:
        yield f"  duplicate: {safe(one)}"
    if report.get("waiting"):
        yield f"  {report['waiting']} undone; they wait until you say who is right: trueup resolve {report.get('job', 'JOB')}"


def _quality(quality: Json) -> Iterator[str]:
    """How the records stand with the job's rules, where not all of them are ready."""
    for ref, one in quality.get("collections", {}).items():
        if one["ready"] != one["records"]:
            yield f"  {safe(ref)}: {one['said']}"
    for rule, count in quality.get("warned", {}).items():
        yield f"  rule “{safe(rule)}” is broken by {count:,} of the records looked at"


def _error(error: Json) -> str:
    return safe(": ".join(part for part in (error.get("what"), error.get("why")) if part))


def history_lines(runs: Iterable[Json]) -> Iterator[str]:
    """The latest runs, a line each."""
    for one in runs:
        began = datetime.fromtimestamp(one["started"]).strftime("%Y-%m-%d %H:%M:%S")
        took = f"{one['ended'] - one['started']:6.1f} s" if one.get("ended") else "        "
        counts = counted(one.get("report", {}).get("counts", {}), 1)
        kind = "" if one["kind"] == "run" else f" ({one['kind']})"
        what = f"{one['id']}  {began}  {took}  {safe(one['subject'])}{kind}  {one['state'].replace('_', ' ')}  {counts}".rstrip()
        made_by = "  ".join(safe(one[key]) for key in ("engine", "url") if one.get(key))
        yield f"{what}  {made_by}" if made_by else what


def conflict_lines(one: Json) -> Iterator[str]:
    """One conflict: what contradicts, and who won or may win."""
    mark = style("!", "magenta") if one["state"] == "open" else style("=", "dim")
    starts = f"  {safe(one['starts'])}" if one.get("starts") else ""
    yield f"{mark} {one['id']}  {style(cut(safe(one['title']), 60), 'bold')}{starts}  {one['state']}" + (
        f", {safe(one['winner'])} won" if one.get("winner") else ""
    )
    for field in one["fields"]:
        for ref, value in field["values"].items():
            yield f"      {safe(field['label'])} in {safe(ref)}: {_value(value)}"


def question_lines(one: Json) -> Iterator[str]:
    """One question: why it is asked, and the records it is about side by side; what both say stands once."""
    mark = style("=", "dim") if one["answer"] else style("?", "magenta")
    score = f"  {int(one['score'] * 100) / 100:.2f}" if one.get("score") is not None else ""
    said = f"  {one['answer']}" if one["answer"] else ""
    yield f"{mark} q{one['id']}  {style(safe(one['title']), 'bold')}{score}{said}"
    if one["reasons"]:
        yield f"      {safe(', '.join(one['reasons']))}"
    records = one["records"]
    if not records:
        return
    names = [safe(record["collection"]) for record in records]
    if len(set(names)) < len(names):
        names = [f"{name} ({number})" for number, name in enumerate(names, 1)]
    held = [{field["label"]: field["value"] for field in record["fields"]} for record in records]
    for label in dict.fromkeys(label for fields in held for label in fields):
        values = [fields.get(label) for fields in held]
        if len(set(values)) == 1:
            where = "both: " if len(values) > 1 else ""
            yield style(f"      {safe(label)}: {where}{_value(values[0])}", "dim")
        else:
            yield f"      {safe(label)}: " + ", ".join(
                f"{name}: {_value(value)}" for name, value in zip(names, values, strict=True)
            )


def pipeline_lines(report: Json, *, quiet: bool = False) -> Iterator[str]:
    """How a pipeline's run ended, step by step."""
    colours = {"done": "green", "failed": "red", "partial": "yellow"}
    state = report["state"]
    yield f"{report['pipeline']}: {style(state.replace('_', ' '), colours.get(state, 'yellow'))}  (run {report['run']})"
    for name, step in report["steps"].items():
        if quiet and step["outcome"] == "done":
            continue
        error = f"  {safe(step['error'].splitlines()[0])}" if step.get("error") else ""
        yield f"  {style(step['outcome'], colours.get(step['outcome'], 'dim')):<8} {safe(name)}{error}"


def audit_lines(result: Json) -> Iterator[str]:
    """What a full comparison found."""
    for one in result["collections"]:
        yield f"  {safe(one['collection'])}: {one['items']:,} items, {one['same']:,} as agreed"
    for one in result["differences"][:AUDITED]:
        starts = f"  {safe(one['starts'])}" if one.get("starts") else ""
        place = f"  [{safe(one['collection'])}]" if one["collection"] else ""
        yield f"  ! {cut(safe(one['title']), 60)}{starts}{place}  {safe(one['cause'])}"
        for field in one["fields"]:
            yield f"      {safe(field['label'])}: {_value(field['before'])} -> {_value(field['after'])}"
        if one.get("cure"):
            yield f"      {safe(one['cure'])}"
    if more := result["more"] + max(0, len(result["differences"]) - AUDITED):
        yield f"  … and {more:,} more (--json, --html FILE)"
    for one in result["apart"]:
        items = "1 item" if one["items"] == 1 else f"{one['items']:,} items"
        where = f"{safe(one['collection'])} and {safe(one['other'])}"
        said = f"  {safe(one['label'])} differs between {where} in {items}: by rule, or because one holds no more"
        yield style(said, "dim")
    verdict = style("all sides agree", "green") if result["agrees"] else style("not in agreement", "yellow")
    yield f"{safe(result['job'])}: {verdict}"
