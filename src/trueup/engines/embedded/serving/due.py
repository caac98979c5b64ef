"""What becomes of what is due: made up for or missed, beside or behind what is under way, with or without a person's word."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from trueup.core.agenda import Subject
from trueup.model.occurrence import OccurrenceRecord, OccurrenceState
from trueup.model.schedule import CatchUp, Collide, Overlap


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of an occurrence.

    Attributes:
        one: the occurrence.
        state: fired, skipped, missed or asked.
        note: why.
        cancels: what is under way of the same job or pipeline is stopped first.
    """

    one: OccurrenceRecord
    state: OccurrenceState
    note: str = ""
    cancels: bool = False


def verdicts(
    due: Iterable[OccurrenceRecord],
    under_way: Sequence[OccurrenceRecord],
    subjects: Mapping[str, Subject],
    now: float,
    grace: float,
    asks: Callable[[str, str], str] = lambda subject, key: "",
) -> list[Verdict]:
    """Decides on everything that is due.

    Args:
        due: wanted occurrences whose time has come.
        under_way: what was fired and has not ended.
        subjects: all that start by themselves, by name.
        now: seconds since 1970.
        grace: how late a start may be without counting as missed.
        asks: whom an occurrence would meet where a person is to be asked, as worked out beforehand; "" for nobody.

    Returns:
        By the time at which they were to start.
    """
    order = sorted(due, key=lambda one: (one.subject, one.source, one.at, one.key))
    found: list[Verdict] = []
    kept: list[tuple[OccurrenceRecord, bool]] = []
    for (name, _), group in groupby(order, key=lambda one: (one.subject, one.source)):
        rows, subject = list(group), subjects.get(name)
        if not _timed(subject, rows[0]):
            kept += [(one, False) for one in rows]  # what a trigger brought is never late
            continue
        assert subject is not None
        late = [one for one in rows if now - one.at > _grace(subject, grace)]
        made_up = _made_up(subject, late, len(late) < len(rows))
        found += [
            Verdict(one, OccurrenceState.MISSED, "its time passed while nothing could start it")
            for one in late
            if one not in made_up
        ]
        kept += [(one, one in made_up) for one in rows if one in made_up or one not in late]
    busy = list(under_way)
    for one, late_one in sorted(kept, key=lambda pair: (pair[0].at, pair[0].subject, pair[0].key)):
        verdict = _beside(one, late_one, busy, subjects, asks(one.subject, one.key))
        found.append(verdict)
        if verdict.state is OccurrenceState.FIRED:
            busy.append(one)
    return sorted(found, key=lambda each: (each.one.at, each.one.subject, each.one.key))


def _timed(subject: Subject | None, one: OccurrenceRecord) -> bool:
    """Whether an occurrence comes from the schedule, and not from a trigger."""
    return subject is not None and subject.schedule is not None and one.source == subject.schedule.timing


def _grace(subject: Subject, grace: float) -> float:
    """An event may be written down, and seen, only shortly before or after its beginning."""
    spec = subject.schedule
    assert spec is not None
    return grace + (spec.calendar.refresh if spec.calendar is not None else 0.0)


def _made_up(subject: Subject, late: Sequence[OccurrenceRecord], more: bool) -> list[OccurrenceRecord]:
    """What is made up for; `more`: another one is due in time, which does for what was missed of a clock."""
    spec = subject.schedule
    assert spec is not None
    if spec.catch_up is CatchUp.ALL:
        return list(late)
    if spec.catch_up is CatchUp.SKIP or (more and spec.calendar is None):
        return []
    return list(late[-1:])


def _beside(
    one: OccurrenceRecord,
    made_up: bool,
    busy: Sequence[OccurrenceRecord],
    subjects: Mapping[str, Subject],
    asked: str,
) -> Verdict:
    subject = subjects.get(one.subject)
    if subject is None or not _timed(subject, one):
        return Verdict(one, OccurrenceState.FIRED)
    assert subject.schedule is not None
    own = [each for each in busy if each.subject == one.subject]
    overlap = subject.schedule.overlap
    if own and overlap is Overlap.SKIP and not made_up:
        return Verdict(one, OccurrenceState.SKIPPED, "its last run is still under way")
    met = asked or _met(subject, one, busy, subjects)
    if met and subject.party.collide is Collide.SKIP:
        return Verdict(one, OccurrenceState.SKIPPED, f"it would meet {met}")
    if met and subject.party.collide is Collide.ASK:
        return Verdict(one, OccurrenceState.ASKED, f"it would meet {met}")
    return Verdict(one, OccurrenceState.FIRED, cancels=bool(own) and overlap is Overlap.CANCEL and not made_up)


def _met(
    subject: Subject, one: OccurrenceRecord, busy: Iterable[OccurrenceRecord], subjects: Mapping[str, Subject]
) -> str:
    """Who else is under way with a job of this one; "" for nobody."""
    for each in busy:
        other = subjects.get(each.subject)
        if each.subject != one.subject and other is not None and subject.party.uses & other.party.uses:
            return each.subject
    return ""
