"""What was measured, as data: side-by-side comparisons, and tables of other figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from benchmarks.process import Cost

MEGA = 1e6


@dataclass(frozen=True)
class Side:
    """One program at one piece of work: medians over the rounds; `failed` says why there are no figures."""

    wall: float = 0.0
    cpu: float = 0.0
    rss: float = 0.0
    requests: int | None = None
    failed: str = ""

    @classmethod
    def of(cls, costs: Sequence[Cost], requests: int | None = None) -> Side:
        """The medians of several runs."""
        return cls(
            median(one.wall for one in costs),
            median(one.cpu for one in costs),
            median(one.rss for one in costs),
            requests,
        )


@dataclass(frozen=True)
class Comparison:
    """Both programs at the same piece of work, on the same server, in the same run.

    Attributes:
        work: what was done ("first pull into a folder").
        server: where ("Cyrus").
        events: how many the calendar holds.
        size: their bytes.
        rounds: of each program, in turn.
        target: how many times faster it shall be; None: no promise.
    """

    work: str
    server: str
    events: int
    size: int
    rounds: int
    theirs: Side
    ours: Side
    target: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times faster by wall time; None where one of them failed."""
        return None if self.theirs.failed or self.ours.failed else self.theirs.wall / self.ours.wall


@dataclass(frozen=True)
class Section:
    """A part of the results that was measured in one run.

    Attributes:
        name: for the command line.
        title, about: for the reader; `about` is Markdown.
        comparisons: side by side.
        head, rows: any other table.
    """

    name: str
    title: str
    about: str = ""
    comparisons: tuple[Comparison, ...] = ()
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    measured: str = field(default="")

    def to_json(self) -> dict[str, Any]:
        """As `benchmarks/results.json` keeps it."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Section:
        """What `to_json` wrote."""
        pairs = [
            Comparison(**{**one, "theirs": Side(**one["theirs"]), "ours": Side(**one["ours"])})
            for one in value["comparisons"]
        ]
        rows = tuple(tuple(row) for row in value["rows"])
        return cls(**{**value, "comparisons": tuple(pairs), "head": tuple(value["head"]), "rows": rows})
