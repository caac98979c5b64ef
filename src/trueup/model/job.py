"""Jobs as the core sees them: which collections, which policy, which guards. Made by `config`, frozen, free of
secrets."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trueup.model.schedule import ScheduleSpec, Trigger


WAVES = {"apply": ("create", "update"), "delete": ("delete",)}
"""The waves in which a plan is carried out, one after another: their names, and the actions of the changes in them."""


class ConflictPolicy(StrEnum):
    """What happens when two sides changed the same field differently.

    merge: field by field; for the field in conflict the newest edit wins (the default).
    newest: the whole item of the newest edit wins.
    keep_both: the loser becomes an item of its own.
    ask: nothing is done to the item until `trueup resolve`.
    prefer: the named store's value wins for the field in conflict.
    """

    MERGE = "merge"
    NEWEST = "newest"
    KEEP_BOTH = "keep-both"
    ASK = "ask"
    PREFER = "prefer"


@dataclass(frozen=True, slots=True)
class CollectionRef:
    """A collection a job works on; `str()` is its name everywhere a person sees it: "work/team"."""

    store: str
    name: str

    def __str__(self) -> str:
        return f"{self.store}/{self.name}" if self.name else self.store


@dataclass(frozen=True, slots=True)
class Guards:
    """What a job refuses to do without a person's word. None turns one off.

    Attributes:
        max_delete_share: share (0 to 1) of a collection's items that may be deleted in one run, either way.
        max_delete: number of items that may be deleted from a collection in one run.
        max_update_share: share of a collection's items that may be updated in one run.
        empty: a side that had items and now has none stops the run.
        changed_filter: a changed filter or transform that deletes stops the run.
        small: below this number of changes the two shares say nothing (one of two events deleted is not a disaster).
    """

    max_delete_share: float | None = 0.5
    max_delete: int | None = 1000
    max_update_share: float | None = 0.8
    empty: bool = True
    changed_filter: bool = True
    small: int = 5


@dataclass(frozen=True, slots=True)
class JobSpec:
    """One job.

    Attributes:
        name: its name in the configuration.
        kind: "calendar" …
        sources: the collections read; in a two-way job also the ones written.
        targets: the collections written in a one-way job; empty in a two-way job.
        conflicts, prefer: the policy, and the store it prefers (with PREFER).
        delete_wins: a deletion beats an edit (by default the edit does).
        guards: what stops it.
        invite: attendees are carried to servers that mail them.
        options: what only the kind understands (transform, filter, overlap), as plain JSON values.
        digest: changes when the job's configuration changes.
        shape: changes when its filter or transform changes.
        schedule, triggers: when it starts by itself; no part of the two digests.
    """

    name: str
    kind: str
    sources: tuple[CollectionRef, ...]
    targets: tuple[CollectionRef, ...] = ()
    conflicts: ConflictPolicy = ConflictPolicy.MERGE
    prefer: str = ""
    delete_wins: bool = False
    guards: Guards = field(default_factory=Guards)
    invite: bool = False
    options: dict[str, object] = field(default_factory=dict)
    digest: str = ""
    shape: str = ""
    schedule: ScheduleSpec | None = None
    triggers: tuple[Trigger, ...] = ()

    @property
    def one_way(self) -> bool:
        """Whether it copies from sources to targets only."""
        return bool(self.targets)

    @property
    def collections(self) -> tuple[CollectionRef, ...]:
        """All its collections, sources first."""
        return self.sources + self.targets
