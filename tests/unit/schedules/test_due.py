"""What becomes of what is due."""

from __future__ import annotations

from typing import Any

import pytest

from trueup.core.agenda import Subject
from trueup.core.collisions import Party
from trueup.engines.embedded.serving.due import verdicts
from trueup.model.occurrence import OccurrenceRecord, OccurrenceState
from trueup.model.schedule import CalendarSource, CatchUp, Collide, Overlap, ScheduleSpec

NOW = 10_000.0
GRACE = 60.0


def subject(name: str = "team", uses: str = "job/team", **more: Any) -> Subject:
    more.setdefault("every", 100.0)
    collide = more.get("collide", Collide.QUEUE)
    if "calendar" in more:
        del more["every"]
    return Subject(name, ScheduleSpec(**more), party=Party(frozenset({uses}), collide))


def row(key: str, at: float, owner: Subject, source: str = "") -> OccurrenceRecord:
    assert owner.schedule is not None
    source = source or owner.schedule.timing
    return OccurrenceRecord(owner.name, key, source, at, at, at, "", {}, OccurrenceState.WANTED, "", "", at)


def decided(
    rows: list[OccurrenceRecord], *subjects: Subject, busy: tuple[OccurrenceRecord, ...] = (), asks: str = ""
) -> dict[str, str]:
    found = verdicts(rows, busy, {one.name: one for one in subjects}, NOW, GRACE, lambda subject, key: asks)
    return {one.one.key: one.state.value + (" cancels" if one.cancels else "") for one in found}


@pytest.mark.parametrize(
    ("policy", "becomes"),
    [
        (CatchUp.SKIP, {"a": "missed", "b": "missed", "c": "missed"}),
        (CatchUp.ONE, {"a": "missed", "b": "missed", "c": "fired"}),
        (CatchUp.ALL, {"a": "fired", "b": "fired", "c": "fired"}),
    ],
)
def test_what_was_missed(policy: CatchUp, becomes: dict[str, str]) -> None:
    one = subject(catch_up=policy)
    assert decided([row("a", 1000, one), row("b", 2000, one), row("c", 3000, one)], one) == becomes


def test_one_in_time_does_for_what_a_clock_missed_but_not_for_an_event() -> None:
    clock, calendar = subject(), subject(calendar=CalendarSource("work", refresh=0.0))
    for one, missed in ((clock, "missed"), (calendar, "fired")):
        found = decided([row("a", 1000, one), row("b", NOW - 5, one)], one)
        assert found["a"] == missed
        assert found["b"] == ("fired" if one is clock else "skipped")


def test_a_little_late_is_in_time() -> None:
    clock, calendar = (
        subject(catch_up=CatchUp.SKIP),
        subject(catch_up=CatchUp.SKIP, calendar=CalendarSource("work", refresh=300.0)),
    )
    assert decided([row("a", NOW - 59, clock)], clock) == {"a": "fired"}
    assert decided([row("a", NOW - 61, clock)], clock) == {"a": "missed"}
    assert decided([row("a", NOW - 359, calendar)], calendar) == {"a": "fired"}


@pytest.mark.parametrize(
    ("overlap", "becomes"),
    [(Overlap.SKIP, "skipped"), (Overlap.QUEUE, "fired"), (Overlap.CANCEL, "fired cancels"), (Overlap.ALLOW, "fired")],
)
def test_the_last_run_is_under_way(overlap: Overlap, becomes: str) -> None:
    one = subject(overlap=overlap)
    assert decided([row("b", NOW, one)], one, busy=(row("a", 9000, one),)) == {"b": becomes}
    assert decided([row("b", NOW, one)], one) == {"b": "fired"}


def test_all_that_is_made_up_for_runs_one_after_another_whatever_the_overlap() -> None:
    one = subject(catch_up=CatchUp.ALL, overlap=Overlap.CANCEL)
    rows = [row("a", 1000, one), row("b", 2000, one)]
    assert decided(rows, one) == {"a": "fired", "b": "fired"}


@pytest.mark.parametrize(
    ("collide", "becomes"),
    [(Collide.QUEUE, "fired"), (Collide.SHIFT, "fired"), (Collide.SKIP, "skipped"), (Collide.ASK, "asked")],
)
def test_another_run_with_the_same_job(collide: Collide, becomes: str) -> None:
    one, other, stranger = subject(collide=collide), subject("other"), subject("stranger", "job/busy")
    assert decided([row("b", NOW, one)], one, other, busy=(row("a", 9000, other),)) == {"b": becomes}
    assert decided([row("b", NOW, one)], one, stranger, busy=(row("a", 9000, stranger),)) == {"b": "fired"}


def test_what_was_worked_out_beforehand_is_asked() -> None:
    one = subject(collide=Collide.ASK)
    assert decided([row("b", NOW, one)], one, asks="close") == {"b": "asked"}


def test_of_two_that_are_due_together_the_later_one_meets_the_earlier() -> None:
    one, other = subject(collide=Collide.SKIP), subject("other", collide=Collide.SKIP)
    assert decided([row("b", NOW - 1, one), row("a", NOW - 2, other)], one, other) == {"a": "fired", "b": "skipped"}


def test_what_a_trigger_brought_is_never_left_out() -> None:
    one, other = subject(collide=Collide.SKIP, catch_up=CatchUp.SKIP), subject("other")
    brought = row("file:x", 10, one, source="trigger")
    assert decided([brought], one, other, busy=(row("a", 9000, other), row("b", 9000, one))) == {"file:x": "fired"}
