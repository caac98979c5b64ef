"""What must hold of every card, whoever wrote it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.machine import FULL, PATIENCE
from tests.unit.contacts.cards import OLD, RANDOM, VENDORS, random_cards
from trueup.core.merge import diff, merge, needed
from trueup.jobs.contacts import ContactsKind
from trueup.jobs.contacts.card import read_card
from trueup.jobs.contacts.write import modern, upgraded
from trueup.model.capabilities import Capabilities
from trueup.model.errors import ItemRefused

pytestmark = pytest.mark.timeout(PATIENCE)
KIND = ContactsKind()
LISTS_IF_TWICE = {
    "X-FOO",
    "X-BAR",
    "HOBBY",
    "X-ABLABEL",
}  # properties nobody defined: a second one makes a list of the first
LABELLED = {"ANNIVERSARY": "X-ABDATE", "RELATED": "X-ABRELATEDNAMES"}  # what a label makes of a vendor's property
MORE = 100 if FULL else 1  # examples of the campaign
ALL = st.one_of(RANDOM, OLD, st.sampled_from(list(VENDORS.values())))


@given(ALL)
@settings(max_examples=100 * MORE)
def test_what_is_read_gives_its_bytes_back(data: bytes) -> None:
    assert read_card(data).to_bytes() == data


@pytest.mark.parametrize("name", VENDORS)
@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r"])
def test_line_ends_make_no_difference(name: str, end: bytes) -> None:
    data = VENDORS[name].replace(b"\r\n", b"\n")
    other = data.replace(b"\n", end)
    assert read_card(other).to_bytes() == other
    assert KIND.same(data, other)
    assert KIND.glance(data) == KIND.glance(other)


@given(ALL, ALL)
@settings(max_examples=300 * MORE)
def test_the_edits_from_one_to_another_make_it_the_other(a: bytes, b: bytes) -> None:
    made = KIND.patch(a, diff(KIND.fields(a), KIND.fields(b)), donor=b)
    assert {k: f.normal for k, f in KIND.fields(made).items()} == {k: f.normal for k, f in KIND.fields(b).items()}
    assert KIND.glance(made).uid == KIND.glance(a).uid or not read_card(a).value("UID")


@given(RANDOM, RANDOM)
@settings(max_examples=200 * MORE)
def test_a_patch_changes_only_what_it_is_about(a: bytes, b: bytes) -> None:
    edits = diff(KIND.fields(a), KIND.fields(b))
    for key, edit in edits.items():
        made = KIND.patch(a, {key: edit})
        if key.name not in LISTS_IF_TWICE:
            assert set(diff(KIND.fields(a), KIND.fields(made))) == {key}
        assert others(made, key.name) == others(a, key.name), "other lines keep their order and their bytes"


def others(data: bytes, name: str) -> list[str]:
    """The lines of other properties, as they are written; not of labels, which go with what they label."""
    left_out = (name, LABELLED.get(name), "X-ABLABEL")
    return [line.raw for line in read_card(data).lines if line.head.key not in left_out]


@given(RANDOM)
@settings(max_examples=100 * MORE)
def test_no_edits_change_no_byte(data: bytes) -> None:
    assert KIND.patch(data, {}) == data
    assert KIND.patch(data, diff(KIND.fields(data), KIND.fields(data)), donor=data) == data


@pytest.mark.parametrize(("version", "other"), [("3.0", "4.0"), ("4.0", "3.0")])
def test_there_and_back_is_equal(version: str, other: str) -> None:
    @given(random_cards(version))
    @settings(max_examples=200 * MORE)
    def goes(data: bytes) -> None:
        there = upgraded(read_card(data), other).to_bytes()
        assert KIND.same(data, there)
        back = upgraded(read_card(there), version).to_bytes()
        assert KIND.same(data, back)
        assert upgraded(read_card(back), other).to_bytes() == there, "a second time nothing drifts"

    goes()


@given(OLD)
@settings(max_examples=100 * MORE)
def test_an_old_phones_card_means_the_same_in_every_version(data: bytes) -> None:
    for takes in ("3.0", "4.0"):
        stored = KIND.storable(data, Capabilities(formats=frozenset({takes})), invite=False)
        before, after = KIND.fields(data), KIND.fields(stored)
        assert {k: f.normal for k, f in before.items()}.items() <= {k: f.normal for k, f in after.items()}.items()
        assert {key.name for key in after.keys() - before.keys()} <= {"FN", "N"}
        assert KIND.glance(stored).uid == KIND.glance(data).uid


@pytest.mark.parametrize("name", VENDORS)
def test_vendors_cards_go_there_and_back(name: str) -> None:
    data = modern(read_card(VENDORS[name])).to_bytes()
    assert KIND.same(data, VENDORS[name])
    version = read_card(data).version
    other = "3.0" if version == "4.0" else "4.0"
    there = upgraded(read_card(data), other).to_bytes()
    back = upgraded(read_card(there), version).to_bytes()
    assert KIND.same(data, there)
    assert KIND.same(data, back)
    assert upgraded(read_card(back), other).to_bytes() == there, "a second time nothing drifts"


@pytest.mark.parametrize("name", VENDORS)
@pytest.mark.parametrize("takes", ["3.0", "4.0"])
def test_vendors_cards_go_into_books_of_one_version(name: str, takes: str) -> None:
    stored = KIND.storable(VENDORS[name], Capabilities(formats=frozenset({takes})), invite=False)
    card = read_card(stored)
    assert card.version == takes
    assert card.value("UID")
    assert card.value("FN")
    before, after = KIND.fields(VENDORS[name]), KIND.fields(stored)
    assert {k: f.normal for k, f in before.items()}.items() <= {k: f.normal for k, f in after.items()}.items()
    assert {key.name for key in after.keys() - before.keys()} <= {"FN"}
    assert KIND.glance(stored).uid == KIND.glance(VENDORS[name]).uid


@given(RANDOM, RANDOM, RANDOM)
@settings(max_examples=100 * MORE)
def test_random_edits_of_two_sides_merge(base: bytes, a: bytes, b: bytes) -> None:
    fields = {name: KIND.fields(data) for name, data in (("base", base), ("a", a), ("b", b))}
    edits = {side: diff(fields["base"], fields[side]) for side in ("a", "b")}
    merged = merge(edits, lambda contenders: contenders[0], KIND.coupled)
    results = [KIND.patch(data, needed(merged.edits, fields[side])) for side, data in (("a", a), ("b", b))]
    assert KIND.same(*results)


def spoilt(data: bytes, more: bytes, at: int) -> bytes:
    """A card with some bytes put into it."""
    return data[: at % len(data)] + more + data[at % len(data) :]


@given(st.one_of(st.binary(max_size=300), st.builds(spoilt, ALL, st.binary(max_size=5), st.integers(0, 5000))))
@settings(max_examples=500 * MORE)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        KIND.glance(data)
    except ItemRefused:
        for method in (KIND.fields, KIND.meaning, KIND.modified):
            with pytest.raises(ItemRefused):
                method(data)
        return
    assert read_card(data).to_bytes() == data
    KIND.fields(data)
    KIND.meaning(data)
    KIND.modified(data)
    for key in KIND.fields(data):
        assert KIND.label(key)
    stored = KIND.storable(data, Capabilities(), invite=False)
    assert KIND.glance(stored).uid == KIND.glance(data).uid
    assert KIND.glance(KIND.with_uid(data, "new;1")).uid == "new;1"
    assert KIND.glance(KIND.retitled(data, " (b)")).title.endswith("(b)")
