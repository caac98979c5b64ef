"""A store that cannot be written through: around every store while `plan` and `doctor` work.

What it holds back is refused loudly and counted, so a plan that tries to write is found out instead of being trusted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trueup.connectors.wrappers.passing import PassingCollection, PassingStore
from trueup.model.errors import Permanent
from trueup.model.ports import Collection, Outcome, Store, Write, Written

WHY = "this is a dry run: nothing is written"


class DryRunCollection(PassingCollection):
    """Reads as ever; says of its capabilities what is true of the collection inside, as a plan is made by that; refuses every write."""

    def __init__(self, inner: Collection) -> None:
        super().__init__(inner)
        self.refused = 0

    def write(self, writes: Sequence[Write]) -> Iterator[Written]:
        """Refuses each of them."""
        self.refused += len(writes)
        return iter([Written(one.key, Outcome.REFUSED, reason=WHY) for one in writes])


class DryRunStore(PassingStore):
    """Opens what is there; makes no collection."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner, DryRunCollection)

    def create(self, name: str) -> Collection:
        """Refuses.

        Raises:
            Permanent: always.
        """
        raise Permanent(f"calendar {name!r} of {self.name} was not made", why=WHY)
