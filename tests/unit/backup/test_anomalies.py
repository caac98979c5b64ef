"""What is odd about a backup: scenarios, real entropies, and what holds for any history."""

from __future__ import annotations

import bz2
import json
import math
import os
import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.jobs.backup import anomalies
from trueup.jobs.backup.anomalies import FEW, RUNS, SMALL, Limits, find
from trueup.model.diagnostics import Severity

DEFAULT = Limits()


def codes(measures: dict[str, float], history: list[dict[str, float]], limits: Limits = DEFAULT) -> list[str]:
    return [f"{one.code} {one.measure}" for one in find(measures, history, limits)]


def alarms(series: list[float], name: str = "rows") -> list[int]:
    """The nights of a series at which something is odd, each against all before it."""
    before = [{name: one} for one in series]
    return [number for number, one in enumerate(before) if find(one, before[:number])]


STEADY = [{"bytes": 1e9 + number * 1e6, "rows": 50_000.0 + number, "changed": 0.02} for number in range(20)]


# Scenarios ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("growth", [0.0, 0.01, 0.1, 0.2])
def test_steady_growth_never_alarms(growth: float) -> None:
    assert alarms([100_000 * (1 + growth) ** number for number in range(40)]) == []


def test_steady_shrinking_by_what_is_cleaned_up_never_alarms() -> None:
    assert alarms([1_000_000 * 0.95**number for number in range(40)]) == []


def test_noise_never_alarms() -> None:
    draw = random.Random(7)
    assert alarms([draw.gauss(100_000, 10_000) for _ in range(300)]) == []


def test_a_weekly_pattern_alarms_the_first_two_times_at_most() -> None:
    week = [1000.0] * 6 + [9000.0]
    assert alarms(week * 6) == [6, 13]
    assert alarms([2000.0] * 6 + [9000.0] + ([2000.0] * 6 + [7000.0]) * 6) == [6]  # within the limits of 8000


def test_an_emptied_table() -> None:
    (found,) = find({"rows": 0}, [{"rows": 500.0}] * 5)
    assert (found.code, found.severity) == ("empty", Severity.ERROR)
    assert found.sentence == "no rows: there were 500 before"


def test_even_a_small_table_must_not_be_emptied() -> None:
    assert codes({"items": 0}, [{"items": 4.0}] * 5) == ["empty items"]
    assert codes({"items": 1}, [{"items": 4.0}] * 5) == []
    assert codes({"rows": 0}, [{"rows": 4.0}]) == ["empty rows"]


def test_a_table_that_is_often_empty_may_be_empty() -> None:
    assert alarms([0.0, 500.0, 0.0, 300.0, 0.0, 800.0, 0.0]) == [2]


def test_an_import_that_ran_several_times() -> None:
    assert codes({"bytes": 2.1e9, "rows": 100_000.0}, STEADY) == []  # twice: it happens
    (found,) = find({"rows": 250_000.0}, STEADY)
    assert found.code == "grow"
    assert found.sentence == "more rows: 250,000, and 50,012 in the median of the last 14 runs (+400%)"


def test_a_folder_that_is_not_mounted() -> None:
    history = [{"bytes": 5e9, "files": 20_000.0}] * 10
    found = find({"bytes": 4096.0, "files": 1.0}, history)
    assert [one.code for one in found] == ["drop", "drop"]
    assert found[0].sentence == "fewer bytes: 4.1 kB, and 5.0 GB in the median of the last 10 runs (-100%)"


def test_encryption_of_a_share() -> None:
    before = [{"files": 20_000.0, "changed": 0.03, "entropy": 5.1}] * 10
    (found,) = find({"files": 20_000.0, "changed": 0.97, "entropy": 7.99}, before)
    assert (found.code, found.severity) == ("encryption", Severity.ERROR)
    assert found.sentence == (
        "looks like encryption: 97% of the files changed since the last backup, usually 3%,"
        " and what changed has 7.99 bits a byte and was 5.1"
    )


def test_what_the_next_run_cannot_see_is_known() -> None:
    before = [{"files": 20_000.0, "changed": 0.03, "rows": 500.0}] * 10
    spoilt = {"files": 20_000.0, "changed": 0.97, "rows": 3.0}
    assert {one.code: one.once for one in find(spoilt, before)} == {"changed": True, "drop": False}
    assert [one.code for one in find({**spoilt, "changed": 0.0}, before)] == ["drop"]


def test_a_mass_rename_is_no_encryption() -> None:
    before = [{"files": 20_000.0, "changed": 0.03, "entropy": 5.1}] * 10
    assert codes({"files": 20_000.0, "changed": 0.97, "entropy": 5.3}, before) == ["changed changed"]


def test_photographs_are_always_dense() -> None:
    before = [{"files": 20_000.0, "changed": 0.03, "entropy": 7.9}] * 10
    (found,) = find({"files": 20_000.0, "changed": 0.97, "entropy": 7.95}, before)
    assert found.code == "changed"
    assert "as dense as before" in found.sentence


def test_a_few_dense_files_are_nothing_odd() -> None:
    before = [{"files": 20_000.0, "changed": 0.03, "entropy": 5.1}] * 10
    assert codes({"files": 20_000.0, "changed": 0.05, "entropy": 7.99}, before) == []


