"""Occurrences: the single times at which a job or pipeline starts by itself, and the events they are worked out from."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

_PARENT = "occurrence/"


class OccurrenceState(StrEnum):
    """What became of an occurrence.

    wanted: it will run, or waits for its turn. fired: it was handed to a run, which may not have ended.
    skipped: a policy or a mistake in its parameters kept it from running. missed: its time passed and is not made up for.
    asked: it waits for a person's word as a run that awaits approval.
    """

    WANTED = "wanted"
    FIRED = "fired"
    SKIPPED = "skipped"
    MISSED = "missed"
    ASKED = "asked"


@dataclass(frozen=True, slots=True)
class Event:
    """One occurrence of an event of a calendar, as far as a schedule needs it.

    Attributes:
        key: the same for as long as it is the same occurrence, wherever it is moved to: UID, and of a series its place in it.
        start, end: seconds since 1970; where `local`, of the clock on the wall, as if it were in UTC.
        local: it says no zone: whole days, floating times.
        title, description, categories: as people wrote them.
    """

    key: str
    start: float
    end: float
    local: bool = False
    title: str = ""
    description: str = ""
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time at which something starts.

    Attributes:
        key: names it within its job or pipeline, for ever.
        at: when it starts, seconds since 1970.
        params: its parameters, as given; checked by `core.params.bind`.
        nominal: when it would start without holidays, collisions and jitter.
        until: when it is expected to be over: the end of the event; else `at`.
        title: the event's.
        skipped: why it does not run; "": it does.
        note: what moved it, or what it waits for.
        asks: what it would meet, where a person is to be asked first.
        problem: what is wrong with its parameters.
    """

    key: str
    at: float
    params: dict[str, Any] = field(default_factory=dict)
    nominal: float = 0.0
    until: float = 0.0
    title: str = ""
    skipped: str = ""
    note: str = ""
    asks: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class OccurrenceRecord:
    """An occurrence as the ledger has it.

    Attributes:
        subject: the job or pipeline.
        source: what it comes from: the digest of a schedule's times, or a trigger's id.
        state: what became of it; `changed`: since when, seconds since 1970.
        run: its run's id; "" while there is none.
        ended, outcome: when and how its run ended (a `RunState`, or "cancelled"); None and "" before.
        key, at, params, nominal, until, title, note: as in `Occurrence`.
    """

    subject: str
    key: str
    source: str
    at: float
    nominal: float
    until: float
    title: str
    params: dict[str, Any]
    state: OccurrenceState
    run: str
    note: str
    changed: float
    ended: float | None = None
    outcome: str = ""

    @property
    def parent(self) -> str:
        """What its run has as its parent, so that the same occurrence always finds the same run."""
        return parent_of(self.key)


def parent_of(key: str) -> str:
    """The parent of the run of an occurrence."""
    return f"{_PARENT}{key}"


def key_of(parent: str) -> str:
    """The key of the occurrence that a run has as its parent; "" for another parent."""
    return parent.removeprefix(_PARENT) if parent.startswith(_PARENT) else ""
