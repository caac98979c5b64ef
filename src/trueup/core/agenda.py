"""The agenda: what is to start in the time to come, worked out anew again and again, and kept the same in the ledger.

What the ledger wants is compared with what the configuration and the calendars say now; what differs is corrected and told. A calendar
that cannot be read changes nothing: what was wanted stays wanted. Nothing that a schedule or event says of the past starts anything,
beside what came due since it was last looked at (of a calendar: and a little before, for people write down what is now).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeAlias

from trueup.core.collisions import Party, settled
from trueup.core.event_params import ReadBlock, params_of
from trueup.core.ledger.occurrences import Occurrences
from trueup.core.schedules import MAX_OCCURRENCES, expected, latest
from trueup.model.errors import TrueupError
from trueup.model.occurrence import Event, Occurrence, OccurrenceRecord, OccurrenceState
from trueup.model.pipeline import PipelineSpec
from trueup.model.schedule import CalendarSource, CatchUp, ScheduleSpec, Trigger

Json: TypeAlias = dict[str, Any]
OnEvent: TypeAlias = Callable[[Json], None]

DAY = 86_400.0
CALENDAR_AHEAD = 7 * DAY
"""How far ahead the events of a calendar are kept: for so long it may be away."""
CLOCK_AHEAD = DAY
KEPT_AHEAD = 20
"""How many of a cron expression or an interval are kept ahead at least, and …"""
KEPT_SECONDS = 300.0
"""… for how long: more than the time between two comparisons."""
LEEWAY = 60.0
"""Seconds, beside the time between two looks at a calendar."""
_BEHIND = 31 * DAY  # an event that begins before the window may reach into it


@dataclass(frozen=True, slots=True)
class Subject:
    """A job or pipeline that starts by itself.

    Attributes:
        name: its name.
        schedule, triggers: what starts it.
        pipeline: None for a job.
        party: what it collides with, and what it does then.
    """

    name: str
    schedule: ScheduleSpec | None = None
    triggers: tuple[Trigger, ...] = ()
    pipeline: PipelineSpec | None = None
    party: Party = field(default_factory=lambda: Party(frozenset()))

    @property
    def kind(self) -> str:
        """ "job" or "pipeline"."""
        return "job" if self.pipeline is None else "pipeline"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a calendar says.

    Attributes:
        events: of the window that was asked for.
        at: when it was read, seconds since 1970.
        problem: why it could not be read; then there are no events to go by.
        refused: items that could not be understood, a sentence each.
        kept: the names of those, as their events' keys begin: what is wanted of them stays.
    """

    events: Sequence[Event] = ()
    at: float = 0.0
    problem: str = ""
    refused: Sequence[str] = ()
    kept: Collection[str] = ()


