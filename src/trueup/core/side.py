"""A collection as the planner sees it in one run."""

from __future__ import annotations

from dataclasses import dataclass, field

from trueup.model.capabilities import Capabilities
from trueup.model.ports import Collection


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a job.

    Attributes:
        ref, id: its name and the ledger's number of it.
        read: it was read in this run.
        exists: it is there.
        collection: it, where it could be read.
        empty: the ledger knows of nothing there.
        prospect: what it will be able to do where it has yet to be made.
    """

    ref: str
    id: int
    read: bool
    exists: bool
    collection: Collection | None = None
    empty: bool = False
    prospect: Capabilities = field(default_factory=Capabilities)

    @property
    def capabilities(self) -> Capabilities:
        """What its store can do; a server may be asked for it, and is not where nothing has to be done there."""
        return self.prospect if self.collection is None else self.collection.capabilities
