"""Patterns match as the table says, which repositories are held to as well."""

import pytest

from tests.unit.backup.exclude_cases import CASES, Case
from trueup.core.patterns import Patterns, is_pattern, literal


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_the_table(case: Case) -> None:
    assert Patterns(case.patterns).covers(case.path) is case.excluded


@pytest.mark.parametrize("path", ["a", "a/b", "a*[x]?/\\b", "[!a]", "]", "\udcff/x", "a\nb", "!a/#b", "**"])
def test_a_literal_pattern_means_its_path_alone(path: str) -> None:
    patterns = Patterns([literal(path)])
    assert patterns.covers(path)
    assert patterns.covers(f"{path}/below")
    assert not patterns.covers(f"x/{path}")
    assert not patterns.covers(f"{path}x")
    assert not patterns.covers(f"{path[:-1]}z")


def test_what_is_a_pattern() -> None:
    assert [is_pattern(one) for one in ("a/b", "*.txt", "a?", "[x]", "a\\b", "plain name")] == [
        False,
        True,
        True,
        True,
        True,
        False,
    ]


def test_nothing_matches_nothing() -> None:
    assert not Patterns([])
    assert not Patterns(["", "/"])
    assert Patterns(["a"])
