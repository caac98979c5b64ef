"""Questions whether two items are one: who is meant, what a person sees of both, and what was answered before."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

from trueup.core.ledger.questions import Question
from trueup.core.ledger.rows import Replica
from trueup.core.work import Work
from trueup.model.errors import ItemRefused

MATCH, DUPLICATE = "match", "duplicate"
SAME, DIFFERENT = "same", "different"
LINKED = "linked"
"""What stands for an answer where nobody had to be asked."""


def shown(score: float) -> str:
    """A score for people; what is not certain is never shown as 1.00."""
    return f"{int(score * 100) / 100:.2f}"


def subject(one: str, other: str) -> str:
    """The name of a question about two items, each as "store/book/uid"; the order does not matter."""
    return json.dumps(sorted((one, other)), ensure_ascii=False)


def key_of(replica: Replica, refs: Mapping[int, str]) -> str:
    """An item of one collection, as questions name it."""
    return f"{refs[replica.collection]}/{replica.uid}"


def answers_of(
    work: Work, pairs: Iterable[tuple[int, int]], refs: Mapping[int, str]
) -> dict[tuple[int, int], Question]:
    """What was asked about pairs of links, under whatever topic and wherever the two stood then; an answer comes before an open question.

    Args:
        work: the job.
        pairs: of links.
        refs: collections by the ledger's numbers.
    """
    wanted = list(pairs)
    replicas = work.ledger.state.replicas(sorted({link for pair in wanted for link in pair}))
    keys = {link: [key_of(one, refs) for one in found if one.collection in refs] for link, found in replicas.items()}
    subjects = {
        pair: [subject(a, b) for a, b in product(keys.get(pair[0], ()), keys.get(pair[1], ()))] for pair in wanted
    }
    every = {one for found in subjects.values() for one in found}
    known: dict[str, Question] = {}
    for topic in (MATCH, DUPLICATE):
        for name, question in work.ledger.questions.find(work.spec.name, topic, every).items():
            if name not in known or not known[name].answer:
                known[name] = question
    result = {}
    for pair, names in subjects.items():
        asked = sorted((known[name] for name in names if name in known), key=lambda one: (not one.answer, one.id))
        if asked:
            result[pair] = asked[0]
    return result


def put_question(
    work: Work,
    topic: str,
    pair: Sequence[Replica],
    refs: Mapping[int, str],
    score: float,
    reasons: Sequence[str],
    *,
    brief: bool = False,
) -> Question:
    """Asks whether two items are one; `brief`: without their fields, for what is not asked but noted."""
    pair = sorted(pair, key=lambda one: (list(refs).index(one.collection), one.href))
    names = [one.title or one.href for one in pair]
    title = f"“{names[0]}” in {refs[pair[0].collection]} and “{names[1]}” in {refs[pair[1].collection]}"
    detail = {
        "score": int(score * 1e4) / 1e4,
        "reasons": list(reasons),
        "records": [] if brief else [_record(work, one, refs) for one in pair],
    }
    return work.ledger.questions.ask(
        work.spec.name, topic, subject(*(key_of(one, refs) for one in pair)), title, detail
    )


def _record(work: Work, one: Replica, refs: Mapping[int, str]) -> dict[str, Any]:
    """One of the two as a person sees it: {"collection", "title", "fields": [{"label", "value"}]}."""
    result: dict[str, Any] = {"collection": refs[one.collection], "title": one.title or one.href, "fields": []}
    try:
        fields = work.kind.fields(work.ledger.blobs.get(one.seen or ""))
    except ItemRefused:
        return result
    result["fields"] = [
        {"label": work.kind.label(key), "value": each.shown or each.normal} for key, each in fields.items() if key.name
    ]
    return result


def ask_again(work: Work, one: int, other: int) -> None:
    """Asks about two links that had been made one and were taken apart, whatever was answered before."""
    refs = {row.id: ref for ref, row in work.rows().items()}
    replicas = work.ledger.state.replicas([one, other])
    live = [next((each for each in replicas.get(link, ()) if each.seen is not None), None) for link in (one, other)]
    pair = [each for each in live if each is not None]
    if len(pair) < 2 or work.matcher is None:
        return
    index = work.matcher.index()
    try:
        for number, each in enumerate(pair):
            index.add(number, work.ledger.blobs.get(each.seen or ""))
        match = index.compare(0, 1)
    except ItemRefused:
        return
    finally:
        index.close()
    question = put_question(
        work, DUPLICATE, pair, refs, match.score, ["made one and taken apart again", *match.reasons]
    )
    work.ledger.questions.answer(question.id, "")
