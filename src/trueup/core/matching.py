"""Identity by likeness: items that nothing identifies, and that people would call the same all the same.

Only what was never agreed on is compared: with each other, and with what a collection lacks that others agreed on. What is surely one is
linked; what may be one is put to a person, and until then neither is copied to where the other stands.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

from trueup.core.asking import DIFFERENT, LINKED, MATCH, SAME, answers_of, put_question, shown
from trueup.core.clusters import Clusters
from trueup.core.draft import Held
from trueup.core.ledger.rows import Link, Replica
from trueup.core.work import Work
from trueup.model.errors import ItemRefused
from trueup.model.ports import Match, MatchIndex

PAGE = 500
FACT = "match"

Group = tuple[Link, list[Replica]]


def match(work: Work, lonely: Iterable[Group], lacking: Iterable[Group]) -> dict[int, Held]:
    """Links what is surely one, asks about what may be.

    Args:
        work: the job.
        lonely: links that were never agreed on and stand in some of the collections only.
        lacking: links that were agreed on and that a collection with lonely ones lacks.

    Returns:
        What is held until a person answers, by link.
    """
    facts, job = work.ledger.facts, work.spec.name
    known = facts.get(job, FACT) or {}
    fingerprint = _fingerprint(work)
    if known.get("fingerprint") == fingerprint:
        return {int(link): Held(reason, frozenset(refs)) for link, (reason, refs) in known["held"].items()}
    assert work.matcher is not None
    index = work.matcher.index()
    try:
        held = _Matching(work, index).run(lonely, lacking)
    finally:
        index.close()
    kept = {str(link): [one.reason, sorted(one.away)] for link, one in held.items()}
    facts.put(job, FACT, {"fingerprint": fingerprint, "held": kept})
    return held


def nothing_to_match(work: Work) -> None:
    """There is nothing that was never agreed on: questions about what is gone by now are taken back."""
    work.ledger.questions.withdraw(work.spec.name, MATCH, ())


def _fingerprint(work: Work) -> str:
    """Equal as long as nothing was observed to change, nobody answered, and the settings are the same."""
    assert work.matcher is not None
    revisions = [[ref, row.revision] for ref, row in work.rows().items()]
    tally = work.ledger.questions.tally(work.spec.name)
    answered = [tally.get((MATCH, word)) for word in (SAME, DIFFERENT)]
    return json.dumps([work.matcher.digest, work.spec.shape, revisions, answered])


@dataclass
class _Matching:
    """One comparison under way."""

    work: Work
    index: MatchIndex
    held: dict[int, Held] = field(default_factory=dict)
    _bits: dict[int, int] = field(default_factory=dict)
    _refs: dict[int, str] = field(default_factory=dict)
    _clusters: Clusters = field(init=False)

    def __post_init__(self) -> None:
        for number, (ref, row) in enumerate(self.work.rows().items()):
            self._bits[row.id], self._refs[row.id] = 1 << number, ref
        assert self.work.matcher is not None
        self._clusters = Clusters(self.index, self.work.matcher.review)

    def run(self, lonely: Iterable[Group], lacking: Iterable[Group]) -> dict[int, Held]:
        each, job = self.work.ledger.questions.each, self.work.spec.name
        said = {
            key
            for word in (SAME, DIFFERENT)
            for one in each(job, MATCH, answer=word)
            for key in json.loads(one.subject)
        }
        named: dict[str, int] = {}
        for settled, (link, replicas) in chain(((False, one) for one in lonely), ((True, one) for one in lacking)):
            if self._add(link, replicas, settled) and said:
                named |= {key: link.id for key in self._keys(replicas) if key in said}
        self._as_told(named)
        self._ask(list(self._certain()))
        return self.held

    def _add(self, link: Link, replicas: Sequence[Replica], settled: bool) -> bool:
        """Adds an item to what is compared; returns whether it belongs to the job and can be read."""
        live = next((one for one in replicas if one.seen is not None and not one.refused), None)
        if live is None or live.seen is None:
            return False
        body = self.work.ledger.blobs.get(live.seen)
        places = sum({self._bits[one.collection] for one in replicas if one.collection in self._bits})
        try:
            if (
                not settled
                and self.work.filter is not None
                and not self.work.filter.verdict(body, self.work.clock()).keep
            ):
                return False
            self.index.add(link.id, body, places, settled)
        except ItemRefused:
            return False  # it will be left alone with the reason
        self._clusters.add(link.id, places, settled)
        return True

    def _keys(self, replicas: Iterable[Replica]) -> list[str]:
        return [f"{self._refs[one.collection]}/{one.uid}" for one in replicas if one.collection in self._refs]

    def _as_told(self, named: Mapping[str, int]) -> None:
        """Links what a person called the same, and keeps apart what was called different."""
        for word in (DIFFERENT, SAME):
            for one in self.work.ledger.questions.each(self.work.spec.name, MATCH, answer=word):
                first, second = (named.get(key) for key in json.loads(one.subject))
                if first is None or second is None:
                    continue
                if word == DIFFERENT:
                    self._clusters.part(first, second)
                elif self._clusters.fits(first, second):
                    self._link(first, second, {"matched": "you said so"})

    def _certain(self) -> Iterator[Match]:
        """Links what is surely one; yields the pairs that have to be asked about."""
        found = iter(self.index.matches())
        while page := list(islice(found, PAGE)):
            with self.work.ledger.transaction("match"):
                doubtful = self._linked(page)
            yield from doubtful

    def _linked(self, page: Sequence[Match]) -> list[Match]:
        """Links what is surely one among these; returns the rest that could be."""
        answers = answers_of(self.work, [(one.one, one.other) for one in page], self._refs)
        for one in page:
            answer = answers.get((one.one, one.other))
            if answer is not None and answer.answer == DIFFERENT:
                self._clusters.part(one.one, one.other)
        doubtful = []
        for one in page:
            if not self._clusters.fits(one.one, one.other):
                continue
            if one.sure and not self._clusters.rivals(one) and self._clusters.coherent(one.one, one.other):
                self._note(one)
                self._link(one.one, one.other, {"matched": f"{shown(one.score)}: {', '.join(one.reasons)}"})
            else:
                doubtful.append(one)
        return doubtful

    def _note(self, one: Match) -> None:
        """Keeps what nobody had to be asked, so that a person can say that it was wrong."""
        links = [self._clusters.root(one.one), self._clusters.root(one.other)]
        replicas = self.work.ledger.state.replicas(links)
        pair = [self._shown(replicas[link]) for link in links]
        with self.work.ledger.transaction("match"):
            question = put_question(self.work, MATCH, pair, self._refs, one.score, one.reasons, brief=True)
            if not question.answer:
                self.work.ledger.questions.answer(question.id, LINKED)

    def _link(self, one: int, other: int, decision: dict[str, Any]) -> None:
        keep, drop = self._clusters.join(one, other)
        state = self.work.ledger.state
        with self.work.ledger.transaction("match"):
            state.merge_links(keep, drop)
            state.decide(keep, decision)

    def _ask(self, doubtful: Iterable[Match]) -> None:
        asked = []
        for one in doubtful:
            first, second = self._clusters.root(one.one), self._clusters.root(one.other)
            if self._clusters.fits(first, second):
                replicas = self.work.ledger.state.replicas([first, second])
                a, b = (self._shown(replicas[link]) for link in (first, second))
                question = put_question(self.work, MATCH, (a, b), self._refs, one.score, one.reasons)
                asked.append(question.subject)
                self._hold(first, a, b, one.reasons)
                self._hold(second, b, a, one.reasons)
        self.work.ledger.questions.withdraw(self.work.spec.name, MATCH, asked)

    def _shown(self, replicas: Sequence[Replica]) -> Replica:
        order = list(self._bits)
        return min((one for one in replicas if one.seen is not None), key=lambda one: order.index(one.collection))

    def _hold(self, link: int, own: Replica, other: Replica, reasons: Sequence[str]) -> None:
        job, where = self.work.spec.name, self._refs[other.collection]
        name = other.title or other.href
        reason = f"may be the same as “{name}” in {where}: {', '.join(reasons)}; answer with `trueup resolve {job}`"
        before = self.held.get(link)
        away = frozenset({where}) | (before.away if before else frozenset())
        self.held[link] = Held(before.reason if before else reason, away)
