"""Duplicates: several items of a job that are one. They are told, asked about, or made one.

Looked at once all sides agree on them, so that a merge never gets mixed with edits. A merge is an update of the one that stays, and then the
deletion of the others on all sides; the executor deletes nothing before the update is done.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from typing import Any

from trueup.core.asking import DIFFERENT, DUPLICATE, MATCH, SAME, answers_of, key_of, put_question, shown
from trueup.core.clusters import Clusters
from trueup.core.draft import Bodies, Draft, Held
from trueup.core.ledger.rows import Replica
from trueup.core.merge import diff
from trueup.core.side import Side
from trueup.core.work import Work
from trueup.model.change import Change, FieldChange
from trueup.model.diagnostics import Diagnostic, Severity
from trueup.model.errors import ItemRefused
from trueup.model.ports import Match, Matcher, MatchIndex

PAGE = 500
MAX_TOLD = 200
WHERE = "duplicate"
MERGE, REPORT = "merge", "report"


def duplicates(
    work: Work, sides: Mapping[str, Side], held: Mapping[int, Held], told: list[Diagnostic]
) -> Iterator[Change]:
    """Looks for duplicates among what all sides agree on.

    Args:
        work: a job whose matcher says what is done about them.
        sides: its collections.
        held: links that wait for a person's answer; they are left out.
        told: what is said about them is added.

    Returns:
        The changes that make several items one.
    """
    assert work.matcher is not None
    found = _Duplicates(work, work.matcher, sides, _busy(work) | set(held))
    facts, job = work.ledger.facts, work.spec.name
    fingerprint = found.fingerprint()
    known = facts.get(job, DUPLICATE) or {}
    if known.get("fingerprint") != fingerprint:
        yield from found.changes()
        known = {"fingerprint": "" if found.merges else fingerprint, "told": found.told}
        facts.put(job, DUPLICATE, known)
    where = WHERE if work.matcher.duplicates == REPORT else "question"
    told += [Diagnostic(Severity.INFO, sentence, where) for sentence in known["told"]]


def _busy(work: Work) -> set[int]:
    """Links that are being worked on; a later run looks at them."""
    busy: set[int] = set()
    after = 0
    while page := work.ledger.state.due_links(work.spec.name, float("inf"), after, 1000):
        busy |= {one.id for one in page}
        after = page[-1].id
    return busy


@dataclass
class _Duplicates:
    """One look at everything."""

    work: Work
    matcher: Matcher
    sides: Mapping[str, Side]
    busy: set[int]
    told: list[str] = field(default_factory=list)
    merges: bool = False

    @property
    def refs(self) -> dict[int, str]:
        return {side.id: ref for ref, side in self.sides.items()}

    def fingerprint(self) -> str:
        """Equal as long as no item changed and nobody answered."""
        seen = blake2b(digest_size=16)
        for ref, one in self._agreed():
            seen.update(f"{ref}\0{one.link}\0{one.seen}\0".encode())
        answered = list(self.work.ledger.questions.tally(self.work.spec.name).items())
        able = [[ref, side.read] for ref, side in self.sides.items()]
        seen.update(json.dumps([self.matcher.digest, answered, able]).encode())
        return seen.hexdigest()

    def _agreed(self) -> Iterator[tuple[str, Replica]]:
        for ref, side in self.sides.items():
            after = ""
            while page := self.work.ledger.state.each_agreed(side.id, after, PAGE):
                for one in page:
                    if one.link is not None and one.seen is not None and not one.refused and one.link not in self.busy:
                        yield ref, one
                after = page[-1].href

    def changes(self) -> Iterator[Change]:
        index = self.matcher.index()
        try:
            clusters = self._clusters(index)
        finally:
            index.close()
        uids: dict[str, dict[str, str]] = {}
        for members in clusters:
            yield from self._merged(members, uids)
        if any(uids.values()):
            yield from self._renamed(uids, {link for members in clusters for link in members})

    def _clusters(self, index: MatchIndex) -> list[list[int]]:
        """What is to be made one; what is doubtful is asked about."""
        wanted = {key for one in self._answered(SAME) for key in json.loads(one)}
        named: dict[str, int] = {}
        there: set[int] = set()
        refs = self.refs
        for page in _pages(self._agreed()):
            bodies = self.work.ledger.blobs.get_many({one.seen for _, one in page if one.seen})
            for _, one in page:
                assert one.link is not None
                assert one.seen is not None
                if wanted and (key := key_of(one, refs)) in wanted:
                    named[key] = one.link
                if one.link not in there:
                    there.add(one.link)
                    index.add(one.link, bodies[one.seen])
        clusters = Clusters(index, self.matcher.review)
        asked: list[str] = []
        if self.matcher.duplicates != REPORT:
            self._part(clusters, named)
            for one in self._answered(SAME):
                first, second = (named.get(key) for key in json.loads(one))
                if first is not None and second is not None and clusters.fits(first, second):
                    clusters.join(first, second)
        matches = iter(index.matches())
        while found := list(islice(matches, PAGE)):
            asked += self._judge(found, clusters)
        if not self.busy:
            self.work.ledger.questions.withdraw(self.work.spec.name, DUPLICATE, asked)
        return clusters.clusters()

    def _answered(self, answer: str) -> list[str]:
        each = self.work.ledger.questions.each
        return [one.subject for topic in (DUPLICATE, MATCH) for one in each(self.work.spec.name, topic, answer=answer)]

    def _part(self, clusters: Clusters, named: Mapping[str, int]) -> None:
        for one in self._answered(DIFFERENT):
            first, second = (named.get(key) for key in json.loads(one))
            if first is not None and second is not None:
                clusters.part(first, second)

    def _judge(self, matches: Sequence[Match], clusters: Clusters) -> Iterator[str]:
        """Joins what is surely one where the job says so; yields the subjects of what is asked."""
        answers = answers_of(self.work, [(one.one, one.other) for one in matches], self.refs)
        for one in matches:
            if (known := answers.get((one.one, one.other))) is not None and known.answer == DIFFERENT:
                clusters.part(one.one, one.other)
        for one in matches:
            if not clusters.fits(one.one, one.other):
                continue
            known = answers.get((one.one, one.other))
            if (
                self.matcher.duplicates == MERGE
                and one.sure
                and known is None
                and clusters.coherent(one.one, one.other)
            ):
                clusters.join(one.one, one.other)
            elif (subject := self._doubtful(one)) is not None:
                yield subject

    def _doubtful(self, match: Match) -> str | None:
        """Tells of a pair, or asks about it."""
        replicas = self.work.ledger.state.replicas([match.one, match.other])
        a, b = (self._first(replicas.get(link, ())) for link in (match.one, match.other))
        if a is None or b is None:
            return None
        names = " and ".join(f"“{one.title or one.href}” in {self.refs[one.collection]}" for one in (a, b))
        sentence = f"{names} may be one: {shown(match.score)}, {', '.join(match.reasons)}"
        if len(self.told) < MAX_TOLD:
            self.told.append(sentence)
        if self.matcher.duplicates == REPORT:
            return None
        return put_question(self.work, DUPLICATE, (a, b), self.refs, match.score, match.reasons).subject

    def _first(self, replicas: Iterable[Replica]) -> Replica | None:
        order = [side.id for side in self.sides.values()]
        live = [one for one in replicas if one.seen is not None and one.collection in order]
        return min(live, key=lambda one: order.index(one.collection), default=None)

    # --- making one of several

    def _merged(self, members: Sequence[int], uids: dict[str, dict[str, str]]) -> Iterator[Change]:
        drafts = {link: draft for link in members if (draft := self._draft(link)) is not None}
        if len(drafts) < 2:
            return
        try:
            found = list(self._planned(drafts, uids))
        except ItemRefused as error:
            found = []
            why = f"{error.what}: {error.why}" if error.why else error.what
            self.told.append(f"{_names(drafts.values())} are one, and cannot be made one: {why}")
        self.merges |= bool(found)
        yield from found

    def _planned(self, drafts: Mapping[int, Draft], uids: dict[str, dict[str, str]]) -> Iterator[Change]:
        links = list(drafts)
        bodies = []
        for draft in drafts.values():
            ref, replica = next(iter(draft.live.items()))
            bodies.append((ref.partition("/")[0], draft.bodies.get(replica.seen or "")))
        merger = self.matcher.merger(bodies)
        stays = links[merger.survivor]
        survivor = drafts[stays]
        for draft in drafts.values():
            for ref in draft.live:
                self._able(ref, survivor)
        others = [link for link in links if link != stays]
        names = _names([drafts[link] for link in others])
        for ref, replica in survivor.live.items():
            before = survivor.bodies.get(replica.seen or "")
            edits = diff(survivor.bodies.fields(replica.seen or ""), self.work.kind.fields(merger.merged(before)))
            survivor.update(ref, edits, {}, f"becomes one with {names}", [], merging=stays)
        yield from survivor.changes
        for place, link in enumerate(links):
            if link != stays:
                lost = tuple(FieldChange(label, value, None) for at, label, value in merger.lost if at == place)
                yield from self._removed(drafts[link], survivor, stays, lost, uids)

    def _removed(
        self,
        draft: Draft,
        survivor: Draft,
        stays: int,
        lost: tuple[FieldChange, ...],
        uids: dict[str, dict[str, str]],
    ) -> Iterator[Change]:
        title = survivor.name()[0]
        for ref, replica in draft.live.items():
            draft.delete(ref, f"becomes part of “{title}”", [], merging=stays, fields=lost)
            uids.setdefault(ref, {})[replica.uid] = survivor.live[ref].uid
        yield from draft.changes

    def _able(self, ref: str, survivor: Draft) -> None:
        """Raises ItemRefused where a side cannot be written to, or would lose the item altogether."""
        side = self.sides[ref]
        why = (
            f"{ref} could not be read"
            if not side.read
            else f"{ref} is read-only"
            if not side.capabilities.writable
            else f"“{survivor.name()[0]}” is not in {ref}"
            if ref not in survivor.live
            else ""
        )
        if why:
            raise ItemRefused("they stay as they are", code="unavailable", why=why)

    def _draft(self, link_id: int) -> Draft | None:
        state = self.work.ledger.state
        link = state.link(link_id)
        replicas = state.replicas([link_id])
        held = {one.collection: one for one in replicas.get(link_id, [])}
        by_ref = {ref: held[side.id] for ref, side in self.sides.items() if side.id in held}
        if link is None or not any(one.seen for one in by_ref.values()):
            return None
        return Draft(self.work, link, self.sides, by_ref, Bodies(self.work, replicas))

    def _renamed(self, uids: Mapping[str, Mapping[str, str]], merged: set[int]) -> Iterator[Change]:
        """Groups that name what became part of another name that one."""
        for page in _pages(self._agreed()):
            bodies = self.work.ledger.blobs.get_many({one.seen for _, one in page if one.seen})
            for ref, one in page:
                if one.link is None or one.seen is None or one.link in merged or not uids.get(ref):
                    continue
                after = self.matcher.renamed(bodies[one.seen], uids[ref])
                if after != bodies[one.seen] and (draft := self._draft(one.link)) is not None:
                    edits = diff(draft.bodies.fields(one.seen), self.work.kind.fields(after))
                    draft.update(ref, edits, {}, "names its members anew", [], merging=one.link)
                    yield from draft.changes


def _names(drafts: Iterable[Draft]) -> str:
    return " and ".join(f"“{draft.name()[0]}”" for draft in drafts)


def _pages(rows: Iterator[tuple[str, Replica]]) -> Iterator[list[tuple[str, Any]]]:
    while page := list(islice(rows, PAGE)):
        yield page
