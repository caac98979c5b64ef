"""Sums of rows in any order, files put in their place, what is asked for by name."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.jobs.backup.sources.filing import RowSum, beside, chosen, read_manifest, write_manifest
from trueup.model.backup import SourceSpec
from trueup.model.errors import NotFound, Permanent

VALUES = st.one_of(
    st.none(), st.integers(), st.floats(allow_nan=False), st.binary(max_size=20), st.binary(max_size=20).map(bytearray)
)
ROWS = st.lists(st.tuples(VALUES, VALUES), max_size=8)


def digest(rows: list[tuple[object, ...]]) -> tuple[int, str]:
    total = RowSum()
    total.add(rows)
    return total.rows, total.digest


@given(ROWS, st.randoms())
def test_the_order_of_rows_does_not_matter(rows: list[tuple[object, ...]], shuffler: random.Random) -> None:
    other = list(rows)
    shuffler.shuffle(other)
    parts = RowSum()
    for row in other:
        parts.add([row])
    assert digest(rows) == (parts.rows, parts.digest)


@given(ROWS, ROWS)
def test_other_rows_have_another_sum(rows: list[tuple[object, ...]], others: list[tuple[object, ...]]) -> None:
    same = sorted(map(repr, rows)) == sorted(map(repr, others))
    assert (digest(rows) == digest(others)) == same


def test_a_row_that_is_there_twice_counts_twice() -> None:
    assert digest([(1,), (1,)])[1] != digest([(2,), (2,)])[1]
    assert digest([(1,), (1,)])[1] != digest([])[1]


def test_long_values_count_in_full() -> None:
    long = b"x" * 100_000
    sums = {digest([(one, 1)])[1] for one in (long, bytearray(long), long + b"x", long[:-1] + b"y")}
    assert len(sums) == 4
    assert digest([(long, 1)])[1] == digest([(b"x" * 100_000, 1)])[1]


def test_a_file_is_put_in_its_place_or_nothing_is_left(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("old")
    with pytest.raises(ZeroDivisionError), beside(place) as temporary:
        temporary.write_text(str(1 // 0))
    assert (place.read_text(), os.listdir(tmp_path)) == ("old", ["file"])
    with beside(place) as temporary:
        temporary.write_text("new")
    assert (place.read_text(), os.listdir(tmp_path)) == ("new", ["file"])
    with pytest.raises(Permanent, match="could not write"), beside(tmp_path / "no" / "file") as temporary:
        temporary.write_text("new")


def test_what_is_asked_for() -> None:
    assert chosen((), ["a", "b"], "table") == ["a", "b"]
    assert chosen(("b",), ["a", "b"], "table") == ["b"]
    with pytest.raises(NotFound, match="no table order ") as told:
        chosen(("order",), ["orders", "people"], "table")
    assert told.value.hint == "did you mean orders?"


def test_manifests(tmp_path: Path) -> None:
    write_manifest(tmp_path, SourceSpec("crm", "sqlite"), 12.5, {"tables": {"ü\udcff": 1}})
    found = read_manifest(tmp_path)
    assert found == {"version": 1, "kind": "sqlite", "source": "crm", "taken": 12.5, "tables": {"ü\udcff": 1}}
    for text in ("", "{", "[]", '{"version": 2}'):
        (tmp_path / "manifest.json").write_text(text)
        with pytest.raises(Permanent, match="manifest"):
            read_manifest(tmp_path)
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(Permanent, match="manifest"):
        read_manifest(tmp_path)
