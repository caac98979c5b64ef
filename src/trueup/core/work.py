"""What the phases of a reconciling job work with: the job, the meaning of its items, the ledger, and the collections, opened when
first needed."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trueup.core.job_work import JobWork
from trueup.core.ledger.rows import CollectionRow
from trueup.model.capabilities import Capabilities
from trueup.model.ports import Advisor, Collection, FieldRules, Filter, Inspector, Kind, Matcher, Transform

if TYPE_CHECKING:
    from trueup.core.job_work import Phases


@dataclass(kw_only=True)
class Work(JobWork):
    """One job that reconciles collections, ready to work on.

    Attributes:
        kind: what its items mean.
        transform, filter: of a one-way job.
        rules: for single fields; None: the job's policy for all.
        advisor: looks at all items together (double bookings); None: nobody does.
        inspector: knows what records should be like; None: nobody does.
        narrow: the collections that hold a part of each item only: tables.
        matcher: tells which items are one though nothing identifies them; None: nobody does.
    """

    kind: Kind
    transform: Transform | None = None
    filter: Filter | None = None
    rules: FieldRules | None = None
    advisor: Advisor | None = None
    inspector: Inspector | None = None
    matcher: Matcher | None = None
    narrow: frozenset[str] = frozenset()
    _opened: dict[str, Collection] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def phases(self) -> Phases:
        """The phases of every job that reconciles collections."""
        from trueup.core import phases

        return phases

    def row(self, ref: str) -> CollectionRow:
        """The ledger's row of a collection of this job."""
        return self.ledger.state.collection(self.spec.name, ref)

    def rows(self) -> Mapping[str, CollectionRow]:
        """The ledger's rows of all this job's collections, in the job's order."""
        return {str(ref): self.row(str(ref)) for ref in self.spec.collections}

    def collection(self, ref: str, *, create: bool = False, cursor: str | None = None) -> Collection | None:
        """The collection of that name; None where the store has none (and it is not to be created).

        Args:
            ref: the collection.
            create: make it where it is not there.
            cursor: of its last reading, for who is going to list it; see `Store.open`.
        """
        with self._lock:
            found = self._opened.get(ref)
        if found is not None:
            return found
        wanted = next(one for one in self.spec.collections if str(one) == ref)
        store = self.store(wanted.store)
        opened = store.open(wanted.name, cursor)
        if opened is None and create:
            opened = store.create(wanted.name)
        if opened is not None:
            with self._lock:
                opened = self._opened.setdefault(ref, opened)
        return opened

    def prospect(self, ref: str) -> Capabilities:
        """What a collection that has yet to be made will be able to do, as far as its store says."""
        wanted = next(one for one in self.spec.collections if str(one) == ref)
        said = getattr(self.store(wanted.store), "prospect", None)
        return Capabilities() if said is None else said(wanted.name)

    def target_uid(self, ref: str, uid: str) -> str:
        """The key that targets of a one-way job use for a source's item.

        A plain copy of one calendar keeps its UIDs. A transformed copy gets UIDs of its own, since the original may
        be stored on the same server (which
        then refuses the copy), and since two sources may both hold a meeting. They are computed, so that a lost
        ledger finds them again.
        """
        plain = self.transform is None or self.transform.identity
        if plain and len(self.spec.sources) == 1:
            return uid
        from uuid import UUID, uuid5

        return str(uuid5(UUID("a3a6d2f0-5f0e-5c8e-9d5b-7e0f1c1d2b3a"), f"{ref}\n{uid}"))
