"""Contacts of several books that are one person: linked, asked about, held until answered, and the answer kept for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.contacts.books import Books, quiet
from trueup.core import matching
from trueup.model.errors import NotFound, UsageError
from trueup.model.run import RunState

MAIL = "EMAIL:anna@example.org"


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return Books(tmp_path, "crm", "phone")


def doubtful(books: Books) -> None:
    """Two who may be one."""
    books.put("crm", "c1", "Jon Smith", "EMAIL:jon@example.org", "TITLE:Sales")
    books.put("phone", "p1", "Jonn Smyth", "EMAIL:jon@example.org", "TEL:+442079460018")


def test_what_is_surely_one_is_linked_and_says_why(books: Books) -> None:
    books.put("crm", "c1", "Anna Berg", MAIL, "TEL:030 1234567")
    books.put("phone", "p1", "Anna Berg", "EMAIL:Anna@Example.org", "BDAY:1980-03-09")
    changes = books.plan()
    (link,) = [one for one in changes if one["action"] == "link"]
    assert link["reason"] == "taken for one, 0.99: same e-mail anna@example.org, same name"
    assert {one["action"] for one in changes} == {"link", "update"}
    assert books.run()["state"] == "done"
    expected = ["FN:Anna Berg", "EMAIL:anna@example.org", "TEL:030 1234567", "BDAY:1980-03-09"]
    assert {uid: sorted(lines) for uid, lines in books.lines("crm").items()} == {"c1": sorted(expected)}
    assert {uid: sorted(lines) for uid, lines in books.lines("phone").items()} == {"p1": sorted(expected)}
    assert quiet(books.run())


def test_a_plan_that_is_not_applied_says_the_same_again(books: Books) -> None:
    books.put("crm", "c1", "Anna Berg", MAIL)
    books.put("phone", "p1", "Anna Berg", MAIL, "TEL:030 1234567")
    first, second = books.plan(), books.plan()
    assert [one["reason"] for one in first] == [one["reason"] for one in second]


def test_what_may_be_one_is_held_and_the_rest_goes_on(books: Books) -> None:
    doubtful(books)
    books.put("crm", "c2", "Peter Berg")
    report = books.run()
    assert report["state"] == RunState.CONFLICT.value
    assert report["questions"] == 1
    assert {one["code"] for one in report["left"]} == {"review"}
    assert "may be the same as “Jonn Smyth” in phone/all: same e-mail jon@example.org" in report["left"][0]["reason"]
    assert "answer with `trueup resolve people`" in report["left"][0]["reason"]
    assert books.uids("crm") == {"c1", "c2"}
    assert books.uids("phone") == {"p1", "c2"}
    assert books.run()["state"] == RunState.CONFLICT.value
    assert [one["title"] for one in books.questions()] == ["“Jon Smith” in crm/all and “Jonn Smyth” in phone/all"]


def test_a_run_in_which_nothing_changed_compares_nothing(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    doubtful(books)
    books.run()
    monkeypatch.setattr(matching, "_Matching", None)
    assert books.run()["state"] == RunState.CONFLICT.value


def test_a_first_contact_with_an_empty_book_compares_nothing(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "_Matching", None)
    for number in range(3):
        books.put("crm", f"c{number}", "Anna Berg", f"EMAIL:a{number}@example.org")
    assert books.run()["counts"] == {"create": 3}


def test_same_links_them(books: Books) -> None:
    doubtful(books)
    books.run()
    books.answer("same")
    assert books.run()["state"] == "done"
    assert books.uids("crm") == {"c1"}
    assert books.uids("phone") == {"p1"}
    assert "TITLE:Sales" in books.lines("phone")["p1"]
    assert "TEL:+442079460018" in books.lines("crm")["c1"]
    assert quiet(books.run())
    assert books.questions() == []


def test_different_is_never_asked_again(books: Books) -> None:
    doubtful(books)
    books.run()
    books.answer("different")
    assert books.run()["state"] == "done"
    assert books.uids("crm") == books.uids("phone") == {"c1", "p1"}
    books.put("crm", "c1", "Jon Smith", "EMAIL:jon@example.org", "TITLE:Head of Sales")
    assert books.run()["state"] == "done"
    books.configure(duplicates="propose")
    assert books.run()["questions"] == 0, "nor as a duplicate"


def test_a_decision_holds_though_the_cards_become_alike_in_everything(books: Books) -> None:
    doubtful(books)
    books.run()
    books.answer("different")
    for where, uid in (("crm", "c1"), ("phone", "p1")):
        books.put(where, uid, "Jon Smith", "EMAIL:jon@example.org")
    assert books.run()["state"] == "done"
    assert books.uids("crm") == books.uids("phone") == {"c1", "p1"}


def test_what_is_held_may_be_edited_and_deleted_by_its_owner(books: Books) -> None:
    doubtful(books)
    books.run()
    books.put("crm", "c1", "Jon Smith", "EMAIL:jon@example.org", "NOTE:edited")
    assert books.run()["questions"] == 1
    books.remove("phone", "p1")
    assert books.run()["state"] == "done"
    assert books.questions() == []
    assert books.uids("crm") == books.uids("phone") == {"c1"}


def test_a_held_contact_goes_on_among_the_books_that_agree(tmp_path: Path) -> None:
    """Edits of an agreed contact are carried over though another book has somebody who may be the same."""
    books = Books(tmp_path, "crm", "phone")
    books.put("crm", "c1", "Jon Smith", "EMAIL:jon@example.org")
    assert books.run()["state"] == "done"
    books.names = ("crm", "phone", "club")
    (tmp_path / "club" / "all").mkdir(parents=True)
    books.configure()
    books.put("club", "k1", "Jonn Smyth", "EMAIL:jon@example.org")
    assert books.run()["questions"] == 1
    books.put("crm", "c1", "Jon Smith", "EMAIL:jon@example.org", "NOTE:edited")
    report = books.run()
    assert report["counts"] == {"update": 1}
    assert "NOTE:edited" in books.lines("phone")["c1"]
    assert books.uids("club") == {"k1"}
    books.answer("same")
    assert books.run()["state"] == "done"
    assert books.uids("club") == {"k1"}
    assert "NOTE:edited" in books.lines("club")["k1"]


def test_who_has_two_partners_is_asked_about_both(books: Books) -> None:
    books.put("crm", "c1", "Anna Berg", MAIL, "TEL:+49301234567")
    books.put("phone", "p1", "Anna Berg", MAIL, "NOTE:one")
    books.put("phone", "p2", "Anna Berg", MAIL, "NOTE:two")
    assert books.run()["questions"] == 2
    first, _ = books.questions()
    books.answer("same", first["id"])
    report = books.run()
    assert report["state"] == "done", "the other one has no partner left"
    assert books.questions() == []
    assert len(books.uids("crm")) == 2


def test_three_books_become_one_contact(tmp_path: Path) -> None:
    books = Books(tmp_path, "crm", "phone", "club")
    books.put("crm", "c1", "Anna Berg", MAIL)
    books.put("phone", "p1", "Anna Berg", MAIL, "TEL:030 1234567")
    books.put("club", "k1", "Anna Berg", "TEL:+49301234567", MAIL)
    assert books.run()["state"] == "done"
    assert [len(books.uids(where)) for where in books.names] == [1, 1, 1]


def test_a_name_alone_links_nobody_and_asks_nothing(books: Books) -> None:
    books.put("crm", "c1", "Anna Berg", "NOTE:one")
    books.put("phone", "p1", "Anna Berg", "NOTE:two")
    assert books.run()["counts"] == {"create": 2}
    assert books.questions() == []


def test_likeness_can_be_turned_off(tmp_path: Path) -> None:
    books = Books(tmp_path, "crm", "phone", match="off")
    books.put("crm", "c1", "Anna Berg", MAIL)
    books.put("phone", "p1", "Anna Berg", MAIL, "TEL:+49301234567")
    assert books.run()["counts"] == {"create": 2}


def test_a_link_of_one_always_asks(tmp_path: Path) -> None:
    books = Books(tmp_path, "crm", "phone", match={"link": 1})
    books.put("crm", "c1", "Anna Berg", MAIL)
    books.put("phone", "p1", "Anna Berg", MAIL, "TEL:+49301234567")
    assert books.run()["questions"] == 1


def test_a_lost_ledger_finds_the_same_again(books: Books) -> None:
    books.put("crm", "c1", "Anna Berg", MAIL, "TEL:030 1234567")
    books.put("phone", "p1", "Anna Berg", MAIL, "BDAY:1980-03-09")
    books.run()
    (books.folder / ".trueup" / "ledger.db").unlink()
    assert quiet(books.run())
    assert books.uids("crm") == {"c1"}
    assert books.uids("phone") == {"p1"}


def test_what_was_linked_can_be_taken_apart(books: Books) -> None:
    books.put("crm", "c1", "Anna Berg", MAIL, "NOTE:one", "TEL:+49301234567")
    books.put("phone", "p1", "Anna Berg", MAIL, "TITLE:Sales")
    books.run()
    with books.app() as app:
        (noted,) = app.questions("people", open_only=False)
    assert noted["answer"] == "linked"
    books.undo()
    books.answer("different", noted["id"])
    assert books.run()["state"] == "done"
    assert books.uids("crm") == books.uids("phone") == {"c1", "p1"}
    assert books.lines("phone")["p1"] == ["FN:Anna Berg", MAIL, "TITLE:Sales"]
    assert quiet(books.run())


def test_contacts_that_the_filter_leaves_out_are_not_asked_about(tmp_path: Path) -> None:
    books = Books(tmp_path, "crm", "phone", filter={"categories": ["friends"]})
    doubtful(books)
    assert books.run()["questions"] == 0


def test_answers_that_make_no_sense(books: Books) -> None:
    doubtful(books)
    books.run()
    with pytest.raises(UsageError, match="`maybe` is no answer to question q1"):
        books.answer("maybe")
    with pytest.raises(NotFound, match="no question number 99"):
        books.answer("same", 99)
