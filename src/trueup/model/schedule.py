"""Schedules and triggers as the core and every engine see them: when a job or pipeline starts by itself. Made by `config`, frozen.

A schedule says *when* (cron, an interval, or the events of a calendar), what keeps it from starting (holidays, other runs), and what
becomes of what was missed. A trigger says *upon what*: a file, an authenticated HTTP call, the end of another run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any, TypeAlias

from trueup.model.run import RunState

Json: TypeAlias = dict[str, Any]


class CatchUp(StrEnum):
    """What becomes of occurrences that passed while nobody was there to start them.

    skip: nothing; the next one runs. one: the last of them runs. all: each of them runs, one after another.
    """

    SKIP = "skip"
    ONE = "one"
    ALL = "all"


class Overlap(StrEnum):
    """What happens when the last run is still under way.

    skip: this occurrence does not run. queue: it waits for its turn. cancel: the one under way is stopped and given up.
    allow: both run side by side (pipelines only; jobs never do).
    """

    SKIP = "skip"
    QUEUE = "queue"
    CANCEL = "cancel"
    ALLOW = "allow"


class Collide(StrEnum):
    """What happens when a run would meet a run of something else that uses the same job.

    queue: it waits for its turn. shift: it is moved to the end of the other, beforehand where that is known.
    skip: it does not run. ask: it waits as "awaiting approval" until a person says `trueup apply RUN`.
    """

    QUEUE = "queue"
    SHIFT = "shift"
    SKIP = "skip"
    ASK = "ask"


class ExceptPolicy(StrEnum):
    """What a holiday or blackout does to an occurrence: it falls out, or it is moved to the end of it."""

    SKIP = "skip"
    SHIFT = "shift"


@dataclass(frozen=True, slots=True)
class CalendarSource:
    """Events of a calendar: those that fit everything that is said here.

    Attributes:
        store, name: the calendar; `name` is "" for a store that is a single calendar.
        categories: one of these; empty: any.
        title: a regular expression that finds the title; "": any.
        refresh: seconds between two looks at the calendar.
    """

    store: str
    name: str = ""
    categories: tuple[str, ...] = ()
    title: str = ""
    refresh: float = 300.0

    def __str__(self) -> str:
        return f"{self.store}/{self.name}" if self.name else self.store

    def to_json(self) -> Json:
        """As a JSON object."""
        return {
            "store": self.store,
            "name": self.name,
            "categories": list(self.categories),
            "title": self.title,
            "refresh": self.refresh,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> CalendarSource:
        """From what `to_json` gives."""
        return cls(
            value["store"],
            value.get("name", ""),
            tuple(value.get("categories", ())),
            value.get("title", ""),
            value.get("refresh", 300.0),
        )


@dataclass(frozen=True, slots=True)
class ExceptSpec:
    """Times at which nothing starts: every event of `calendar` is one (an all-day event: its whole days in the schedule's zone)."""

    calendar: CalendarSource
    policy: ExceptPolicy = ExceptPolicy.SKIP

    def to_json(self) -> Json:
        """As a JSON object."""
        return {"calendar": self.calendar.to_json(), "policy": self.policy.value}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ExceptSpec:
        """From what `to_json` gives."""
        return cls(CalendarSource.from_json(value["calendar"]), ExceptPolicy(value.get("policy", "skip")))


@dataclass(frozen=True, slots=True)
class ScheduleSpec:
    """When a job or pipeline starts by itself. Exactly one of `cron`, `every` and `calendar` is given.

    Attributes:
        cron: five fields, as Debian's cron reads them ("0 6 * * 1-5"); "" for none.
        zone: an IANA time zone: what the fields of `cron`, all-day events and floating times are in.
        every: seconds between two starts, counted from `start`; None for none.
        start: ISO 8601 with an offset; "": midnight UTC of 1 January 1970.
        calendar: the events that start it, each at its beginning; None for none.
        except_: holidays and blackouts.
        catch_up, overlap, collide: see there.
        jitter: seconds; a run starts up to so much later, the same for the same occurrence.
        paused: nothing starts, and nothing is caught up afterwards.
        params: the parameters of the pipeline; an event's own come first.
    """

    cron: str = ""
    zone: str = "UTC"
    every: float | None = None
    start: str = ""
    calendar: CalendarSource | None = None
    except_: tuple[ExceptSpec, ...] = ()
    catch_up: CatchUp = CatchUp.ONE
    jitter: float = 0.0
    overlap: Overlap = Overlap.SKIP
    collide: Collide = Collide.QUEUE
    paused: bool = False
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """ "cron", "every" or "calendar"."""
        return "calendar" if self.calendar is not None else "every" if self.every is not None else "cron"

    @property
    def timing(self) -> str:
        """A digest of what makes the nominal times: it changes when the occurrences become others, and not with a policy."""
        calendar = None
        if self.calendar is not None:
            calendar = {key: one for key, one in self.calendar.to_json().items() if key != "refresh"}
        zone = "" if self.kind == "every" else self.zone
        return _digest([" ".join(self.cron.split()), zone, self.every, self.start, calendar])

    def to_json(self) -> Json:
        """As a JSON object; all members are there."""
        return {
            "cron": self.cron,
            "zone": self.zone,
            "every": self.every,
            "start": self.start,
            "calendar": None if self.calendar is None else self.calendar.to_json(),
            "except": [one.to_json() for one in self.except_],
            "catch_up": self.catch_up.value,
            "jitter": self.jitter,
            "overlap": self.overlap.value,
            "collide": self.collide.value,
            "paused": self.paused,
            "params": dict(self.params),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ScheduleSpec:
        """From what `to_json` gives; what is left out has its default."""
        calendar = value.get("calendar")
        return cls(
            cron=value.get("cron", ""),
            zone=value.get("zone", "UTC"),
            every=value.get("every"),
            start=value.get("start", ""),
            calendar=None if calendar is None else CalendarSource.from_json(calendar),
            except_=tuple(ExceptSpec.from_json(one) for one in value.get("except", ())),
            catch_up=CatchUp(value.get("catch_up", "one")),
            jitter=value.get("jitter", 0.0),
            overlap=Overlap(value.get("overlap", "skip")),
            collide=Collide(value.get("collide", "queue")),
            paused=value.get("paused", False),
            params=dict(value.get("params", {})),
        )


@dataclass(frozen=True, slots=True)
class FileTrigger:
    """A file arrives: each starts one run, with its path as the parameter `file` where the pipeline has one.

    Attributes:
        pattern: a glob, absolute or from the folder of trueup.yaml ("inbox/*.csv").
        settle: seconds for which size and time of the file must have been at rest: it is whole then.
        params: further parameters.
    """

    pattern: str
    settle: float = 2.0
    params: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> Json:
        """As a JSON object."""
        return {"file": self.pattern, "settle": self.settle, "params": dict(self.params)}


@dataclass(frozen=True, slots=True)
class HttpTrigger:
    """An authenticated HTTP call (POST): its JSON body has the parameters. The token stays with the configuration.

    Attributes:
        path: where it is called: "/hooks/crm".
        params: further parameters; the body's come first.
    """

    path: str
    params: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> Json:
        """As a JSON object."""
        return {"http": self.path, "params": dict(self.params)}


@dataclass(frozen=True, slots=True)
class AfterTrigger:
    """A run of another job or pipeline ended.

    Attributes:
        subject: the job or pipeline.
        outcomes: how it must have ended.
        params: the parameters.
    """

    subject: str
    outcomes: tuple[RunState, ...] = (RunState.DONE,)
    params: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> Json:
        """As a JSON object."""
        return {"after": self.subject, "outcome": [one.value for one in self.outcomes], "params": dict(self.params)}


Trigger: TypeAlias = FileTrigger | HttpTrigger | AfterTrigger


def trigger_from_json(value: Mapping[str, Any]) -> Trigger:
    """A trigger from what its `to_json` gives."""
    params = dict(value.get("params", {}))
    if "file" in value:
        return FileTrigger(value["file"], value.get("settle", 2.0), params)
    if "http" in value:
        return HttpTrigger(value["http"], params)
    return AfterTrigger(value["after"], tuple(RunState(one) for one in value.get("outcome", ["done"])), params)


def trigger_id(trigger: Trigger) -> str:
    """Names a trigger within its job or pipeline; the same as long as it waits for the same."""
    value = {key: one for key, one in trigger.to_json().items() if key not in ("params", "settle")}
    return _digest(value)


def _digest(value: Any) -> str:
    return sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:16]
