"""A turn that is taken and given back in the same commits as what is recorded at its beginning and its end.

`frame.alone` has a commit for each of these four, which is nothing to a phase of a job and much to one item of a large map.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from trueup.core.leasing import Kept, give_back, once_free, process_name, tidy
from trueup.core.ledger import Ledger
from trueup.engines.calls import frame

R = TypeVar("R")
T = TypeVar("T")


@dataclass(slots=True)
class Turn(Generic[T]):
    """A turn.

    Attributes:
        name, owner: of its lease; kept: renews it.
        found: what was found at its beginning.
        over: whether it was given back.
    """

    ledger: Ledger
    name: str
    owner: str
    kept: Kept
    found: T
    over: bool = False

    def end(self, record: Callable[[bool], R]) -> R:
        """Gives it back and records what came of it, in one commit; returns what `record` does.

        Args:
            record: writes to the ledger and does nothing else. It is told whether the turn was still this call's; where it was not, somebody
                else may have done the same by now.
        """
        self.kept.drop(self.name)
        # The lease first, as at the beginning: two that lock the same rows in different order wait for each other.
        answer = self.ledger.commit("turn.end", lambda: record(self.ledger.leases.release(self.name, self.owner)))
        self.over = True
        return answer


@contextmanager
def turn(ledger: Ledger, run: str, unit: str, first: Callable[[], T]) -> Iterator[Turn[T]]:
    """One call at a time does this.

    Args:
        ledger, run, unit: the lease is `frame.turn_of` the run and unit.
        first: looks up and records what goes with the beginning. A power cut may forget it together with the turn.
    """
    name, owner = frame.turn_of(run, unit), process_name()

    def take() -> T:
        ledger.leases.acquire(name, owner, frame.TURN_SECONDS)
        return first()

    tidy(ledger)
    one = Turn(ledger, name, owner, Kept(ledger), once_free(lambda: ledger.commit("turn.begin", take, durable=False)))
    try:
        one.kept.add(name, owner, frame.TURN_SECONDS)
        yield one
    finally:
        one.kept.close()
        if not one.over:
            give_back(ledger, name, owner)
