"""Bringing back what vanished from one collection, from the sides that still have it: the answer to a guard that stopped a mass deletion."""

from __future__ import annotations

from trueup.core.work import Work
from trueup.model.errors import NotFound

PAGE = 500


def restore_collection(work: Work, ref: str) -> int:
    """Decides, for every item that vanished from `ref` and stands somewhere else, that it shall stay; the next run brings it back.

    Returns:
        How many items will come back.

    Raises:
        NotFound: the job has no such collection.
    """
    names = [str(one) for one in work.spec.collections]
    if ref not in names:
        raise NotFound(f"job {work.spec.name} has no collection {ref}", hint=f"it has {', '.join(names)}")
    ids = {row.id: name for name, row in work.rows().items()}
    state, after, count = work.ledger.state, 0, 0
    while links := state.due_links(work.spec.name, work.clock(), after, PAGE):
        replicas = state.replicas([link.id for link in links])
        for link in links:
            sides = {ids[one.collection]: one for one in replicas.get(link.id, ()) if one.collection in ids}
            holder = next((name for name, one in sides.items() if one.seen is not None), None)
            if holder and ref in sides and sides[ref].seen is None:
                state.decide(link.id, {"prefer": holder})
                count += 1
        after = links[-1].id
    return count
