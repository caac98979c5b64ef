"""`trueup resolve` with questions: what a person sees of two contacts, and how they are answered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Result
from tests.unit.contacts.books import Books

Trueup = Callable[..., Result]


@pytest.fixture
def books(tmp_path: Path, trueup: Trueup, monkeypatch: pytest.MonkeyPatch) -> Books:
    """Two questions wait."""
    books = Books(tmp_path, "crm", "phone")
    for number, name, other in ((1, "Jon Smith", "Jonn Smyth"), (2, "Anna Berg", "Anna Meier")):
        books.put("crm", f"c{number}", name, f"EMAIL:x{number}@example.org", "TITLE:Sales")
        books.put("phone", f"p{number}", other, f"EMAIL:x{number}@example.org", "TEL:+49301234567" + str(number))
    monkeypatch.chdir(tmp_path)
    result = trueup("run", "people")
    assert result.code == 5
    assert "2 questions wait for your answer: trueup resolve people" in result.out
    return books


def test_both_records_side_by_side(books: Books, trueup: Trueup) -> None:
    out = trueup("resolve", "people", "q1", "--list").out
    assert "? q1  “Jon Smith” in crm/all and “Jonn Smyth” in phone/all  0.91" in out
    assert "same e-mail x1@example.org, names alike 0.85" in out
    assert "job title: crm/all: “Sales”, phone/all: (nothing)" in out
    assert "e-mail x1@example.org: both: “x1@example.org”" in out


def test_as_json(books: Books, trueup: Trueup) -> None:
    found = trueup("resolve", "people", "--json").json
    assert found["conflicts"] == []
    first, second = found["questions"]
    assert (first["id"], first["topic"], first["answer"], first["answers"]) == (1, "match", "", ["same", "different"])
    assert [one["collection"] for one in second["records"]] == ["crm/all", "phone/all"]


def test_one_answer(books: Books, trueup: Trueup) -> None:
    assert trueup("resolve", "people", "q1", "--answer", "same").out.startswith("1 decided")
    assert trueup("run", "people").code == 5, "the other one waits"
    assert [one["id"] for one in books.questions()] == [2]


def test_all_answers(books: Books, trueup: Trueup) -> None:
    assert trueup("resolve", "people", "--all", "--answer", "different", "--json").json == {"decided": 2}
    assert trueup("run", "people").code == 0
    assert books.uids("crm") == books.uids("phone") == {"c1", "c2", "p1", "p2"}


def test_gone_through_with_a_person(books: Books, trueup: Trueup) -> None:
    result = trueup("resolve", "people", answers=["1", ""])
    assert "1) same" in result.out
    assert "2) different" in result.out
    assert "1 decided" in result.out
    assert trueup("resolve", "people", answers=["different"]).code == 0
    assert books.questions() == []
    assert trueup("resolve", "people", answers=[]).out == "nothing waits for you\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("q9", "--answer", "same"), 1, "there is no question number 9"),
        (("q1", "--answer", "yes"), 64, "same or different"),
        (("--answer", "same"), 64, "needs a question's number"),
        (("x1", "--answer", "same"), 64, "`x1` is no number"),
        (("q1", "--take", "crm/all"), 64, "--take needs a conflict's number"),
        ((), 64, "2 waiting, and nobody to ask"),
    ],
)
def test_what_cannot_be_answered(
    books: Books, trueup: Trueup, arguments: tuple[str, ...], code: int, said: str
) -> None:
    result = trueup("resolve", "people", *arguments)
    assert result.code == code, result
    assert said in result.err


def test_verify_names_what_waits(books: Books, trueup: Trueup) -> None:
    result = trueup("verify", "people")
    assert "a question waits for your answer" in result.out
    assert "trueup resolve people" in result.out
