"""Rows as contacts and back: what goes there and comes back has not changed, whatever stands in the cells and however they are mapped."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.property.machine import SPARSER
from trueup.core.merge import diff
from trueup.jobs.contacts import ContactsKind
from trueup.jobs.contacts.card import read_card
from trueup.jobs.contacts.mapping import Mapping
from trueup.jobs.contacts.mapping.narrow import TableShape
from trueup.jobs.contacts.mapping.writing import row_of

KIND = ContactsKind()
MAPPINGS: list[dict[str, Any]] = [
    {"name": "a", "email": "b", "phone": "c", "note": "d"},
    {"first": "a", "last": "b", "organisation": "c", "department": "d", "nickname": {"column": "e", "separator": ";"}},
    {
        "name": {"column": "a", "parts": "{last}, {first}"},
        "birthday": {"column": "b", "format": "%d.%m.%Y"},
        "note": "c",
    },
    {
        "first": "a",
        "last": "b",
        "email": ["c", {"column": "d", "type": "work"}, {"column": "e", "type": "home"}],
        "phone": [{"column": "f", "type": "cell"}, {"column": "g", "type": ["fax", "work"]}],
    },
    {"name": "a", "address": [{"street": "b", "city": "c", "type": "home"}, {"street": "d", "code": "e"}], "url": "f"},
    {
        "name": ["a", "b"],
        "email": {"column": "c", "separator": ";"},
        "categories": "d",
        "constants": {"CATEGORIES": "crm"},
    },
    {"name": "a", "photo": "b", "properties": {"X-OWN": "c"}, "gender": "d", "messaging": "e", "role": "f"},
]
LIKELY = ["", " ", "Anna", "Berg, Anna", "0049", "+49 (0)30 / 12-34", "a@x.org; B@X.ORG", "9.3.1980", "1980-03-09", "--0309", "iVBORw0KGgo=",
          "https://x.org/a.jpg", "one,two", "a;b\\c", "two\nlines", "x\r\ny",
          "‮", "urn:uuid:1", "tel:1", "mailto:a@x", "\\n", "=1+2", "ä\u0308"]  # fmt: skip
CELLS = st.none() | st.sampled_from(LIKELY) | st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)
ROWS = st.dictionaries(st.sampled_from("abcdefg"), CELLS)
CHOICES = st.sampled_from(MAPPINGS)


def shape(mapping: dict[str, Any]) -> TableShape:
    return TableShape(Mapping.from_options(mapping), ("id",), "crm/people")


@SPARSER
@given(CHOICES, ROWS)
def test_a_row_comes_back_as_it_was(mapping: dict[str, Any], row: dict[str, str | None]) -> None:
    """A to B to A: a card made of a row, written back, changes no cell of it."""
    own, before = shape(mapping), {"id": "1", **row}
    data = own.card(before, "1")
    KIND.glance(data)
    assert row_of(read_card(data), own.mapping, before, keep=("id",)) == before


@SPARSER
@given(CHOICES, ROWS, CHOICES, ROWS)
def test_what_is_kept_is_what_is_read_back(
    mapping: dict[str, Any], row: dict[str, str | None], other: dict[str, Any], theirs: dict[str, str | None]
) -> None:
    """What a plan says a table will show of any contact is what it shows; and asked for that once more, nothing changes."""
    own, before = shape(mapping), {"id": "1", **row}
    data, wanted = own.card(before, "1"), shape(other).card({"id": "1", **theirs}, "1")
    kept = own.kept(data, wanted)
    written = own.row(kept, before)
    assert not diff(KIND.fields(own.card(written, "1")), KIND.fields(kept))
    assert own.row(own.card(written, "1"), written) == written
    assert not diff(KIND.fields(kept), KIND.fields(own.kept(kept, kept)))


@SPARSER
@given(CHOICES, ROWS, ROWS, CHOICES, ROWS)
def test_edits_of_a_table_take_nothing_that_it_has_no_column_for(
    mapping: dict[str, Any],
    before: dict[str, str | None],
    after: dict[str, str | None],
    other: dict[str, Any],
    theirs: dict[str, str | None],
) -> None:
    """Properties that the mapping does not name are on the other side what they were."""
    own = shape(mapping)
    body = shape(other).card({"id": "1", **theirs}, "1")
    edits = diff(KIND.fields(own.card({"id": "1", **before}, "1")), KIND.fields(own.card({"id": "1", **after}, "1")))
    made = KIND.patch(body, own.widened(edits, body))
    held = {name for _, name in own.mapping.columns()} | {"FN", "N", *own.mapping.constants}
    assert not [key for key in diff(KIND.fields(body), KIND.fields(made)) if key.name not in held]
