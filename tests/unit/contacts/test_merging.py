"""One contact made of several: what is joined, whose value stays, what is told to be lost, and groups."""

from __future__ import annotations

import pytest

from tests.unit.contacts.cards import APPLE
from trueup.jobs.contacts.merging import CardMerger, plain, renamed
from trueup.jobs.contacts.normal import fields
from trueup.model.fields import FieldKey


def card(*lines: str, version: str = "3.0") -> bytes:
    return "\r\n".join(("BEGIN:VCARD", f"VERSION:{version}", *lines, "END:VCARD", "")).encode()


OLD = card("UID:1", "FN:Anna Berg", "N:Berg;Anna;;;", "EMAIL;TYPE=HOME:anna@example.org", "TEL:030 1234567", "NOTE:met in Leeds",
           "TITLE:Sales", "CATEGORIES:friends", "REV:20250101T000000Z", "X-CRM:7", "URL:https://anna.example")  # fmt: skip
NEW = card("UID:2", "FN:Anna Meier", "N:Meier;Anna;;;", "EMAIL:Anna@Example.ORG", "TEL:+49 30 1234567", "NOTE:likes tea", "TITLE:Head of Sales",
           "CATEGORIES:friends,sales", "REV:20260101T000000Z")  # fmt: skip


def lines(data: bytes) -> list[str]:
    return data.decode().replace("\r\n ", "").split("\r\n")


def merged(*bodies: tuple[str, bytes], rules: dict[str, str] | None = None) -> tuple[CardMerger, list[str]]:
    merger = CardMerger(bodies, rules or {}, "DE")
    return merger, lines(merger.merged(bodies[merger.survivor][1]))


def test_lists_are_joined_and_no_writing_stands_twice() -> None:
    merger, found = merged(("crm", OLD), ("phone", NEW))
    assert merger.survivor == 0
    assert [line for line in found if line.startswith(("EMAIL", "TEL"))] == [
        "EMAIL;TYPE=HOME:anna@example.org",
        "TEL:030 1234567",
    ]
    assert "CATEGORIES:friends,sales" in found
    assert "X-CRM:7" in found
    assert "UID:1" in found


def test_notes_are_put_one_under_the_other() -> None:
    _, found = merged(("crm", OLD), ("phone", NEW))
    assert "NOTE:met in Leeds\\n\\nlikes tea" in found
    within = card("UID:3", "FN:Anna Berg", "NOTE:met")
    assert "NOTE:met in Leeds" in merged(("crm", OLD), ("phone", within))[1]


@pytest.mark.parametrize(
    ("rules", "title", "name"),
    [
        ({}, "TITLE:Head of Sales", "FN:Anna Meier"),
        ({"*": "newest"}, "TITLE:Head of Sales", "FN:Anna Meier"),
        ({"*": "crm"}, "TITLE:Sales", "FN:Anna Berg"),
        ({"organisation": "longest", "*": "crm"}, "TITLE:Head of Sales", "FN:Anna Berg"),
        ({"name": "phone", "*": "crm"}, "TITLE:Sales", "FN:Anna Meier"),
        ({"*": "attic"}, "TITLE:Sales", "FN:Anna Berg"),
    ],
)
def test_whose_value_stays(rules: dict[str, str], title: str, name: str) -> None:
    merger, found = merged(("crm", OLD), ("phone", NEW), rules=rules)
    assert title in found
    assert name in found
    family = name.rpartition(" ")[2]
    assert f"N:{family};Anna;;;" in found, "the parts of the name come from the card of the name"
    lost = {label for _, label, _ in merger.lost}
    assert lost == {"job title", "name", "parts of the name"}


def test_what_nobody_else_says_is_taken_from_whoever_says_it() -> None:
    _, found = merged(("crm", OLD), ("phone", APPLE.replace("\n", "\r\n").encode()))
    assert any(line.startswith("PHOTO") for line in found)
    assert any(line.startswith("BDAY") for line in found)


def test_merging_is_done_once() -> None:
    merger = CardMerger([("crm", OLD), ("phone", NEW)], {}, "DE")
    once = merger.merged(OLD)
    assert merger.merged(once) == once


def test_the_order_of_the_cards_does_not_change_what_is_said() -> None:
    one = CardMerger([("crm", OLD), ("phone", NEW)], {}, "DE")
    other = CardMerger([("phone", NEW), ("crm", OLD)], {}, "DE")

    def said(merger: CardMerger) -> set[tuple[str, str]]:
        body = merger.merged((OLD, NEW)[0])
        return {(key.name, plain(key, "DE")) for key in fields(body) if key.member}

    assert one.survivor == 0
    assert other.survivor == 1
    assert said(one) == said(other)


def test_groups_name_the_one_that_stays() -> None:
    group = card(
        "KIND:group", "UID:g", "FN:All", "MEMBER:urn:uuid:2", "MEMBER:urn:uuid:1", "MEMBER:urn:uuid:9", version="4.0"
    )
    after = lines(renamed(group, {"2": "1"}))
    assert [line for line in after if line.startswith("MEMBER")] == ["MEMBER:urn:uuid:1", "MEMBER:urn:uuid:9"]
    apple = card("X-ADDRESSBOOKSERVER-KIND:group", "UID:g", "FN:All", "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:2")
    assert "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:7" in lines(renamed(apple, {"2": "7"}))
    assert renamed(group, {"5": "6"}) == group
    assert renamed(OLD, {"1": "2"}) == OLD


def test_two_ways_of_writing_a_member() -> None:
    assert plain(FieldKey("", "TEL", "0301234567"), "DE") == "+49301234567"
    assert plain(FieldKey("", "EMAIL", "Anna@example.org"), "") == "anna@example.org"
    assert plain(FieldKey("", "CATEGORIES", "Sales"), "") == "Sales"
