"""Random cards of two versions in three address books, edited at random: all sides come to mean the same, and to rest."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.property.machine import FULL, PATIENCE
from tests.support import driver
from tests.support.cardkind import CardWriting
from tests.support.world import World
from tests.unit.contacts.cards import RANDOM, card
from trueup.model.job import Guards

pytestmark = [pytest.mark.slow, pytest.mark.timeout(PATIENCE)]
KIND = CardWriting.kind
SIDES = "abc"


class Unruled(CardWriting):
    """What is emptied is emptied everywhere: no field is worth more than another."""

    rules = None


OFF = Guards(None, None, None, empty=False, changed_filter=False)


def named(data: bytes) -> bytes:
    """The card with the names that every version demands, which a copy would get otherwise."""
    said = {key.name for key in KIND.fields(data)}
    lines = b"".join(
        line for name, line in ((b"FN", b"FN:Anna\r\n"), (b"N", b"N:Berg;Anna;;;\r\n")) if name.decode() not in said
    )
    return data.replace(b"UID:1\r\n", b"UID:1\r\n" + lines)


CARDS = RANDOM.map(named)
rounds = st.lists(
    st.dictionaries(st.sampled_from(SIDES), st.one_of(CARDS, st.none()), min_size=1), min_size=1, max_size=4
)


def all_one(world: World) -> None:
    """Every side holds the contact, or none does; all mean the same, and a further run writes nothing."""
    held = [list(world[side].items.values()) for side in SIDES]
    assert len({len(bodies) for bodies in held}) == 1
    for bodies in held[1:]:
        assert all(KIND.same(one, other) for one, other in zip(held[0], bodies, strict=True))
    before = [dict(world[side].items) for side in SIDES]
    driver.run(world.work)
    assert [dict(world[side].items) for side in SIDES] == before


@given(rounds)
@example([{"a": named(card("FN:", "FN:0"))}])
@example([{"a": named(card("FN:", "FN:0", version="4.0"))}])
@settings(max_examples=2000 if FULL else 40, deadline=None)
def test_three_books_come_to_agree(rounds: list[dict[str, bytes | None]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder) / "ledger.db", SIDES, writing=Unruled(), guards=OFF)
        for edits in rounds:
            for side, data in edits.items():
                href = next(iter(world[side].items), "1.txt")
                if data is not None:
                    world[side].put(href, data)
                elif world[side].items:
                    world[side].remove(href)
            driver.run(world.work)
            all_one(world)
        world.ledger.close()
