"""What is said of the items of a job together: looked at once all sides agree on them, so that advice never gets mixed with edits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from trueup.core.draft import Bodies, Draft
from trueup.core.merge import diff
from trueup.core.side import Side
from trueup.core.work import Work
from trueup.model.change import Change
from trueup.model.diagnostics import Diagnostic, Severity
from trueup.model.errors import ItemRefused

PAGE = 500
MAX_TOLD = 200
WHERE = "double booking"


def advise(work: Work, sides: Mapping[str, Side], told: list[Diagnostic]) -> Iterator[Change]:
    """Asks the job's advisor; its sentences are added to `told`, its changes come back."""
    if work.advisor is None:
        return
    for advice in work.advisor.advise(_agreed(work, sides), work.clock()):
        if advice.sentence and len(told) < MAX_TOLD:
            told.append(Diagnostic(Severity.INFO, advice.sentence, WHERE))
        if advice.change is not None:
            yield from _changes(work, sides, advice.link, advice.change, advice.reason)


def _agreed(work: Work, sides: Mapping[str, Side]) -> Iterator[tuple[str, int, bytes]]:
    state = work.ledger.state
    for ref, side in sides.items():
        after = ""
        while page := state.each_agreed(side.id, after, PAGE):
            bodies = work.ledger.blobs.get_many(sorted({one.seen for one in page if one.seen}))
            for one in page:
                if one.link is not None and one.seen is not None and not one.refused:
                    yield ref, one.link, bodies[one.seen]
            after = page[-1].href


def _changes(
    work: Work, sides: Mapping[str, Side], link_id: int, change: Callable[[bytes], bytes], reason: str
) -> Iterator[Change]:
    state = work.ledger.state
    link = state.link(link_id)
    if link is None or link.due is not None:
        return  # it is being worked on; the next run looks again
    replicas = state.replicas([link_id])
    held = {one.collection: one for one in replicas.get(link_id, [])}
    # In the job's order: the ledger's is that in which the collections happened to be read first.
    by_ref = {ref: held[side.id] for ref, side in sides.items() if side.id in held}
    draft = Draft(work, link, sides, by_ref, Bodies(work, replicas))
    for ref, one in draft.live.items():
        if not sides[ref].read or not sides[ref].capabilities.writable:
            continue
        try:
            before = draft.bodies.get(one.seen or "")
            edits = diff(draft.bodies.fields(one.seen or ""), work.kind.fields(change(before)))
        except ItemRefused:
            continue
        if edits:
            with draft.refusals(ref):
                draft.update(ref, edits, {}, reason, [])
    yield from draft.changes