class Calendars(Protocol):
    """The calendars that schedules name."""

    def read(self, source: CalendarSource, first: float, last: float) -> Reading:
        """The events of a calendar within a window, as of the last time it was looked at."""
        ...


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is to come.

    Attributes:
        found: by subject; also what is skipped, with the reason.
        readings: what its calendar said, by subject; an empty one where a clock drives it.
        problems: why nothing can be said of a subject: a calendar that cannot be read.
    """

    found: dict[str, list[Occurrence]]
    readings: dict[str, Reading] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


def forecast(
    subjects: Iterable[Subject],
    calendars: Calendars,
    windows: Mapping[str, tuple[float, float]],
    running: Iterable[tuple[str, Occurrence]] = (),
    read_block: ReadBlock = json.loads,
) -> Forecast:
    """What starts within a window of each subject, parameters checked and collisions resolved.

    Args:
        subjects: all of them; those without a schedule, and those that are paused, have nothing to come.
        calendars: where events are read.
        windows: from when (not itself) to when, by subject.
        running: what is under way, with its subject.
        read_block: reads a block of parameters in a description.
    """
    found: dict[str, list[Occurrence]] = {}
    readings: dict[str, Reading] = {}
    problems: dict[str, str] = {}
    timed = [one for one in subjects if one.schedule is not None and not one.schedule.paused]
    for subject in timed:
        try:
            listed, readings[subject.name] = _of_subject(subject, calendars, *windows[subject.name], read_block)
        except _Unknown as unknown:
            problems[subject.name] = str(unknown)
        except Exception as error:  # an event nobody thought of must not keep the others from starting
            problems[subject.name] = f"this is our mistake, please report it: {type(error).__name__}: {error}"
        else:
            found[subject.name] = listed
    parties = {one.name: one.party for one in timed}
    return Forecast(settled(found, parties, running), readings, problems)


class _Unknown(Exception):
    """A calendar cannot be read."""


def _of_subject(
    subject: Subject, calendars: Calendars, after: float, before: float, read_block: ReadBlock
) -> tuple[list[Occurrence], Reading]:
    spec = subject.schedule
    assert spec is not None
    driving = Reading(at=before)
    if spec.calendar is not None:
        driving = calendars.read(spec.calendar, after, before)
    exceptions = [calendars.read(one.calendar, after - _BEHIND, before) for one in spec.except_]
    # Holidays as they were last known are better than no run at all; unknown ones are not.
    for reading in (driving, *(one for one in exceptions if not one.at)):
        if reading.problem:
            raise _Unknown(reading.problem)
    listed = expected(spec, after, before, driving.events, [one.events for one in exceptions])
    texts = {one.key: one.description for one in driving.events}
    return [_bound(subject, one, texts.get(one.key, ""), read_block) for one in listed], driving


def _bound(subject: Subject, one: Occurrence, description: str, read_block: ReadBlock) -> Occurrence:
    """The occurrence with the value of every parameter, or with what is wrong with them."""
    try:
        return replace(one, params=params_of(description, one.params, subject.pipeline, read_block))
    except TrueupError as error:
        hint = f" ({error.hint})" if error.hint else ""
        return replace(one, problem=str(error), skipped=one.skipped or f"{error}{hint}")


class Agenda:
    """Keeps what the ledger wants the same as what is said.

    Args:
        occurrences: of the ledger.
        calendars: where events are read.
        on_event: told what was corrected: {"event": "occurrence", "subject", "key", "at", "state", "note", "title"} and
            {"event": "calendar", "subject", "problem"}.
        read_block: reads a block of parameters in a description.
    """

    def __init__(
        self, occurrences: Occurrences, calendars: Calendars, on_event: OnEvent, read_block: ReadBlock = json.loads
    ) -> None:
        self._known = occurrences
        self._calendars = calendars
        self._on_event = on_event
        self._read_block = read_block
        self._told: dict[str, object] = {}
        self.asks: dict[tuple[str, str], str] = {}
        """Of what is wanted: whom it would meet, where a person is to be asked."""

    def check(self, subjects: Sequence[Subject], now: float, running: Iterable[tuple[str, Occurrence]] = ()) -> None:
        """Compares and corrects.

        Args:
            subjects: all that start by themselves.
            now: seconds since 1970.
            running: what is under way, with its subject.
        """
        timed = [one for one in subjects if one.schedule is not None]
        marks: dict[str, float] = {}
        seen: dict[str, float] = {}
        windows: dict[str, tuple[float, float]] = {}
        wanted: dict[str, list[OccurrenceRecord]] = {}
        for subject in timed:
            assert subject.schedule is not None
            spec = subject.schedule
            mark = self._known.seen(subject.name, spec.timing)
            if mark is None or spec.paused:  # it begins now: whatever began before starts nothing
                mark = now + _leeway(spec)
            marks[subject.name], seen[subject.name] = mark, mark - _leeway(spec)
            wanted[subject.name] = self._known.wanted(subject.name, spec.timing)
            windows[subject.name] = _window(spec, seen[subject.name], now, wanted[subject.name])
        said = forecast(timed, self._calendars, windows, running, self._read_block)
        for subject in timed:
            assert subject.schedule is not None
            self._unread(subject.name, said)
            if subject.name in said.problems:
                continue
            found = said.found.get(subject.name, [])
            reading = said.readings.get(subject.name, Reading(at=now))
            kept = {one.key for one in wanted[subject.name] if _of(one.key, reading.kept)}
            self._correct(subject, found, wanted[subject.name], seen[subject.name], now, keep=kept)
            upto = min(reading.at, now)
            if len(found) >= MAX_OCCURRENCES:
                upto = min(upto, max(one.nominal for one in found))
            self._known.see({(subject.name, subject.schedule.timing): max(upto, marks[subject.name])})

    def _unread(self, name: str, said: Forecast) -> None:
        """Tells once that a calendar cannot be read or has items that cannot be understood, and once that it is well again."""
        reading = said.readings.get(name, Reading())
        refused = "; ".join(reading.refused[:3])
        trouble = said.problems.get(name, "") or refused
        state = "away" if name in said.problems else refused  # why it is away may be another every time
        if state != self._told.get(name, ""):
            self._told[name] = state
            self._on_event({"event": "calendar", "subject": name, "problem": trouble})

    def _correct(
        self,
        subject: Subject,
        found: Sequence[Occurrence],
        wanted: Sequence[OccurrenceRecord],
        seen: float,
        now: float,
        keep: set[str],
    ) -> None:
        assert subject.schedule is not None
        source = subject.schedule.timing
        rows = {one.key: one for one in wanted}
        known = self._known.known(subject.name, [one.key for one in found if one.key not in rows])
        for one in _near(subject.schedule, found, now):
            row = rows.pop(one.key, None)
            self.asks.pop((subject.name, one.key), None)
            if one.asks and not one.skipped:
                self.asks[subject.name, one.key] = one.asks
            if row is not None:
                self._kept(subject.name, source, row, one, seen, now)
            elif one.key not in known and one.nominal > seen:
                self._added(subject.name, source, one, now)
        for key, row in rows.items():
            if key not in keep and self._known.withdraw(subject.name, key):
                self._say(subject.name, row, "withdrawn", "it is not in the schedule any more")

    def _added(self, subject: str, source: str, one: Occurrence, now: float) -> None:
        if one.skipped and one.nominal > now:
            if one.problem and self._told.get(f"{subject}/{one.key}") != one.problem:
                self._told[f"{subject}/{one.key}"] = one.problem
                self._say(subject, one, "refused", one.skipped)
            return
        if not self._known.want(subject, source, one):
            return
        if one.skipped:
            self._known.decide(subject, one.key, OccurrenceState.SKIPPED, one.skipped)
            self._say(subject, one, "skipped", one.skipped)
        else:
            self._say(subject, one, "wanted", one.note)

    def _kept(self, subject: str, source: str, row: OccurrenceRecord, one: Occurrence, seen: float, now: float) -> None:
        if one.skipped:
            if one.nominal <= now:
                if self._known.decide(subject, one.key, OccurrenceState.SKIPPED, one.skipped):
                    self._say(subject, one, "skipped", one.skipped)
            elif self._known.withdraw(subject, one.key):
                self._say(subject, one, "withdrawn", one.skipped)
            return
        if one.nominal != row.nominal and one.nominal <= seen:
            if self._known.withdraw(subject, one.key):
                self._say(subject, one, "withdrawn", "it was moved into the past")
            return
        before = (row.at, row.nominal, row.until, row.params, row.title, row.note)
        if before != (one.at, one.nominal, one.until, one.params, one.title, one.note) and self._known.move(
            subject, one
        ):
            told = "moved" if (row.at, row.nominal) != (one.at, one.nominal) else "changed"
            self._say(subject, one, told, one.note)

    def _say(self, subject: str, one: Occurrence | OccurrenceRecord, state: str, note: str) -> None:
        told = {"subject": subject, "key": one.key, "at": one.at, "state": state, "title": one.title, "note": note}
        self._on_event({"event": "occurrence", **told})


def _of(key: str, names: Collection[str]) -> bool:
    """Whether a key is one of these, or of a series among them."""
    return any(key == one or key.startswith(f"{one}#") for one in names)


def _leeway(spec: ScheduleSpec) -> float:
    """For so long after its beginning an event that was not seen before still starts a run: people write down what is now."""
    return 0.0 if spec.calendar is None else spec.calendar.refresh + LEEWAY


def _window(spec: ScheduleSpec, seen: float, now: float, wanted: Sequence[OccurrenceRecord]) -> tuple[float, float]:
    """From when to when a subject is worked out: everything that is wanted, and everything since it was last looked at.

    Of what was missed, only as much as is made up for.
    """
    low = seen
    if spec.calendar is None and spec.catch_up is not CatchUp.ALL:
        last = latest(spec, now)
        low = seen if last is None else max(seen, last - 1e-3)
    ahead = CALENDAR_AHEAD if spec.calendar is not None else CLOCK_AHEAD
    return min([low, *(one.nominal - 1e-3 for one in wanted)]), now + ahead


def _near(spec: ScheduleSpec, found: Sequence[Occurrence], now: float) -> list[Occurrence]:
    """What is kept: of a clock, what is due and the next ones."""
    if spec.calendar is not None:
        return list(found)
    soon = [one for one in found if one.nominal <= now + KEPT_SECONDS]
    return [*soon, *[one for one in found if one.nominal > now + KEPT_SECONDS][: max(0, KEPT_AHEAD - len(soon))]]
