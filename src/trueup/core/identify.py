"""Identity: which items of different collections are the same one.

First by UID. At first contact also by meaning: two people who typed the same appointment into two calendars, or a
copy that got another UID on its way,
become one item instead of two. A UID that stands twice in one collection is never guessed about: the second one is
left alone and named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING

from trueup.core.ledger.rows import Link, Replica
from trueup.core.work import Work
from trueup.model.errors import ItemRefused

if TYPE_CHECKING:
    from trueup.core.draft import Held

PAGE = 1000


def identify(work: Work) -> Mapping[int, Held]:
    """Links what was read since the last run. May be repeated.

    Returns:
        The links that are held until a person has answered a question about them.
    """
    state, job = work.ledger.state, work.spec.name
    state.release_duplicates(job)
    state.adopt_renamed(job)
    sources = [str(ref) for ref in work.spec.sources]
    _link_sources(work, sources)
    if work.spec.one_way:
        state.attach_known(job, [str(ref) for ref in work.spec.targets])
    elif len(sources) > 1:
        _link_by_meaning(work)
        return _link_by_likeness(work) if work.matcher is not None and work.matcher.across else {}
    return {}


def _link_sources(work: Work, sources: list[str]) -> None:
    state = work.ledger.state
    names = {work.row(ref).id: ref for ref in sources}
    after: tuple[str, int] = ("", 0)
    while page := state.unlinked(work.spec.name, sources, after, PAGE):
        pairs = [(one.id, _key(work, names[one.collection], one)) for one in page]
        state.attach(work.spec.name, pairs)
        after = (page[-1].uid, page[-1].id)


def _key(work: Work, ref: str, replica: Replica) -> str:
    return work.target_uid(ref, replica.uid) if work.spec.one_way else replica.uid


def _link_by_meaning(work: Work) -> None:
    """Joins items that were never agreed on, stand in different collections, and mean the same; and those of a collection that joins the
    job with what the others agreed on."""
    new_in = {replica.collection for _, replicas in _lonely(work) for replica in replicas}
    if not new_in or (len(new_in) < 2 and next(_joinable(work), None) is None):
        return  # nothing to compare with
    by_meaning: dict[str, list[tuple[int, set[int]]]] = {}
    apart = _told_apart(work)
    for link, replicas in chain(_joinable(work), _lonely(work)):
        meaning = _meaning(work, next((one for one in replicas if one.seen is not None), replicas[0]))
        if not meaning:
            continue
        mine = {replica.collection for replica in replicas}
        groups = by_meaning.setdefault(meaning, [])
        for keep, taken in groups:
            if not taken & mine and not (apart and _are_told_apart(work, keep, link.id, apart)):
                work.ledger.state.merge_links(keep, link.id)
                taken |= mine
                break
        else:
            groups.append((link.id, mine))


def _told_apart(work: Work) -> set[str]:
    """The subjects of what a person called different."""
    from trueup.core.asking import DIFFERENT

    return {one.subject for one in work.ledger.questions.each(work.spec.name, answer=DIFFERENT)}


def _are_told_apart(work: Work, one: int, other: int, apart: set[str]) -> bool:
    from trueup.core.asking import key_of, subject

    refs = {row.id: ref for ref, row in work.rows().items()}
    replicas = work.ledger.state.replicas([one, other])
    mine, theirs = ([key_of(each, refs) for each in replicas.get(link, ())] for link in (one, other))
    return any(subject(a, b) in apart for a in mine for b in theirs)


def _link_by_likeness(work: Work) -> Mapping[int, Held]:
    """Compares what was never agreed on, where there is anything that it could be the same as."""
    new_in = {replica.collection for _, replicas in _lonely(work) for replica in replicas}
    if new_in and (len(new_in) > 1 or next(_lacking(work, new_in), None) is not None):
        from trueup.core.matching import match

        return match(work, _lonely(work), _lacking(work, new_in))
    if any(not answer for _, answer in work.ledger.questions.tally(work.spec.name)):
        from trueup.core.matching import nothing_to_match

        nothing_to_match(work)
    return {}


def _lacking(work: Work, new_in: set[int]) -> Iterator[tuple[Link, list[Replica]]]:
    """What others agreed on and one of these collections lacks."""
    after = 0
    while len(new_in) < len(work.spec.sources) or len(work.spec.sources) > 2:
        page = work.ledger.state.lacking(work.spec.name, sorted(new_in), after, PAGE)
        if not page:
            return
        yield from page
        after = page[-1][0].id


def _joinable(work: Work) -> Iterator[tuple[Link, list[Replica]]]:
    """What the others agreed on and a collection lacks that never agreed on anything."""
    state = work.ledger.state
    known = {row.id: state.counts(row.id) for row in work.rows().values()}
    fresh = [number for number, counts in known.items() if counts.live and not counts.agreed]
    after = 0
    while fresh and len(fresh) < len(known) and (page := state.lacking(work.spec.name, fresh, after, PAGE)):
        yield from page
        after = page[-1][0].id


def _lonely(work: Work) -> Iterator[tuple[Link, list[Replica]]]:
    after = 0
    while page := work.ledger.state.lonely(work.spec.name, after, PAGE):
        yield from page
        after = page[-1][0].id


def _meaning(work: Work, replica: Replica) -> str:
    if replica.seen is None:
        return ""
    try:
        return work.kind.meaning(work.ledger.blobs.get(replica.seen))
    except ItemRefused:
        return ""
