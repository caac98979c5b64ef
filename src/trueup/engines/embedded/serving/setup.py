"""What `serve` is given by the composition root, and how it behaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from trueup.core.agenda import Calendars, Subject
from trueup.core.event_params import ReadBlock
from trueup.core.ledger import Ledger
from trueup.model.occurrence import OccurrenceRecord

Json: TypeAlias = dict[str, Any]
OnEvent: TypeAlias = Callable[[Json], None]

RESUME = "resume"
"""The source of an occurrence that takes up a run which somebody else began and which was killed."""


class Command(Protocol):
    """How the run of an occurrence is started: the words of a command line."""

    def __call__(self, one: OccurrenceRecord) -> list[str]: ...


class Ask(Protocol):
    """Makes the run of an occurrence that waits for a person, and returns its id; `why`: what it would meet."""

    def __call__(self, one: OccurrenceRecord, why: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Setup:
    """One configuration.

    Attributes:
        ledger: the durable memory.
        root: the folder that patterns of files are taken from.
        subjects: what starts by itself, by name.
        everything: every job and pipeline there is, by name: what was killed of them is taken up, and collides with the others.
        calendars: the calendars that schedules name.
        command, ask: see there.
        tokens: what the callers of HTTP triggers must show, by path.
        read_block: reads a block of parameters in a description.
        closed: called when this configuration is not used any more.
    """

    ledger: Ledger
    root: Path
    subjects: Mapping[str, Subject]
    everything: Mapping[str, Subject]
    calendars: Calendars
    command: Command
    ask: Ask
    tokens: Mapping[str, str]
    read_block: ReadBlock
    closed: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Settings:
    """Times in seconds.

    Attributes:
        lease: how long another `serve` waits for one that does not answer any more.
        standby: how often it looks.
        check: how often what is wanted is compared with the configuration and the calendars.
        grace: how late a start may be without counting as missed.
        watch: how often it is looked whether trueup.yaml was changed.
        poll: how often files and the ends of other runs are looked for.
        patience: the pause before a run is tried again that another process works on, or that crashed.
        cancel: how long a run that another takes the place of may take to end.
        attempts: how often a run that crashes is started in all.
        parallel: how many runs are under way at once.
        listen: host and port for HTTP triggers.
        keep_days: how long the ledger keeps what is over.
    """

    lease: float = 20.0
    standby: float = 2.0
    check: float = 60.0
    grace: float = 60.0
    watch: float = 5.0
    poll: float = 1.0
    patience: float = 5.0
    cancel: float = 60.0
    attempts: int = 3
    parallel: int = 4
    listen: tuple[str, int] = ("127.0.0.1", 8642)
    keep_days: float = 90.0
    clock: Callable[[], float] | None = field(default=None, compare=False)
