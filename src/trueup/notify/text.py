"""The words of the messages: a short title, and plain text that says what failed, why, what was done, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from trueup.notify.reading import BACKUP, Ending, Trouble

LONGEST_TITLE = 110
LONGEST_LINE = 1000
MOST_LINES = 20


def failure(job: str, ending: Ending) -> tuple[str, str]:
    """Title and body of what is told when a run failed."""
    return _title(job, _headline(ending.troubles)), "\n".join(_body(job, ending))


def reminder(job: str, ending: Ending, since: float, now: float, runs: int) -> tuple[str, str]:
    """As `failure`, for what is not new: since when, and how many runs failed."""
    day = int(max(0.0, now - since) / 86_400 + 0.5) + 1
    title = _title(job, f"still failing since {moment(since)[:10]}: {_headline(ending.troubles)}")
    span = "night" if ending.kind == BACKUP else "day"
    lasting = f"Still failing since {moment(since)}, {_ordinal(day)} {span}, {runs} runs."
    return title, "\n".join([lasting, "", *_body(job, ending)])


def recovery(job: str, ending: Ending, since: float, runs: int) -> tuple[str, str]:
    """Title and body of what is told when all is well again."""
    failed = "1 run had failed" if runs == 1 else f"{runs} runs had failed"
    lines = [f"The last run ended well. Since {moment(since)} {failed}.", "", *_section("What was done", ending.done)]
    return _title(job, "all is well again"), "\n".join([*lines, _last_line(job, ending)])


def success(job: str, ending: Ending) -> tuple[str, str]:
    """Title and body of what is told of a run that ended well."""
    lines = [*_section("What was done", ending.done), *_section("Notes", ending.notes)]
    return _title(job, "done"), "\n".join([*lines, _last_line(job, ending)])


def digest(job: str, period: Mapping[str, Any], now: float, kind: str = BACKUP) -> tuple[str, str]:
    """Title and body of a summary.

    Args:
        job: which.
        period: {"since", "good", "bad", "failures": [[when, title], …], "done": sentences of the last run}.
        now: its end.
        kind: the job's.
    """
    good, bad = int(period.get("good", 0)), int(period.get("bad", 0))
    runs = f"{good + bad} run{'s' * (good + bad != 1)}"
    headline = f"{runs}, all well" if not bad else f"{runs}, {bad} failed"
    if not good + bad:
        headline = "nothing ran"
    failures = [f"{moment(float(when))}  {title}" for when, title in period.get("failures", ())]
    lines = [f"From {moment(float(period.get('since', now)))} to {moment(now)}: {headline}.", ""]
    lines += [*_section("What failed", failures), *_section("The last run", period.get("done", ()))]
    return _title(job, headline), "\n".join(
        [*lines, f"More: trueup {'status' if kind == BACKUP else 'history --job'} {job}"]
    )


def moment(at: float) -> str:
    """A moment for people, in UTC: who reads may be anywhere."""
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OverflowError, ValueError, OSError):
        return "an unknown time"


def amount(size: float) -> str:
    """Bytes for people: "184 MB"."""
    for limit, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= limit:
            return f"{size / limit:.3g} {unit}"
    return f"{size:.0f} bytes"


def _headline(troubles: Sequence[Trouble]) -> str:
    first = troubles[0]
    alike = {one.about for one in troubles if one.code.startswith("take ") and one.about} - {first.about}
    said = first.headline
    if alike and first.about and first.code.startswith("take "):
        said = f"backup of {first.about} and {len(alike)} other{'s' * (len(alike) != 1)} failed"
    why = f"{first.about}: {first.why}" if first.code == "conflict" and first.about else first.why
    return f"{said} ({why})" if why else said


def _body(job: str, ending: Ending) -> Iterator[str]:
    failed = [(one.about, one.why or one.headline) for one in ending.troubles]
    yield from _section("What failed", [f"{about}: {why}" if about else why for about, why in failed])
    yield from _section("What was not tried", ending.undone)
    yield from _section("What was done", ending.done)
    yield from _section("Notes", ending.notes)
    hints = dict.fromkeys(one.hint.replace("{job}", job) for one in ending.troubles if one.hint)
    yield from _section("What to do", hints or [f"look at it, and try again: trueup run {job}"])
    yield _last_line(job, ending)


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    lines = list(lines)
    if lines:
        yield title
        yield from (f"  {_cut(line, LONGEST_LINE)}" for line in lines[:MOST_LINES])
        if len(lines) > MOST_LINES:
            yield f"  … and {len(lines) - MOST_LINES} more"
        yield ""


def _last_line(job: str, ending: Ending) -> str:
    return f"Run {ending.run}; more: {ending.look(job)}"


def _title(job: str, text: str) -> str:
    return _cut(f"trueup: {job}: {text}", LONGEST_TITLE)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _ordinal(number: int) -> str:
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number // 10 % 10 != 1 else "th"
    return f"{number}{suffix}"
