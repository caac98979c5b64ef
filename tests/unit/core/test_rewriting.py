"""A server's rewriting is told from a person's edit."""

from __future__ import annotations

import pytest

from tests.support.plainkind import PlainKind, changed, item
from trueup.core.rewriting import is_ours, took_effect

KIND = PlainKind()
BEFORE = item("1", modified=1, title="old", note="n")
SENT = changed(BEFORE, title="new", place="p")


@pytest.mark.parametrize(
    ("now", "ours"),
    [
        (SENT, True),
        (changed(SENT, stamp=7), True),
        (changed(SENT, place=None), True),  # dropped
        (changed(SENT, title="NEW"), True),  # normalised
        (BEFORE, True),  # nothing of it kept
        (changed(SENT, note="m"), False),  # it had kept that before: somebody edited it
        (changed(SENT, note=None), False),
        (changed(SENT, modified=2), False),
    ],
)
def test_after_an_update(now: bytes, ours: bool) -> None:
    assert is_ours(KIND, BEFORE, SENT, now) is ours


def test_after_a_creation_all_of_it_is_new_to_the_server() -> None:
    assert is_ours(KIND, None, SENT, changed(SENT, note=None, title="NEW"))
    assert not is_ours(KIND, None, SENT, changed(SENT, note=None, modified=2))
    assert not is_ours(KIND, None, SENT, changed(SENT, uid="2"))


@pytest.mark.parametrize(
    ("now", "effect"),
    [
        (SENT, True),
        (changed(SENT, place=None), True),
        (BEFORE, False),
        (changed(BEFORE, note="m"), False),
        (changed(SENT, note="m"), False),  # the next run merges what it finds
    ],
)
def test_whether_an_update_took_effect(now: bytes, effect: bool) -> None:
    assert took_effect(KIND, BEFORE, SENT, now) is effect


def test_a_creation_took_effect_where_its_key_stands_in_its_place() -> None:
    assert took_effect(KIND, None, SENT, changed(SENT, title="edited since", modified=9))
    assert not took_effect(KIND, None, SENT, item("2", title="new"))
