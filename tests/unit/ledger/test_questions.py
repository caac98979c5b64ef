"""Questions: asked once, answered for ever."""

from __future__ import annotations

import pytest

from trueup.core.ledger import Ledger
from trueup.model.errors import NotFound


def test_a_question_is_asked_once_and_keeps_its_answer(ledger: Ledger) -> None:
    first = ledger.questions.ask("people", "match", "a|b", "Anna / Anna B.", {"score": 0.8})
    again = ledger.questions.ask("people", "match", "a|b", "Anna / Anna Berg", {"score": 0.9})
    assert again.id == first.id
    assert (again.title, again.detail["score"], again.answer) == ("Anna / Anna Berg", 0.9, "")

    ledger.questions.answer(first.id, "different")
    later = ledger.questions.ask("people", "match", "a|b", "somebody", {})
    assert (later.answer, later.title, later.detail["score"]) == ("different", "Anna / Anna Berg", 0.9)
    assert later.answered is not None


def test_questions_of_other_jobs_and_topics_are_others(ledger: Ledger) -> None:
    one = ledger.questions.ask("people", "match", "a", "A", {})
    assert ledger.questions.ask("suppliers", "match", "a", "A", {}).id != one.id
    assert ledger.questions.ask("people", "record", "a", "A", {}).id != one.id
    assert [each.topic for each in ledger.questions.each("people")] == ["match", "record"]


def test_found_by_subject_in_any_number(ledger: Ledger) -> None:
    for number in range(3):
        ledger.questions.ask("people", "match", f"s{number}", "", {})
    found = ledger.questions.find("people", "match", [f"s{number}" for number in range(1200)])
    assert sorted(found) == ["s0", "s1", "s2"]


def test_only_open_questions_are_withdrawn(ledger: Ledger) -> None:
    kept, gone, answered = (ledger.questions.ask("people", "match", name, "", {}) for name in "abc")
    ledger.questions.answer(answered.id, "same")
    assert ledger.questions.withdraw("people", "match", ["a"]) == 1
    assert [one.id for one in ledger.questions.each("people")] == [kept.id, answered.id]
    assert [one.id for one in ledger.questions.each("people", open_only=True)] == [kept.id]
    with pytest.raises(NotFound, match="no question"):
        ledger.questions.get(gone.id)


def test_an_answer_can_be_taken_back(ledger: Ledger) -> None:
    one = ledger.questions.ask("people", "match", "a", "", {})
    ledger.questions.answer(one.id, "same")
    ledger.questions.answer(one.id, "")
    assert ledger.questions.get(one.id).answer == ""
    assert ledger.questions.get(one.id).answered is None


def test_questions_are_counted_by_topic_and_answer(ledger: Ledger) -> None:
    for subject in ("a", "b", "c"):
        ledger.questions.ask("people", "match", subject, subject, {})
    ledger.questions.answer(ledger.questions.find("people", "match", ["b"])["b"].id, "same")
    tally = ledger.questions.tally("people")
    assert {key: count for key, (count, _) in tally.items()} == {("match", ""): 2, ("match", "same"): 1}
    assert tally["match", ""][1] == 0
    assert tally["match", "same"][1] > 0
    assert [one.subject for one in ledger.questions.each("people", "match", answer="same")] == ["b"]
    assert [one.subject for one in ledger.questions.each("people", open_only=True)] == ["a", "c"]
    assert ledger.questions.tally("others") == {}
