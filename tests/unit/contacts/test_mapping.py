"""Rows as contacts: what each says of the other, what a table keeps of a contact, and what its edits mean to a side that holds more."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trueup.core.merge import diff
from trueup.jobs.contacts import ContactsKind
from trueup.jobs.contacts.card import read_card
from trueup.jobs.contacts.mapping import Mapping
from trueup.jobs.contacts.mapping.narrow import TableShape
from trueup.jobs.contacts.mapping.presets import PRESETS
from trueup.jobs.contacts.mapping.proposal import covered, propose, propose_key
from trueup.jobs.contacts.mapping.writing import row_of
from trueup.model.errors import ItemRefused
from trueup.model.fields import FieldKey

KIND = ContactsKind()


def shape(key: str = "id", **columns: Any) -> TableShape:
    return TableShape(Mapping.from_options(columns), (key,), "crm/people")


def lines(data: bytes) -> list[str]:
    """The lines of a card, without what every one has."""
    text = data.decode().replace("\r\n ", "")
    return [
        one
        for one in text.split("\r\n")
        if one and one.partition(":")[0] not in ("BEGIN", "END", "VERSION", "PRODID", "UID")
    ]


def card(*more: str, uid: str = "anna", version: str = "3.0") -> bytes:
    return "\r\n".join(["BEGIN:VCARD", f"VERSION:{version}", f"UID:{uid}", *more, "END:VCARD", ""]).encode()


def shown(data: bytes) -> dict[str, str]:
    return {" ".join(filter(None, (key.name, key.member))): field.shown for key, field in KIND.fields(data).items()}


# From a row to a card


@pytest.mark.parametrize(
    ("mapping", "row", "wanted"),
    [
        ({"name": "N"}, {"N": "Anna Berg"}, ["FN:Anna Berg"]),
        ({"first": "F", "last": "L"}, {"F": "Anna", "L": "Berg"}, ["FN:Anna Berg", "N:Berg;Anna;;;"]),
        ({"name": {"column": "N", "parts": "{last}, {first}"}}, {"N": "Berg, Anna"}, ["FN:Anna Berg", "N:Berg;Anna;;;"]),
        ({"name": {"column": "N", "parts": "{last}, {first}"}}, {"N": "ACME"}, ["FN:ACME"]),
        ({"name": {"column": ["F", "L"]}}, {"F": "Anna", "L": "Berg"}, ["FN:Anna Berg"]),
        ({"organisation": "O", "department": "D"}, {"O": "A;C, ME", "D": "Sales"}, ["FN:A\\;C\\, ME", "ORG:A\\;C\\, ME;Sales"]),
        ({"email": "E"}, {"E": "a@x.org"}, ["FN:a@x.org", "EMAIL:a@x.org"]),
        (
            {"name": "N", "phone": [{"column": "P", "type": ["work", "fax"]}]},
            {"N": "A", "P": "0049 30 1"},
            ["FN:A", "TEL;TYPE=fax,work:0049 30 1"],
        ),
        ({"name": "N", "email": {"column": "E", "separator": ";"}}, {"N": "A", "E": "a@x; b@x"}, ["FN:A", "EMAIL:a@x", "EMAIL:b@x"]),
        (
            {"name": "N", "email": {"column": "E", "type_column": "T"}},
            {"N": "A", "E": "a@x", "T": "* Work"},
            ["FN:A", "EMAIL;TYPE=work:a@x"],
        ),
        ({"name": "N", "categories": "C"}, {"N": "A", "C": "one, two"}, ["FN:A", "CATEGORIES:one,two"]),
        ({"name": "N", "birthday": {"column": "B", "format": "%d.%m.%Y"}}, {"N": "A", "B": "9.3.1980"}, ["FN:A", "BDAY:19800309"]),
        ({"name": "N", "birthday": "B"}, {"N": "A", "B": "1980-03-09 00:00:00"}, ["FN:A", "BDAY:19800309"]),
        ({"name": "N", "birthday": "B"}, {"N": "A", "B": "in spring"}, ["FN:A", "BDAY;VALUE=text:in spring"]),
        ({"name": "N", "note": "X"}, {"N": "A", "X": "one\ntwo, three"}, ["FN:A", "NOTE:one\\ntwo\\, three"]),
        ({"name": "N", "photo": "P"}, {"N": "A", "P": "iVBORw0KGgo="}, ["FN:A", "PHOTO:data:image/png;base64,iVBORw0KGgo="]),
        ({"name": "N", "photo": {"column": "P", "as": "url"}}, {"N": "A", "P": "https://x.org/a.jpg"}, ["FN:A", "PHOTO:https://x.org/a.jpg"]),
        ({"name": "N", "properties": {"X-CRM-ID": "I"}}, {"N": "A", "I": "0077"}, ["FN:A", "X-CRM-ID:0077"]),
        ({"name": "N", "constants": {"CATEGORIES": "crm"}}, {"N": "A"}, ["FN:A", "CATEGORIES:crm"]),
        ({"name": "N", "updated": "U"}, {"N": "A", "U": "2026-11-26 08:30:00+01"}, ["FN:A", "REV:20261126T073000Z"]),
        (
            {"name": "N", "address": {"street": "S", "city": "C", "code": "Z", "type": "home"}},
            {"N": "A", "S": "Weg 1", "C": "Ulm", "Z": "01234"},
            ["FN:A", "ADR;TYPE=home:;;Weg 1;Ulm;;01234;"],
        ),
    ],
)  # fmt: skip
def test_a_row_as_a_card(mapping: dict[str, Any], row: dict[str, str], wanted: list[str]) -> None:
    data = shape(**mapping).card({"id": "1", **row}, "1")
    assert lines(data) == wanted
    assert data == shape(**mapping).card({"id": "1", **row}, "1")


def test_a_key_of_the_table_is_worked_out_where_it_has_none() -> None:
    """By store, table and key, so that it is the same in every run and another one in another table."""
    one = shape(name="N")
    assert (
        KIND.glance(one.card({"id": "7", "N": "A"}, "7")).uid == KIND.glance(one.card({"id": "7", "N": "B"}, "7")).uid
    )
    assert (
        KIND.glance(one.card({"id": "7", "N": "A"}, "7")).uid != KIND.glance(one.card({"id": "8", "N": "A"}, "8")).uid
    )
    other = TableShape(one.mapping, ("id",), "crm/others")
    assert (
        KIND.glance(one.card({"id": "7", "N": "A"}, "7")).uid != KIND.glance(other.card({"id": "7", "N": "A"}, "7")).uid
    )
    assert KIND.glance(shape(name="N", uid="id").card({"id": "7", "N": "A"}, "7")).uid == "7"


@pytest.mark.parametrize("value", ["", "  ", None])
def test_what_is_blank_says_nothing(value: str | None) -> None:
    """Its line is there and empty, which wipes nothing elsewhere; where a column says that blanks wipe, it is left out."""
    assert "NOTE:" in lines(shape(name="N", note="X").card({"id": "1", "N": "A", "X": value}, "1"))
    wiping = {"column": "X", "wipes": ["blank", "null"]}
    assert "NOTE:" not in lines(shape(name="N", note=wiping).card({"id": "1", "N": "A", "X": value}, "1"))


def test_blank_null_and_absent_are_three_things() -> None:
    only_null = shape(name="N", note={"column": "X", "wipes": ["null"]})
    assert "NOTE:" in lines(only_null.card({"id": "1", "N": "A", "X": ""}, "1"))
    assert "NOTE:" in lines(only_null.card({"id": "1", "N": "A"}, "1"))
    assert "NOTE:" not in lines(only_null.card({"id": "1", "N": "A", "X": None}, "1"))


# From a card to a row

PEOPLE = {
    "name": "Name",
    "email": ["Mail", {"column": "Work mail", "type": "work"}],
    "phone": [{"column": "Mobile", "type": "cell"}, "Phone"],
    "address": {"street": "Street", "city": "City"},
    "organisation": "Company",
    "note": "Notes",
    "birthday": {"column": "Born", "format": "%d.%m.%Y"},
    "categories": "Groups",
}


def changed(data: bytes, before: dict[str, str | None], **mapping: Any) -> dict[str, str | None]:
    """The columns that differ afterwards."""
    after = row_of(read_card(data), Mapping.from_options(mapping or PEOPLE), before)
    assert list(after)[: len(before)] == list(before), "the order of columns stays"
    return {name: value for name, value in after.items() if name not in before or before[name] != value}


def test_a_new_row_has_the_columns_that_have_a_value() -> None:
    data = card(
        *("FN:Anna Berg", "EMAIL;TYPE=WORK:a@acme.org", "EMAIL;TYPE=HOME:a@x.org", "TEL;TYPE=CELL:+49 170 1", "TEL;TYPE=FAX:+49 30 9"),
        *("ORG:ACME;Sales", "BDAY:1980-03-09", "CATEGORIES:one,two", "ADR;TYPE=HOME:;;Weg 1;Ulm;;01234;", "X-OWN:kept elsewhere"),
    )  # fmt: skip
    assert changed(data, {}) == {
        "Name": "Anna Berg",
        "Work mail": "a@acme.org",
        "Mail": "a@x.org",
        "Mobile": "+49 170 1",
        "Company": "ACME",
        "Born": "09.03.1980",
        "Groups": "one, two",
        "Street": "Weg 1",
        "City": "Ulm",
    }


def test_a_cell_that_says_the_same_keeps_its_text() -> None:
    before: dict[str, str | None] = {
        "id": "1",
        "Name": "Anna  Berg ",
        "Phone": "+49 (0)30 / 1",
        "Born": "9.3.1980",
        "Groups": "two;one",
        "Own": " x ",
    }
    mapping = {**PEOPLE, "categories": {"column": "Groups", "separator": ";"}}
    data = card("FN:Anna  Berg", "TEL;TYPE=work:tel:+49-30-1", "BDAY:1980-03-09", "CATEGORIES:one,two")
    assert changed(data, before, **mapping) == {}


@pytest.mark.parametrize(
    ("lines_", "wanted"),
    [
        (["TEL;TYPE=CELL:+2"], {"Mobile": "+2", "Phone": None}),
        (["TEL:+2"], {"Mobile": None, "Phone": "+2"}),
        (["TEL;TYPE=CELL:+1", "TEL:+9"], {"Phone": "+9"}),
        (["TEL:+1"], {"Phone": "+1", "Mobile": None}),
        (["TEL;TYPE=HOME:+9", "TEL;TYPE=HOME:+8"], {"Mobile": None, "Phone": "+9"}),
        (["TEL;TYPE=FAX:+9"], {"Mobile": None, "Phone": None}),
        (["TEL;TYPE=HOME:+9", "TEL;TYPE=HOME;PREF=1:+8"], {"Mobile": None, "Phone": "+8"}),
        ([], {"Mobile": None, "Phone": None}),
    ],
)
def test_numbers_stand_in_the_column_of_their_type(lines_: list[str], wanted: dict[str, str | None]) -> None:
    before: dict[str, str | None] = {"Name": "A", "Mobile": "+1", "Phone": "+5"}
    assert changed(card("FN:A", *lines_), before) == wanted


def test_a_number_whose_type_changed_stays_where_it_is_if_there_is_no_better_place() -> None:
    before: dict[str, str | None] = {"Name": "A", "Mobile": "+1", "Phone": "+5"}
    assert changed(card("FN:A", "TEL;TYPE=HOME:+1", "TEL:+5"), before) == {}


def test_what_a_cell_cannot_hold_leaves_it_as_it_is() -> None:
    before: dict[str, str | None] = {"Name": "A", "Born": "9.3.1980"}
    assert changed(card("FN:A", "BDAY:--0309", version="4.0"), before) == {}
    photo: dict[str, str | None] = {"Name": "A", "Photo": "https://x.org/1.jpg"}
    mapping = {"name": "Name", "photo": {"column": "Photo", "as": "url"}}
    assert changed(card("FN:A", "PHOTO;ENCODING=b;TYPE=PNG:iVBORw0KGgo="), photo, **mapping) == {}


def test_columns_that_nothing_is_mapped_to_are_never_touched() -> None:
    before: dict[str, str | None] = {"Name": "A", "Own": None, "Other": " 007 "}
    assert changed(card("FN:B"), before) == {"Name": "B"}


# What a table keeps


def test_what_is_kept_is_what_will_be_read_back() -> None:
    own = shape(uid="id", **PEOPLE)
    wanted = card(
        "FN:Anna Berg", "EMAIL;TYPE=HOME:a@x.org", "TEL;TYPE=CELL:+49 170 1", "X-OWN:1", "NICKNAME:Anni", uid="7"
    )
    kept = own.kept(None, wanted)
    assert own.place(kept) == "7"
    assert kept == own.card(own.row(kept, None), "7")
    assert shown(kept) == {"FN": "Anna Berg", "EMAIL a@x.org": "a@x.org", "TEL +491701": "+49 170 1 (cell)"}


def test_what_it_cannot_hold_changes_nothing() -> None:
    own = shape(**PEOPLE)
    before = own.card({"id": "1", "Name": "A", "Phone": "+5"}, "1")
    edited = KIND.patch(
        before, diff(KIND.fields(before), KIND.fields(card("FN:A", "TEL;TYPE=HOME:+5", "NICKNAME:Anni", uid="x")))
    )
    assert own.kept(before, edited) == before


def test_a_contact_without_a_key_has_no_row() -> None:
    with pytest.raises(ItemRefused) as refused:
        shape("Mail", name="Name", email="Mail").kept(None, card("FN:Anna Berg"))
    assert refused.value.code == "no-key"
    with pytest.raises(ItemRefused, match="Anna Berg") as unmapped:
        shape("number", name="Name").kept(None, card("FN:Anna Berg"))
    assert unmapped.value.hint == "map the key: uid: COLUMN"


def test_a_key_stays_whatever_is_edited() -> None:
    own = shape("Mail", name="Name", email="Mail")
    before = own.card({"Mail": "a@x.org", "Name": "A"}, "a@x.org")
    after = own.kept(before, card("FN:B", "EMAIL:other@x.org"))
    assert own.row(after, {"Mail": "a@x.org", "Name": "A"}) == {"Mail": "a@x.org", "Name": "B"}


def edits_of(own: TableShape, before: dict[str, str], after: dict[str, str]) -> dict[FieldKey, Any]:
    return diff(KIND.fields(own.card({"id": "1", **before}, "1")), KIND.fields(own.card({"id": "1", **after}, "1")))


def made_in(other: bytes, own: TableShape, before: dict[str, str], after: dict[str, str]) -> dict[str, str]:
    """What another side shows once a table's edits were made there."""
    return shown(KIND.patch(other, own.widened(edits_of(own, before, after), other)))


