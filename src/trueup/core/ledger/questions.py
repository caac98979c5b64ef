"""Questions to a person whose answer is remembered for ever: are these two the same, is this record right.

A question is named by its subject: whoever asks the same thing again finds what was answered, also after the ledger forgot the run that
asked first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trueup.core.ledger.database import Database, Row, storable
from trueup.core.ledger.records import to_json
from trueup.model.errors import NotFound

_QUESTION = "id, job, topic, subject, title, detail, asked, answer, answered"


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    Attributes:
        id: its number, for people.
        job: who asks.
        topic: what it is about ("match"); each topic has its own words for answers.
        subject: what exactly is asked, the same for the same question.
        title: for people.
        detail: what a person needs to decide, as plain JSON.
        asked: when, seconds since 1970.
        answer: "" as long as it is open.
        answered: when; None as long as it is open.
    """

    id: int
    job: str
    topic: str
    subject: str
    title: str
    detail: dict[str, Any]
    asked: float
    answer: str
    answered: float | None


class Questions:
    """See the module's text."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def ask(self, job: str, topic: str, subject: str, title: str, detail: Mapping[str, Any]) -> Question:
        """Asks, or finds what was asked and perhaps answered already; title and detail of an open one are brought up to date."""
        with self._db.transaction("questions.ask"):
            row = self._db.row(
                "INSERT INTO question (job, topic, subject, title, detail, asked, answer) VALUES (?, ?, ?, ?, ?, ?, '')"
                " ON CONFLICT (job, topic, subject) DO UPDATE SET"
                " title = CASE WHEN question.answer = '' THEN excluded.title ELSE question.title END,"
                " detail = CASE WHEN question.answer = '' THEN excluded.detail ELSE question.detail END"
                f" RETURNING {_QUESTION}",
                (job, topic, storable(subject), storable(title), to_json(detail), self._db.now()),
            )
        assert row is not None
        return _question(row)

    def find(self, job: str, topic: str, subjects: Iterable[str]) -> dict[str, Question]:
        """What was asked of these subjects, by subject; those never asked are not in it."""
        found: dict[str, Question] = {}
        wanted = [storable(one) for one in subjects]
        for start in range(0, len(wanted), 500):
            page = wanted[start : start + 500]
            marks = ", ".join("?" * len(page))
            rows = self._db.rows(
                f"SELECT {_QUESTION} FROM question WHERE job = ? AND topic = ? AND subject IN ({marks})",
                (job, topic, *page),
            )
            found.update((one.subject, one) for one in map(_question, rows))
        return found

    def each(
        self, job: str, topic: str | None = None, *, open_only: bool = False, answer: str | None = None
    ) -> Iterator[Question]:
        """All questions of a job, of one topic or of all, with one answer or with any, in the order in which they were asked."""
        answer = "" if open_only else answer
        given = [(" AND topic = ?", topic), (" AND answer = ?", answer)]
        where = "".join(text for text, value in given if value is not None)
        values = (job, *(value for _, value in given if value is not None))
        for row in self._db.rows(f"SELECT {_QUESTION} FROM question WHERE job = ?{where} ORDER BY id", values):
            yield _question(row)

    def tally(self, job: str) -> dict[tuple[str, str], tuple[int, float]]:
        """By topic and answer: how many questions there are, and when the last of them was answered."""
        rows = self._db.rows(
            "SELECT topic, answer, count(*), max(COALESCE(answered, 0)) FROM question WHERE job = ? GROUP BY topic, answer"
            " ORDER BY topic, answer",
            (job,),
        )
        return {(row[0], row[1]): (row[2], row[3]) for row in rows}

    def get(self, question_id: int) -> Question:
        """One question.

        Raises:
            NotFound: there is none with this number.
        """
        row = self._db.row(f"SELECT {_QUESTION} FROM question WHERE id = ?", (question_id,))
        if row is None:
            raise NotFound(f"there is no question number {question_id}", hint="`trueup resolve JOB --list` shows them")
        return _question(row)

    def answer(self, question_id: int, answer: str) -> None:
        """Remembers an answer; "" opens the question again."""
        with self._db.transaction("questions.answer"):
            self._db.write(
                "UPDATE question SET answer = ?, answered = ? WHERE id = ?",
                (answer, self._db.now() if answer else None, question_id),
            )

    def withdraw(self, job: str, topic: str, keep: Iterable[str]) -> int:
        """Takes back open questions of a topic whose subject is none of these: nobody needs the answer any more. Returns how many."""
        kept = {storable(one) for one in keep}
        with self._db.transaction("questions.withdraw"):
            gone = [one.id for one in self.each(job, topic, open_only=True) if one.subject not in kept]
            for number in gone:
                self._db.write("DELETE FROM question WHERE id = ? AND answer = ''", (number,))
        return len(gone)


def _question(row: Row) -> Question:
    return Question(row[0], row[1], row[2], row[3], row[4], json.loads(row[5]), row[6], row[7], row[8])
