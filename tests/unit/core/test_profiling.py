"""What a profile says of values, in bounded memory; and what is unlike the last time."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from trueup.core.profiling.column import SHOWN
from trueup.core.profiling.counting import ROOM, Frequent
from trueup.core.profiling.drift import anomalies
from trueup.core.profiling.masks import LONGEST, mask
from trueup.core.profiling.profile import MOST_FIELDS, Profile
from trueup.core.profiling.rows import columns
from trueup.core.profiling.sample import SIZE, Sample
from trueup.model.quality import ANOMALIES, BLOCK, OFF, ProfileLimits


@pytest.mark.parametrize(
    ("value", "form", "kind"),
    [
        ("+49 123 4567", "+99 999 9999", "phone"),
        ("(030) 123-456", "(999) 999-999", "phone"),
        ("anna.berg@example.org", "a.a@a.a", "email"),
        ("Anna Berg", "Aa Aa", "text"),
        ("ANNA", "A", "text"),
        ("1980-03-09", "9999-99-99", "date"),
        ("--03-09", "--99-99", "date"),
        ("9.3.1980", "9.9.9999", "date"),
        ("12", "99", "integer"),
        ("-3,5", "-9,9", "decimal"),
        ("1.234.567,89", "9.999.999,99", "decimal"),
        ("https://example.org/x", "a://a.a/a", "link"),
        ("Łódź", "Aa", "text"),
        ("山田 太郎", "o o", "text"),
        ("٣٤", "99", "integer"),
        ("a\x00b\ud800", "a�a�", "text"),
        ("n/a", "a/a", "text"),
        ("", "", "text"),
        ("1" * 100, "9" * LONGEST + "…", "text"),
    ],
)
def test_a_value_has_a_form_and_a_kind(value: str, form: str, kind: str) -> None:
    assert mask(value) == (form, kind)
    assert mask(value) == (form, kind)  # as remembered


def profiled(*records: dict[str, list[str]], expects: dict[str, str] | None = None) -> dict[str, Any]:
    profile = Profile(expects)
    for one in records:
        profile.add(one)
    made = profile.to_json()
    assert json.loads(json.dumps(made)) == made, "it is kept as JSON"
    return made


def test_there_blank_and_absent_are_three_things() -> None:
    field = profiled({"x": ["a"]}, {"x": [""]}, {"x": [" ", "b"]}, {}, {"x": []})["fields"]["x"]
    assert (field["rows"], field["present"], field["blank"], field["absent"]) == (5, 2, 2, 1)
    assert (field["values"], field["distinct"], field["repeated"]) == (2, 2, 0)


def test_a_column_in_full() -> None:
    records = [{"x": [one]} for one in ["3", "1", "22", "22", "1,5", "none"]]
    field = profiled(*records)["fields"]["x"]
    assert field["length"] == {
        "min": 1,
        "max": 4,
        "mean": 2.17,
        "histogram": [[1, 1, 2], [2, 2, 2], [3, 3, 1], [4, 4, 1]],
    }
    assert (field["kind"], round(field["parsed"], 2), field["least"], field["most"]) == ("integer", 0.67, 1.0, 22.0)
    assert (field["first"], field["last"]) == ("1", "none")
    assert field["top"][0] == ["22", 2]
    assert field["masks"] == [["9", 2], ["99", 2], ["9,9", 1], ["a", 1]]
    assert (field["distinct"], field["exact"], field["repeated"]) == (5, True, 2)


@pytest.mark.parametrize(
    ("kind", "values", "parsed"),
    [
        ("phone", ["0301234", "+49 30 1234", "12", "n/a"], 0.5),
        ("date", ["19800309", "1980-03-09", "1980", "--0309"], 0.75),
        ("email", ["a@b.de", "a@b", "", "ask"], 1 / 3),
    ],
)
def test_what_should_be_of_a_kind_is_read_as_that(kind: str, values: list[str], parsed: float) -> None:
    field = profiled(*({"x": [one]} for one in values), expects={"x": kind})["fields"]["x"]
    assert (field["kind"], field["parsed"]) == (kind, round(parsed, 6))


def test_different_values_are_counted_exactly_as_long_as_they_are_few_and_estimated_beyond() -> None:
    sample = Sample()
    sample.add({f"value {number}": 1 + (number % 10 == 0) for number in range(SIZE)})
    assert (sample.distinct, sample.exact) == (SIZE, True)
    assert sample.repeated == pytest.approx(0.1, abs=0.001)
    for start in range(SIZE, 50_000, 1000):
        sample.add({f"value {number}": 1 + (number % 10 == 0) for number in range(start, start + 1000)})
    assert not sample.exact
    assert sample.distinct == pytest.approx(50_048, rel=0.08)
    assert sample.repeated == pytest.approx(0.1, abs=0.03)
    assert len(sample._counts) <= 2 * SIZE


def test_the_most_frequent_are_found_among_many_and_nothing_unsure_is_named() -> None:
    frequent = Frequent()
    for number in range(ROOM):
        frequent.add({f"once {number}-{part}": 1 for part in range(5)})
        frequent.add({"often": 3})
    assert len(frequent) <= ROOM + 6
    assert [name for name, _ in frequent.top(10)] == ["often"]
    assert 3 * ROOM - frequent.missed <= frequent.top(1)[0][1] <= 3 * ROOM


def test_values_of_megabytes_and_of_anything_cost_little() -> None:
    huge = "x" * 10_000_000
    profile = Profile()
    for number in range(4):
        profile.add({"x": [f"{number}{huge}"], "y": ["\ud800\x00<b>"]})
    made = profile.to_json()
    assert len(json.dumps(made)) < 20_000
    assert made["fields"]["x"]["length"]["max"] == 10_000_001
    assert made["fields"]["x"]["top"][0][0] == "0" + "x" * (SHOWN - 1) + "… (10,000,001 characters)"
    held = sum(sys.getsizeof(one) for one in profile._columns["x"]._pending)
    assert held == 0, "values are worked off before they fill the memory"


def test_more_fields_than_anybody_reads_are_named_and_left_out() -> None:
    made = profiled({f"X-{number:04}": ["a"] for number in range(MOST_FIELDS + 2)})
    assert len(made["fields"]) == MOST_FIELDS
    assert made["left_out"] == [f"X-{MOST_FIELDS:04}", f"X-{MOST_FIELDS + 1:04}"]


def test_a_row_of_a_table_is_a_record() -> None:
    assert columns(b'{"a": "x", "b": null, "c": "", "d": 5, "e": [1]}') == {
        "a": ["x"],
        "b": [],
        "c": [""],
        "d": ["5"],
        "e": ["[1]"],
    }
    with pytest.raises(ValueError, match="no JSON object"):
        columns(b"[1]")


# --- unlike the last time

PEOPLE = [
    {"email": [f"p{number}@example.org"], "city": ["Berlin" if number % 2 else "Bonn"], "phone": ["+49 30 1234"]}
    for number in range(100)
]
EXPECTS = {"email": "email", "phone": "phone"}


def changed(count: int, **fields: list[str]) -> list[dict[str, list[str]]]:
    """The same people, the first so many with these values instead."""
    return [{**one, **fields} if number < count else one for number, one in enumerate(PEOPLE)]


def found(now: list[dict[str, list[str]]], limits: ProfileLimits | None = None) -> set[tuple[str, str]]:
    before, after = profiled(*PEOPLE, expects=EXPECTS), profiled(*now, expects=EXPECTS)
    return {(one.field, one.kind) for one in anomalies(before, after, limits or ProfileLimits())}


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (PEOPLE, set()),
        (PEOPLE[:49], {("", "volume")}),
        (PEOPLE[:50], set()),
        (PEOPLE + [{**one, "email": [f"x{one['email'][0]}"]} for one in PEOPLE], set()),
        (changed(30, email=[""]), {("email", "empty")}),
        (changed(100, city=[]), {("city", "empty")}),
        (changed(30, phone=["12345"]), {("phone", "pattern"), ("phone", "value")}),
        (changed(30, city=["Bonn-Süd"]), {("city", "pattern"), ("city", "value")}),
        (changed(30, city=["Ulm"]), {("city", "value")}),
        (
            changed(30, email=["n/a"]),
            {("email", "pattern"), ("email", "value"), ("email", "duplicates"), ("email", "invalid")},
        ),
        (changed(100, city=["x" * 40]), {("city", "value"), ("city", "pattern"), ("city", "length")}),
        (
            changed(90, email=["info@example.org"]),
            {("email", "pattern"), ("email", "value"), ("email", "duplicates"), ("email", "distinct")},
        ),
    ],
)  # fmt: skip
def test_what_is_unlike_is_found(now: list[dict[str, list[str]]], expected: set[tuple[str, str]]) -> None:
    assert found(now) == expected


def test_more_than_twice_as_many_is_as_odd_as_less_than_half() -> None:
    assert found([*PEOPLE, *PEOPLE, *PEOPLE]) == {("", "volume"), ("email", "duplicates"), ("email", "distinct")}


def test_below_the_floor_nothing_is_an_alarm() -> None:
    assert found(changed(19, email=["n/a"])) == set()
    assert found(changed(19, email=["n/a"]), ProfileLimits(floor=5)) != set()
    few = PEOPLE[:12]
    before, after = profiled(*few), profiled(*few[:1])
    assert anomalies(before, after, ProfileLimits()) == []


def test_each_kind_has_an_action_and_a_limit_of_its_own() -> None:
    now = changed(30, email=["n/a"])
    off = ProfileLimits(actions=dict.fromkeys(ANOMALIES, OFF))
    assert off.off
    assert found(now, off) == set()
    assert found(now, ProfileLimits(action=OFF, actions={"invalid": BLOCK})) == {("email", "invalid")}
    assert ("email", "value") not in found(now, ProfileLimits(shares={"value": 0.4}))


def test_a_message_has_numbers_and_examples() -> None:
    before, after = profiled(*PEOPLE, expects=EXPECTS), profiled(*changed(30, email=["n/a"]), expects=EXPECTS)
    said = {one.kind: one.message for one in anomalies(before, after, ProfileLimits())}
    assert said["value"] == "“n/a” in 30 of 100 values (30%), and not among the frequent ones before"
    assert said["pattern"] == "values of a new form “a/a” (30, 30%); before “a99@a.a”, “a9@a.a”; for example “n/a”"
    assert said["invalid"] == "30 of 100 values are no email (30%; before 0%)"
