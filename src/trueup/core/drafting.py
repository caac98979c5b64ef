"""Works out the changes of the items that are due: one draft each, by the rules of the job's direction."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from trueup.core.draft import Bodies, Draft, Held
from trueup.core.ledger.rows import Conflict, Link, Replica
from trueup.core.mirror import mirror
from trueup.core.reconcile import reconcile
from trueup.core.side import Side
from trueup.core.work import Work
from trueup.model.change import Change
from trueup.model.errors import ItemRefused, TrueupError
from trueup.model.plan import BUG

if TYPE_CHECKING:
    from trueup.core.inspecting import Inspection

PAGE = 200


def drafted(
    work: Work,
    sides: Mapping[str, Side],
    refs: Mapping[int, str],
    held: Mapping[int, Held],
    inspection: Inspection | None = None,
) -> Iterator[Change]:
    """The changes of every link that is due, page by page.

    Args:
        work: the job.
        sides: its collections, by ref.
        refs: their refs by the ledger's numbers.
        held: what waits for a person's answer, by link.
        inspection: by the job's rules of quality; None: it has none.
    """
    state, job, now = work.ledger.state, work.spec.name, work.clock()
    conflicts = {one.link: one for one in work.ledger.conflicts.list(job, states=("open", "decided"))}
    planner = mirror if work.spec.one_way else reconcile
    if inspection is not None:
        inspection.begin()
        planner = partial(inspection.plan, planner=planner)
    after = 0
    while links := state.due_links(job, now, after, PAGE):
        replicas = state.replicas([link.id for link in links])
        bodies = Bodies(work, replicas)
        drafts = [_draft(work, link, sides, refs, replicas.get(link.id, []), bodies, conflicts, held) for link in links]
        with work.ledger.transaction("plan"):  # the new bodies of a page in one commit
            for draft in drafts:
                _planned(draft, planner)
        yield from (change for draft in drafts for change in draft.changes)
        after = links[-1].id


def _planned(draft: Draft, planner: Callable[[Draft], None]) -> None:
    try:
        planner(draft)
    except ItemRefused as error:
        draft.changes.clear()
        draft.skip("", error.code, f"{error.what}: {error.why}" if error.why else error.what)
    except TrueupError:
        raise  # of the ledger or a store: no item's fault
    except Exception as error:
        if os.environ.get("TRUEUP_DEBUG"):
            raise
        draft.changes.clear()
        draft.skip("", BUG, f"trueup cannot handle it, and should: {type(error).__name__}: {error}; please report it")


def _draft(
    work: Work,
    link: Link,
    sides: Mapping[str, Side],
    refs: Mapping[int, str],
    replicas: Iterable[Replica],
    bodies: Bodies,
    conflicts: Mapping[int | None, Conflict],
    held: Mapping[int, Held],
) -> Draft:
    by_ref = {refs[one.collection]: one for one in replicas if one.collection in refs}
    ordered = {ref: by_ref[ref] for ref in sides if ref in by_ref}
    return Draft(work, link, sides, ordered, bodies, conflicts.get(link.id), held=held.get(link.id))