def test_files_that_are_all_written_anew_every_week() -> None:
    nights = ([{"files": 500.0, "changed": 0.02}] * 6 + [{"files": 500.0, "changed": 0.95}]) * 4
    odd = [number for number, one in enumerate(nights) if find(one, nights[:number])]
    assert odd == [6, 13]


def test_without_a_history_nothing_is_odd() -> None:
    assert find({"bytes": 0, "files": 0, "changed": 1.0, "entropy": 8.0}, []) == []


def test_one_run_to_compare_with_gives_wider_limits() -> None:
    one, several = [{"bytes": 1e9}], [{"bytes": 1e9}] * FEW
    assert codes({"bytes": 4e8}, one) == []
    assert codes({"bytes": 4e8}, several) == ["drop bytes"]
    assert codes({"bytes": 2.4e8}, one) == ["drop bytes"]
    assert codes({"bytes": 7e9}, one) == []
    assert codes({"bytes": 7e9}, several) == ["grow bytes"]
    assert codes({"bytes": 9e9}, one) == ["grow bytes"]
    assert find({"bytes": 9e9}, one)[0].sentence.endswith("1.0 GB in the run before (+800%)")


def test_one_odd_run_before_moves_nothing() -> None:
    history = [{"rows": 1000.0}] * 6 + [{"rows": 90_000.0}] + [{"rows": 1000.0}] * 3
    assert codes({"rows": 1050.0}, history) == []
    assert codes({"rows": 300.0}, history) == ["drop rows"]


def test_limits_are_configurable_and_can_be_off() -> None:
    history = [{"rows": 1000.0, "files": 100.0, "changed": 0.0}] * 5
    now = {"rows": 700.0, "files": 100.0, "changed": 0.5}
    assert codes(now, history) == []
    assert codes(now, history, Limits(drop=0.2, changed=0.4)) == ["drop rows", "changed changed"]
    off = Limits(drop=None, grow=None, changed=None, entropy=None)
    assert codes({"rows": 0.0, "files": 9e9, "changed": 1.0}, history, off) == []


# The figures of the module's text -------------------------------------------------------------------------------------


def entropy(data: bytes) -> float:
    return -sum(count / len(data) * math.log2(count / len(data)) for count in Counter(data).values())


def test_the_entropies_it_goes_by() -> None:
    text = Path(anomalies.__file__).read_bytes()[:4096]
    table = json.dumps([{"id": number, "name": f"customer {number}", "city": "Köln"} for number in range(300)]).encode()
    packed = bz2.compress(Path(anomalies.__file__).read_bytes() * 3)[:4096]
    assert 4 <= entropy(text) < 6
    assert 4 <= entropy(table[:4096]) < 6
    assert entropy(packed) > Limits().entropy  # type: ignore[operator]
    assert all(entropy(os.urandom(4096)) > 7.9 for _ in range(20))


# Any history ----------------------------------------------------------------------------------------------------------

values = st.integers(0, 10**12).map(float)
runs = st.fixed_dictionaries(
    {}, optional={**dict.fromkeys(SMALL, values), "changed": st.floats(0, 1), "entropy": st.floats(0, 8)}
)
histories = st.lists(runs, max_size=30)


@given(runs, histories)
def test_it_can_look_at_anything(measures: dict[str, float], history: list[dict[str, float]]) -> None:
    for one in find(measures, history):
        assert one.measure in measures
        assert "\n" not in one.sentence
        assert len(one.sentence) < 200


@given(st.dictionaries(st.sampled_from([*SMALL, "changed"]), values), st.integers(1, 30))
def test_what_is_as_always_is_never_odd(measures: dict[str, float], count: int) -> None:
    same = {**measures, **({"changed": 0.5} if "changed" in measures else {})}
    assert find(same, [same] * count) == []


@given(st.lists(values.filter(bool), min_size=1, max_size=30), values, st.integers(2, 1000))
def test_the_unit_does_not_matter(before: list[float], value: float, factor: int) -> None:
    """What is odd in pieces is odd in dozens, small numbers apart."""
    large = [{"bytes": one * 1e6} for one in before]
    larger = [{"bytes": one * 1e6 * factor} for one in before]
    assert codes({"bytes": value * 1e6}, large) == codes({"bytes": value * 1e6 * factor}, larger)


@given(st.lists(values, min_size=1, max_size=30), values, values)
def test_the_further_off_the_odder(before: list[float], one: float, other: float) -> None:
    history = [{"rows": each} for each in before]
    low, high = sorted((one, other))
    odd_low, odd_high = codes({"rows": low}, history), codes({"rows": high}, history)
    if odd_low == ["grow rows"]:
        assert odd_high == ["grow rows"]
    if odd_high in (["drop rows"], ["empty rows"]):
        assert odd_low in (["drop rows"], ["empty rows"])


@given(st.lists(values, min_size=FEW, max_size=30), st.data())
def test_what_was_seen_twice_of_late_is_never_odd(before: list[float], data: st.DataObject) -> None:
    value = data.draw(st.sampled_from(before[-RUNS:]))
    history = [{"rows": each} for each in [*before, value, value][-RUNS:]]
    assert codes({"rows": value}, history) == []