def test_parts_of_a_name_that_the_table_has_no_column_for_stay() -> None:
    own = shape(first="F", last="L")
    other = card("FN:Dr. Anna Maria Berg", "N:Berg;Anna;Maria;Dr.;")
    made = made_in(other, own, {"F": "Anna", "L": "Berg"}, {"F": "Anna", "L": "Berg-Neu"})
    assert made == {
        "FN": "Dr. Anna Maria Berg-Neu",
        "N": "family: Berg-Neu, given: Anna, middle: Maria, prefix: Dr.",
    }
    assert made_in(other, own, {"F": "Anna", "L": "Berg"}, {"F": "", "L": "Berg"})["N"] == shown(other)["N"]


def test_parts_of_an_organisation_stay() -> None:
    own = shape(name="Name", organisation="O")
    other = card("FN:A", "ORG:ACME;Sales;Berlin")
    assert (
        made_in(other, own, {"Name": "A", "O": "ACME"}, {"Name": "A", "O": "ACME AG"})["ORG"]
        == "ACME AG, Sales, Berlin"
    )


def test_an_address_is_changed_and_not_doubled() -> None:
    own = shape(name="Name", address={"street": "S", "city": "C"})
    other = card("FN:A", "ADR;TYPE=HOME:;2nd floor;Weg 1;Ulm;BW;01234;Germany")
    made = made_in(other, own, {"Name": "A", "S": "Weg 1", "C": "Ulm"}, {"Name": "A", "S": "Weg 2", "C": "Ulm"})
    assert [text for key, text in made.items() if key.startswith("ADR")] == [
        "2nd floor, Weg 2, Ulm, BW, 01234, Germany"
    ]


