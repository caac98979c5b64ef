"""Profiles of parts, put together, are the profile of the whole; and every record is counted once."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from trueup.core.profiling import sample
from trueup.core.profiling.profile import Profile

VALUES = st.one_of(
    st.sampled_from(["", " ", "n/a", "+49 30 1234", "1980-03-09", "12", "a@b.de"]),
    st.text(max_size=12),
    st.integers(-(10**6), 10**6).map(str),
)
RECORDS = st.lists(
    st.dictionaries(st.sampled_from(["email", "phone", "city"]), st.lists(VALUES, max_size=3)), max_size=40
)
EXPECTS = {"email": "email", "phone": "phone"}


def profile(records: list[dict[str, list[str]]]) -> Profile:
    made = Profile(EXPECTS)
    for one in records:
        made.add(one)
    return made


def parted(records: list[dict[str, list[str]]], cuts: list[int]) -> Profile:
    """The profiles of the parts between these places, put together."""
    whole, start = Profile(EXPECTS), 0
    for cut in [*sorted(min(one, len(records)) for one in cuts), len(records)]:
        whole.merge(profile(records[start:cut]))
        start = cut
    return whole


@settings(max_examples=50)
@given(RECORDS, st.lists(st.integers(0, 40), max_size=4))
@example([{"city": ["a"]}, {"city": [""]}, {}], [1])
def test_parts_make_the_whole(records: list[dict[str, list[str]]], cuts: list[int]) -> None:
    assert parted(records, cuts).to_json() == profile(records).to_json()


@settings(max_examples=50)
@given(RECORDS)
def test_every_record_is_there_blank_or_absent(records: list[dict[str, list[str]]]) -> None:
    made: dict[str, Any] = profile(records).to_json()
    assert made["rows"] == len(records)
    for name, field in made["fields"].items():
        said = [[one for one in record[name] if one.strip()] for record in records if name in record]
        assert field["present"] == sum(1 for one in said if one)
        assert field["blank"] == len(said) - field["present"]
        assert field["absent"] == len(records) - len(said)
        assert field["values"] == sum(len(one) for one in said)
        assert field["distinct"] == len({value for one in said for value in one})
        assert sum(count for *_, count in field["length"]["histogram"]) == field["values"]
        assert sum(count for _, count in field["masks"]) <= field["values"]


@settings(max_examples=25)
@given(st.integers(1, 5), st.integers(2 * sample.SIZE, 5 * sample.SIZE), st.integers(0, 5 * sample.SIZE))
def test_samples_of_parts_make_the_sample_of_the_whole_beyond_what_is_kept(step: int, most: int, at: int) -> None:
    values = {f"value {number}": 1 + number % 3 for number in range(0, most * step, step)}
    whole, one, other = sample.Sample(), sample.Sample(), sample.Sample()
    whole.add(values)
    one.add({value: count for value, count in values.items() if int(value[6:]) < at * step})
    other.add({value: count for value, count in values.items() if int(value[6:]) >= at * step})
    one.merge(other)
    assert (one.distinct, one.exact, one.repeated) == (whole.distinct, whole.exact, whole.repeated)
    assert abs(whole.distinct - most) < 0.2 * most
