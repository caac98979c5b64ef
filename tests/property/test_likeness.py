"""Likeness of contacts, whatever is on the cards: the order does not matter, and a name alone never is enough."""

from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from trueup.jobs.contacts.matching.features import Features
from trueup.jobs.contacts.matching.index import CardIndex
from trueup.jobs.contacts.matching.keys import keys
from trueup.jobs.contacts.matching.matcher import LINK, REVIEW
from trueup.jobs.contacts.matching.score import judge

WORDS = st.text(string.ascii_lowercase + "éßøдя", min_size=1, max_size=8)
NAMES = st.lists(st.one_of(WORDS, st.sampled_from(["anna", "ann", "berg", "bob", "robert"])), max_size=3).map(tuple)
MAILS = st.lists(
    st.sampled_from(["anna@a.example", "anna@b.example", "info@a.example", "x@c.example"]), max_size=2, unique=True
).map(tuple)
PHONES = st.lists(st.sampled_from(["+49301234567", "+49301234568", "12345"]), max_size=2, unique=True).map(tuple)
BORN = st.sampled_from(["", "1980-03-09", "1980-09-03", "--03-09", "1950-01-01"])
ADDRESSES = st.lists(
    st.tuples(st.sampled_from(["", "hauptstr 1", "hauptstr 2"]), st.sampled_from(["", "10115"]), WORDS), max_size=2
).map(tuple)
FEATURES = st.builds(
    Features,
    given=NAMES,
    family=NAMES,
    nick=NAMES,
    generation=st.sampled_from(["", "junior", "senior"]),
    emails=MAILS,
    phones=PHONES,
    born=BORN,
    organisation=st.sampled_from(["", "acme"]),
    addresses=ADDRESSES,
    company=st.booleans(),
)
COUNTS = st.sampled_from([2, 4, 5, 40])


@given(FEATURES, FEATURES, COUNTS)
def test_a_score_is_symmetric(one: Features, other: Features, count: int) -> None:
    assert judge(one, other, lambda _: count) == judge(other, one, lambda _: count)


@given(FEATURES, FEATURES, COUNTS)
def test_a_score_is_a_probability_with_reasons_that_are_told_once(one: Features, other: Features, count: int) -> None:
    found = judge(one, other, lambda _: count)
    assert 0.0 <= found.score <= 1.0
    assert len(set(found.reasons)) == len(found.reasons)


@given(FEATURES, FEATURES)
def test_never_on_a_name_alone(one: Features, other: Features) -> None:
    shares = {*one.emails} & {*other.emails} or {*one.phones} & {*other.phones}
    born = one.born and one.born == other.born and one.addresses and other.addresses
    if not shares and not born:
        assert not judge(one, other, lambda _: 2).identified


@given(FEATURES)
def test_who_shares_an_address_or_number_shares_a_key(one: Features) -> None:
    found = {key for key, _ in keys(one)}
    assert {f"e:{each}" for each in one.emails} | {f"p:{each}" for each in one.phones} <= found


@given(st.lists(FEATURES, min_size=2, max_size=8), st.randoms(use_true_random=False))
def test_the_order_in_which_cards_come_does_not_matter(cards: list[Features], random: object) -> None:
    def pairs(order: list[int]) -> set[tuple[int, int, float, bool]]:
        with CardIndex("", LINK, REVIEW) as index:
            for number in order:
                index.add_features(number, cards[number])
            return {(*sorted((one.one, one.other)), one.score, one.sure) for one in index.matches()}  # type: ignore[misc]

    order = list(range(len(cards)))
    shuffled = list(order)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert pairs(order) == pairs(shuffled)
