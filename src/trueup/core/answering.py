"""What a person answers to the questions of a job. The next run carries it out, and it is remembered for ever."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from trueup.core.asking import DIFFERENT, DUPLICATE, LINKED, MATCH, SAME
from trueup.core.ledger.questions import Question
from trueup.core.work import Work
from trueup.model.errors import NotFound, UsageError

ANSWERS: Mapping[str, tuple[str, ...]] = {
    MATCH: (SAME, DIFFERENT),
    DUPLICATE: (SAME, DIFFERENT),
    "quality": ("accept", "reject"),
}
"""What can be answered, by topic."""


def to_json(one: Question) -> dict[str, Any]:
    """A question as `trueup resolve --json` shows it; "records" has what a person compares, field by field."""
    return {
        "id": one.id,
        "job": one.job,
        "topic": one.topic,
        "title": one.title,
        "asked": one.asked,
        "answer": one.answer,
        "answered": one.answered,
        "answers": list(ANSWERS.get(one.topic, ())),
        "score": one.detail.get("score"),
        "reasons": one.detail.get("reasons", []),
        "records": one.detail.get("records", []),
    }


def questions_of(work: Work, *, open_only: bool = True) -> Iterator[dict[str, Any]]:
    """The questions of a job, in the order in which they were asked; what was linked without asking is not among the open ones."""
    return (to_json(one) for one in work.ledger.questions.each(work.spec.name, open_only=open_only))


def answer(work: Work, number: int, word: str) -> None:
    """Answers a question, also one that was answered before or that nobody had to be asked.

    Raises:
        NotFound: the job has no such question.
        UsageError: the word is no answer to it.
    """
    questions = work.ledger.questions
    one = questions.get(number)
    if one.job != work.spec.name:
        raise NotFound(f"question q{number} is not one of job {work.spec.name}", hint=f"it is one of job {one.job}")
    words = ANSWERS.get(one.topic, ())
    if word not in words:
        raise UsageError(f"`{word}` is no answer to question q{number}", hint=f"it can be {' or '.join(words)}")
    with work.ledger.transaction("answer"):
        questions.answer(number, word)
        if one.topic == MATCH and word == DIFFERENT and one.answer in (SAME, LINKED):
            _separate(work, one)


def _separate(work: Work, one: Question) -> None:
    """Two items that were taken for one are two again; what the one got from the other is taken back by `trueup undo`."""
    state = work.ledger.state
    refs = {ref: row.id for ref, row in work.rows().items()}
    links = set()
    for key in json.loads(one.subject):
        ref = next((each for each in refs if key.startswith(f"{each}/")), None)
        links |= state.links_of(refs[ref], key[len(ref) + 1 :]) if ref is not None else set()
    if len(links) == 1:
        (link,) = links
        state.separate(link)
        work.ledger.conflicts.close_for_link(link, "resolved", "")
