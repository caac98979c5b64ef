"""The ledger's rows as the core sees them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from trueup.model.change import Change, ChangeState


@dataclass(frozen=True, slots=True)
class CollectionRow:
    """A collection of a job.

    Attributes:
        id: the ledger's number of it.
        job: the job.
        ref: "store/name".
        cursor: what to hand to `Collection.changes` next; None: list in full.
        revision: grows by one with every reading that saw a change.
        read_at: when it was last read to the end, seconds since 1970; None: never.
        listed_at: when that was by a full listing.
    """

    id: int
    job: str
    ref: str
    cursor: str | None
    revision: int
    read_at: float | None
    listed_at: float | None = None


@dataclass(frozen=True, slots=True)
class Replica:
    """What one collection holds of one item.

    Attributes:
        seen: digest of the body last observed there; None: it is gone.
        base: digest of the body it held when all sides last agreed; None: never agreed.
        sent: digest of what we last asked it to hold; None: we never wrote it. Differs from `seen` where the server rewrote it.
        kept: digest of what the server made of `sent`, as it was read back; None: never read back.
        etag: as last observed; None: must be fetched to know (unverified, or the store gives none).
        link: the item's link; None: not linked.
        revision: the collection's revision at which it was last observed to change.
        refused: the code of why it is left alone ("no-uid"), with `refused_why` for people; "" where it is handled.
    """

    id: int
    collection: int
    href: str
    etag: str | None
    seen: str | None
    base: str | None
    sent: str | None
    uid: str
    title: str
    starts: str
    link: int | None
    revision: int
    refused: str = ""
    refused_why: str = ""
    kept: str | None = None


@dataclass(frozen=True, slots=True)
class Observed:
    """One fetched item: what `State.observe` records. A refused one has `refused` and an empty uid; its body is kept all the same."""

    href: str
    etag: str | None
    seen: str
    uid: str
    title: str
    starts: str
    refused: str = ""
    refused_why: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """An item across collections.

    Attributes:
        key: its key: the UID (two-way), or the UID the targets use (one-way). Unique within the job.
        due: when the planner has to look at it: None: never, all sides agree; 0: now; later: parked by a filter, or in quarantine.
        attempts: failures in a row; 0 outside quarantine.
        error: why it failed last.
        decision: what a person decided about its conflict (JSON: {"prefer": "work/team"}), not yet carried out; None: nothing.
    """

    id: int
    key: str
    due: float | None
    attempts: int = 0
    error: str = ""
    decision: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class JournalRow:
    """A change with its place in the journal. `result`: what came of it (etag, reason, code)."""

    change: Change
    state: ChangeState
    batch: int | None
    result: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A batch of a run: changes of one collection that are sent together. Waves go one after another, batches of a wave in parallel."""

    batch: int
    wave: int
    collection: str
    changes: int
    open: int  # planned or sent


@dataclass(frozen=True, slots=True)
class Conflict:
    """A conflict, open or closed; the losers' bodies stay in the ledger.

    Attributes:
        state: "open" (waits for a person), "decided" (a person chose, not yet carried out), "resolved" (by policy or by a person).
        fields: what contradicts: [{"label", "values": {"work/team": "10:00", …}, "winner": "work/team" or ""}].
        versions: digests of the whole bodies by collection, as they were: {"work/team": digest}.
        winner: the collection whose version won; "" while open.
    """

    id: int
    job: str
    link: int | None
    run: str
    opened: float
    title: str
    starts: str
    code: str
    state: str
    fields: list[dict[str, Any]]
    versions: dict[str, str]
    winner: str = ""


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step of a pipeline run. `key` names it with its place in a map ("read[2]"); `state` is pending, running, done, failed or skipped."""

    run: str
    key: str
    state: str
    attempts: int
    input: Any
    output: Any
    error: str
    started: float | None
    ended: float | None


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as it was when it last ran: its configuration's digest, its filter's and transform's digest, its collections' names."""

    name: str
    digest: str
    shape: str
    collections: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many items of a collection are there, how many were there when all sides last agreed, and how many are both."""

    live: int
    agreed: int
    agreed_live: int
