"""Contacts that stand twice: told, asked about, or made one; nothing is deleted before the one that stays is written, and undo takes it back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.unit.contacts.books import Books, quiet
from trueup.connectors.folder.store import FolderCollection
from trueup.model.ports import Outcome, Written
from trueup.model.run import RunState

MAIL = "EMAIL:anna@example.org"
PHONE = "TEL:+49301234567"


def twice(books: Books, where: str = "crm") -> None:
    """Anna stands twice, with a group that names both."""
    books.put(where, "c1", "Anna Berg", MAIL, PHONE, "TITLE:Sales", "URL:https://anna.example")
    books.put(where, "c2", "Anna Berg", MAIL, "BDAY:1980-03-09", "TITLE:Head of Sales")
    books.put(where, "c3", "Peter Berg", PHONE)
    group = ("VERSION:4.0", "KIND:group", "UID:g", "FN:All", "MEMBER:urn:uuid:c2", "MEMBER:urn:uuid:c3")
    (books.folder / where / "all" / "g.vcf").write_text("\r\n".join(("BEGIN:VCARD", *group, "END:VCARD", "")))


def one_book(tmp_path: Path, **options: Any) -> Books:
    books = Books(tmp_path, "crm", **options)
    twice(books)
    return books


def test_merged_in_one_book(tmp_path: Path) -> None:
    books = one_book(tmp_path, duplicates="merge")
    report = books.run()
    assert report["state"] == "done"
    assert report["counts"] == {"delete": 1, "update": 2}
    found = books.lines("crm")
    assert set(found) == {"c1", "c3", "g"}
    assert {MAIL, PHONE, "BDAY:1980-03-09", "URL:https://anna.example"} <= set(found["c1"])
    assert {line for line in found["g"] if line.startswith("MEMBER")} == {"MEMBER:urn:uuid:c1", "MEMBER:urn:uuid:c3"}
    assert quiet(books.run())


def test_a_plan_shows_what_goes(tmp_path: Path) -> None:
    changes = one_book(tmp_path, duplicates="merge").plan()
    (gone,) = [one for one in changes if one["action"] == "delete"]
    assert gone["reason"] == "becomes part of “Anna Berg”"
    assert gone["fields"] == [{"label": "job title", "before": "Head of Sales", "after": None}]


def test_merged_in_all_books(tmp_path: Path) -> None:
    books = Books(tmp_path, "crm", "phone", duplicates="merge")
    twice(books)
    books.run()
    assert books.uids("phone") == {"c1", "c2", "c3", "g"}
    assert books.run()["counts"] == {"delete": 2, "update": 4}
    assert books.uids("crm") == books.uids("phone") == {"c1", "c3", "g"}
    assert "BDAY:1980-03-09" in books.lines("phone")["c1"]
    assert quiet(books.run())


def test_undo_brings_every_contact_back_and_asks(tmp_path: Path) -> None:
    books = Books(tmp_path, "crm", "phone", duplicates="merge")
    twice(books)
    books.run()
    before = books.lines("crm"), books.lines("phone")
    books.run()
    report = books.undo()
    assert report["state"] == "done"
    assert report["waiting"] == 0
    assert report["questions"] == 1
    assert ([sorted(lines) for lines in books.lines("crm").values()]) == [sorted(lines) for lines in before[0].values()]
    assert set(books.lines("phone")) == set(before[1])
    assert quiet(books.run()), "nobody has answered"
    books.answer("same")
    assert books.run()["counts"]["delete"] == 2
    books.undo()
    books.answer("different")
    assert quiet(books.run())
    assert quiet(books.run())
    assert books.uids("crm") == {"c1", "c2", "c3", "g"}


def test_told(tmp_path: Path) -> None:
    books = one_book(tmp_path, duplicates="report")
    for _ in range(2):
        report = books.run()
        assert report["state"] == "done"
        assert len(report["duplicates"]) == 1
        assert "“Anna Berg” in crm/all and “Anna Berg” in crm/all may be one: 0.99" in report["duplicates"][0]
    assert books.questions() == []


def test_proposed_and_answered(tmp_path: Path) -> None:
    books = one_book(tmp_path, duplicates="propose")
    report = books.run()
    assert (report["state"], report["questions"]) == ("done", 1)
    (question,) = books.questions()
    assert question["topic"] == "duplicate"
    assert [one["collection"] for one in question["records"]] == ["crm/all", "crm/all"]
    books.answer("same")
    assert books.run()["counts"]["delete"] == 1
    assert books.uids("crm") == {"c1", "c3", "g"}


def test_what_is_doubtful_is_asked_about_where_the_rest_is_merged(tmp_path: Path) -> None:
    books = one_book(tmp_path, duplicates="merge")
    books.put("crm", "d1", "Jon Smith", "EMAIL:jon@example.org")
    books.put("crm", "d2", "Jonn Smyth", "EMAIL:jon@example.org")
    report = books.run()
    assert report["counts"]["delete"] == 1
    assert report["questions"] == 1
    assert {"d1", "d2"} <= books.uids("crm")


def test_an_edited_contact_is_merged_by_a_later_run(tmp_path: Path) -> None:
    books = Books(tmp_path, "crm", "phone", duplicates="merge")
    books.put("crm", "c1", "Anna Berg", MAIL)
    books.put("crm", "c2", "Anna Meyer", "EMAIL:other@example.org")
    books.run()
    books.put("crm", "c2", "Anna Berg", MAIL, PHONE)
    assert books.run()["counts"] == {"update": 1}
    assert books.run()["counts"]["delete"] == 2
    assert PHONE in books.lines("phone")[next(iter(books.uids("phone")))]


@pytest.mark.parametrize(
    ("survivor", "title"),
    [({"*": "newest"}, "Sales"), ({"organisation": "longest"}, "Head of Sales"), ({"*": "crm"}, "Sales")],
)
def test_whose_value_stays(tmp_path: Path, survivor: dict[str, str], title: str) -> None:
    books = one_book(tmp_path, duplicates="merge", survivor=survivor)
    books.run()
    assert f"TITLE:{title}" in books.lines("crm")["c1"]


def test_guards_count_what_a_merge_deletes(tmp_path: Path) -> None:
    books = Books(tmp_path, "crm", duplicates="merge")
    for number in range(20):
        books.put("crm", f"c{number}", "Anna Berg", MAIL)
    report = books.run()
    assert report["state"] == RunState.AWAITING_APPROVAL.value
    assert len(books.uids("crm")) == 20
    with books.app() as app:
        app.apply(None, allow=["max_delete"])
    assert len(books.uids("crm")) == 1


def test_nothing_is_deleted_where_the_one_that_stays_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = one_book(tmp_path, duplicates="merge")
    write = FolderCollection.write

    def refusing(self: Any, writes: Any) -> Any:
        for one in writes:
            if one.verb == "update" and b"UID:c1" in (one.data or b""):
                yield Written(one.key, Outcome.REFUSED, reason="the disk is full")
            else:
                yield from write(self, [one])

    with monkeypatch.context() as patched:
        patched.setattr(FolderCollection, "write", refusing)
        report = books.run()
    assert report["state"] == RunState.PARTIAL.value
    assert {"c1", "c2"} <= books.uids("crm")
    assert "what it becomes part of could not be written" in {one["reason"] for one in report["left"]}


def test_a_contact_that_no_side_may_lose_is_left_alone(tmp_path: Path) -> None:
    """A book that cannot be written to keeps both."""
    books = Books(tmp_path, "crm", "phone", duplicates="merge")
    twice(books)
    books.run()
    os.environ.pop("TRUEUP_DEBUG", None)
    (tmp_path / "phone" / "all").rename(tmp_path / "phone" / "away")
    report = books.run()
    assert report["state"] != "done"
    assert {"c1", "c2"} <= books.uids("crm")