# Presets and proposals


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_preset_is_proposed_for_its_own_columns(name: str) -> None:
    columns = list(dict.fromkeys(column for column, _ in Mapping.from_options({"preset": name}).columns()))
    assert propose(["Own", *columns])["preset"] == name


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_preset_goes_without_columns_that_are_not_there(name: str) -> None:
    whole = Mapping.from_options({"preset": name})
    columns = list(dict.fromkeys(column for column, _ in whole.columns()))[:3]
    assert set(dict(whole.restricted(columns).columns())) <= set(columns)
    with pytest.raises(KeyError):
        Mapping.from_options({"preset": name, "note": "No such column"}).restricted(columns)


@pytest.mark.parametrize(
    ("columns", "wanted"),
    [
        (["id", "name", "email", "phone"], {"preset": "generic"}),
        (
            ["Kundennr", "Vorname", "Name", "Firma", "E-Mail", "Telefon geschäftlich", "Handy", "Straße", "PLZ", "Ort", "Bemerkung"],
            {
                "first": "Vorname", "organisation": "Firma", "note": "Bemerkung", "email": "E-Mail",
                "phone": [{"column": "Telefon geschäftlich", "type": "work"}, {"column": "Handy", "type": "cell"}],
                "address": {"street": "Straße", "city": "Ort", "code": "PLZ"}, "last": "Name",
            },
        ),
        (["customer_id", "full_name", "work_email", "fax"], {
            "name": "full_name", "email": {"column": "work_email", "type": "work"}, "phone": {"column": "fax", "type": "fax"},
        }),
        (["a", "b"], {}),
    ],
)  # fmt: skip
def test_a_mapping_is_proposed_from_the_names_of_columns(columns: list[str], wanted: dict[str, Any]) -> None:
    assert propose(columns) == wanted


def test_a_key_is_proposed() -> None:
    assert propose_key(["Name", "Kundennr"]) == "Kundennr"
    assert propose_key(["customer_id", "name"]) == "customer_id"
    assert propose_key(["name", "email"]) == ""


def test_what_a_mapping_covers() -> None:
    named, left, missing = covered(Mapping.from_options({"name": "Name", "note": "Nots"}), ["Name", "Notes"])
    assert (named, left, missing) == ({"FN": ["Name"]}, ["Notes"], ["Nots"])


def test_a_row_of_another_program_is_no_contact_and_no_crash() -> None:
    for row in ({}, {"Name": None}, {"Name": "\u202e"}, {"Name": "x" * 100_000}, {"Name": "a\nb\rc;d,e\\f"}):
        data = shape(name="Name").card(row, "1")
        KIND.glance(data)
        json.dumps(shown(data))
