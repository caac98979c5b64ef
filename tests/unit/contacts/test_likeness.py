"""Which contacts are one person: what counts for it, what against, and what is never enough."""

from __future__ import annotations

import pytest

from trueup.jobs.contacts.matching.features import address, features_of
from trueup.jobs.contacts.matching.index import LARGEST, CardIndex
from trueup.jobs.contacts.matching.matcher import LINK, REVIEW
from trueup.jobs.contacts.matching.names import family_likeness, folded, given_likeness, sound, split, tokens
from trueup.jobs.contacts.matching.phones import number
from trueup.model.errors import ItemRefused
from trueup.model.ports import Match


def card(*lines: str) -> bytes:
    return "\r\n".join(("BEGIN:VCARD", "VERSION:3.0", *lines, "END:VCARD", "")).encode()


def compared(*cards: tuple[str, ...], region: str = "DE") -> Match:
    """The first two of these, compared among all."""
    with CardIndex(region, LINK, REVIEW) as index:
        for place, lines in enumerate(cards):
            index.add(place, card(*lines))
        list(index.matches())
        return index.compare(0, 1)


ANNA = ("FN:Anna Berg", "N:Berg;Anna;;;")
MAIL, PHONE, BORN = "EMAIL:anna@example.org", "TEL:+49 30 1234567", "BDAY:1980-03-09"
HOME = "ADR:;;Hauptstraße 1;Berlin;;10115;"


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        ((*ANNA, MAIL), (*ANNA, "EMAIL:Anna@Example.ORG"), "same e-mail anna@example.org"),
        ((*ANNA, PHONE), (*ANNA, "TEL:030/1234567"), "same phone +49301234567"),
        ((*ANNA, PHONE), (*ANNA, "TEL:0049 (30) 1234-567"), "same phone +49301234567"),
        ((*ANNA, PHONE), ("FN:Berg\\, Anna", "TEL:tel:+49-30-1234567"), "same name"),
        ((*ANNA, MAIL), ("FN:Anna Bergg", MAIL), "names alike 0.93"),
        (("FN:Jürgen Müller", MAIL), ("FN:Juergen Mueller", MAIL), "same name"),
        (("FN:Jürgen Müller", MAIL), ("FN:Jurgen Muller", MAIL), "same name"),
        (("FN:Robert Smith", PHONE), ("FN:Bob Smith", PHONE), "names alike 0.97"),
        (("FN:Dr. Иван Иванов", PHONE), ("FN:Ivan Ivanov", PHONE), "same name"),
        ((*ANNA, BORN, HOME), (*ANNA, BORN, "ADR:;;Hauptstr. 1;Berlin;;10115;"), "same address"),
        (("FN:A. Berg", MAIL, PHONE), (*ANNA, MAIL, PHONE), "names alike 0.92"),
    ],
)
def test_surely_one_person(one: tuple[str, ...], other: tuple[str, ...], reason: str) -> None:
    found = compared(one, other)
    assert found.sure, found
    assert reason in found.reasons


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        ((*ANNA, MAIL), ("FN:Anna Meier", MAIL), "another family name"),
        (("FN:Maria Lopez Garcia", MAIL), ("FN:López, María", MAIL), "another family name"),
        ((*ANNA, MAIL), ("FN:Anna", MAIL), "part of the name is the same"),
        ((*ANNA, BORN), (*ANNA, "BDAY:1980-03-09T00:00:00Z"), "same birthday"),
        ((*ANNA, "ORG:Acme GmbH"), (*ANNA, "ORG:ACME;Sales"), "same organisation"),
        (("FN:Jon Smith", MAIL), ("FN:Jonn Smyth", MAIL, "EMAIL:j@example.net"), "names alike 0.85"),
        ((*ANNA, HOME), (*ANNA, HOME), "same address"),
        ((*ANNA, PHONE, HOME, "BDAY:1950-01-01"), (*ANNA, PHONE, HOME, "BDAY:1981-02-03"), "different birthdays"),
        (("FN:Tom Berg", PHONE, HOME, BORN), ("FN:Uwe Berg", PHONE, HOME, BORN), "different first names (Tom, Uwe)"),
    ],
)
def test_may_be_one_person(one: tuple[str, ...], other: tuple[str, ...], reason: str) -> None:
    found = compared(one, other)
    assert not found.sure, found
    assert found.score >= REVIEW, found
    assert reason in found.reasons


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ANNA, ANNA),
        ((*ANNA, MAIL), (*ANNA, "EMAIL:ab@example.net")),
        ((*ANNA, PHONE, HOME), ("FN:Peter Berg", PHONE, HOME)),  # a household
        ((*ANNA, MAIL), ("FN:Peter Berg", MAIL)),
        ((*ANNA, "EMAIL:info@acme.example"), ("FN:Anna Meier", "EMAIL:info@acme.example")),
        ((*ANNA, PHONE), ("ORG:Acme GmbH", PHONE)),
        ((*ANNA, BORN), (*ANNA, "BDAY:1975-11-30")),
        (("FN:Max Berg", "N:Berg;Max;;;Jr."), ("FN:Max Berg", "N:Berg;Max;;;Sr.")),
        (("FN:Max Berg Jr", PHONE, BORN), ("FN:Max Berg Sr", PHONE, "BDAY:1950-01-01")),
        (("TEL:+49 30 1234567",), ("TEL:+49 30 7654321",)),
    ],
)
def test_two_people(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    found = compared(one, other)
    assert not found.sure
    assert found.score < REVIEW, found


def test_a_number_says_less_the_more_cards_have_it() -> None:
    others = [(f"FN:Colleague Number{place}", "TEL:+49 30 555") for place in range(30)]
    few = compared((*ANNA, "TEL:+4930555123"), (*ANNA, "TEL:+4930555123"))
    many = compared(
        (*ANNA, "TEL:+4930555123"),
        (*ANNA, "TEL:+4930555123"),
        *((name, "TEL:+4930555123") for name, _ in others),
    )
    assert few.sure
    assert not many.sure
    assert many.score < few.score
    assert "same phone +4930555123, which 32 contacts have" in many.reasons


def test_organisations_are_compared_with_organisations() -> None:
    firm = ("FN:Acme GmbH", "ORG:Acme GmbH", "EMAIL:info@acme.example", "TEL:+49301112223")
    assert compared(firm, ("ORG:ACME", "EMAIL:info@acme.example", "TEL:+49301112223")).sure
    assert compared(firm, (*ANNA, "ORG:Acme GmbH", "EMAIL:info@acme.example", "TEL:+49301112223")).score <= 0.5


def test_a_group_is_nobody() -> None:
    assert features_of(card("FN:All", "X-ADDRESSBOOKSERVER-KIND:group"), "") is None
    with CardIndex("", LINK, REVIEW) as index:
        index.add(1, card("FN:All", "KIND:group", MAIL))
        index.add(2, card("FN:All", "KIND:group", MAIL))
        assert list(index.matches()) == []


def test_what_stands_in_the_same_place_is_not_compared() -> None:
    with CardIndex("", LINK, REVIEW) as index:
        for place, bits in enumerate((0b01, 0b01, 0b10)):
            index.add(place, card(*ANNA, MAIL), places=bits)
        assert {(one.one, one.other) for one in index.matches()} == {(0, 2), (1, 2)}
        assert sorted(number for number, _ in index.of(2)) == [0, 1]


def test_what_is_settled_is_compared_with_what_is_new_alone() -> None:
    with CardIndex("", LINK, REVIEW) as index:
        for place in range(3):
            index.add(place, card(*ANNA, MAIL), settled=place < 2)
        assert {(one.one, one.other) for one in index.matches()} == {(0, 2), (1, 2)}


def test_a_block_that_is_too_large_is_parted() -> None:
    """Hundreds behind one number: who bears the same name is compared all the same, and nobody with everybody."""
    with CardIndex("", LINK, REVIEW) as index:
        for place in range(5 * LARGEST):
            index.add(place, card(f"FN:{chr(97 + place % 26)}{place:03}x Person{place}", "TEL:+4930555123"))
        index.add(9001, card(*ANNA, "TEL:+4930555123", BORN))
        index.add(9002, card(*ANNA, "TEL:+4930555123", BORN))
        assert [(one.one, one.other) for one in index.matches()] == [(9001, 9002)]


def test_who_shares_a_small_block_beside_a_large_one_is_compared() -> None:
    """The part of a switchboard's block in which two do not meet keeps them from nothing."""
    with CardIndex("", LINK, REVIEW) as index:
        for place in range(2 * LARGEST):
            index.add(place, card(f"FN:{chr(97 + place % 26)}{place:03}x Person{place}", "TEL:+4930555123"))
        for place in range(12):
            mail = f"EMAIL:somebody{place}@example.org"
            index.add(1000 + place, card(f"FN:Anna Berg{place}", "TEL:+4930555123", mail))
            index.add(2000 + place, card(f"FN:Anna Zerg{place}", "TEL:+4930555123", mail))
        found = {(one.one, one.other) for one in index.matches()}
        assert {(1000 + place, 2000 + place) for place in range(12)} <= found


def test_what_is_no_contact_is_refused() -> None:
    with CardIndex("", LINK, REVIEW) as index, pytest.raises(ItemRefused):
        index.add(1, b"\xff\xfe no card")


@pytest.mark.parametrize(
    ("value", "region", "expected"),
    [
        ("+49 (0)30 12345", "", "+493012345"),
        ("030 12345", "DE", "+493012345"),
        ("030 12345", "", "03012345"),
        ("0044 20 7946 0018", "DE", "+442079460018"),
        ("tel:+1-202-555-0123", "", "+12025550123"),
        ("(202) 555-0123 ext. 7", "US", "+12025550123"),
        ("110", "DE", ""),
        ("call me", "DE", ""),
    ],
)
def test_numbers(value: str, region: str, expected: str) -> None:
    assert number(value, region) == expected


def test_addresses() -> None:
    assert address("mailto:Anna.Berg+list@GoogleMail.com") == "annaberg@gmail.com"
    assert address("Anna.Berg+list@Example.org") == "anna.berg+list@example.org"
    assert address("nobody") == ""


def test_names() -> None:
    assert folded("Łukasz Größmann") == "lukasz grossmann"
    assert folded("Jürgen") == folded("Juergen") == folded("Jurgen")
    assert tokens("Dr. med. Anna von der Heide Jr.") == ("anna", "heide")
    assert split("Berg, Anna Maria") == (("anna", "maria"), ("berg",))
    assert split("Madonna") == ((), ("madonna",))
    assert given_likeness(("anna", "maria"), ("maria",)) > 0.95
    assert family_likeness(("meyer", "berg"), ("meyerberg",)) == 1.0
    assert sound("meier") == sound("meyer") == sound("maier")
