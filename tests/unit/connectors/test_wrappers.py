"""Wrappers: each fault does exactly its harm, always the same, and the rest goes through."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.contract import bodies
from tests.contract.suite import CollectionContract, Kill, listing
from tests.support.memory import MemoryCollection, MemoryStore
from trueup.connectors.wrappers import faults, rewrites
from trueup.connectors.wrappers.dryrun import DryRunCollection, DryRunStore
from trueup.connectors.wrappers.passing import PassingCollection, PassingStore
from trueup.jobs.calendar.kind import CalendarKind
from trueup.model.errors import Permanent, Transient
from trueup.model.items import Entry
from trueup.model.ports import Outcome, Verb, Write

ITEMS = {f"{name}.ics": bodies.event(name, f"Meeting {name}") for name in "abcdef"}


@pytest.fixture
def memory() -> MemoryCollection:
    collection = MemoryCollection()
    for href, data in ITEMS.items():
        collection.put(href, data)
    return collection


def creates(*names: str) -> list[Write]:
    return [Write(key, Verb.CREATE, f"{name}.ics", bodies.event(name)) for key, name in enumerate(names)]


class TestPassing(CollectionContract):
    """A wrapper that does nothing keeps the contract, so a fault is all that a fault adds."""

    @pytest.fixture
    def store(self) -> PassingStore:
        return PassingStore(MemoryStore("memory"), PassingCollection)

    @pytest.fixture
    def kill(self, collection: PassingCollection) -> Kill:
        assert isinstance(collection.inner, MemoryCollection)
        return lambda: setattr(collection.inner, "dead", True)


# Lies that a store may tell and still keep the contract: the suite must not mind them.
HARMLESS: dict[str, Callable[[MemoryCollection], PassingCollection]] = {
    "flapping etags": faults.FlappingEtags,
    "crlf": lambda inner: faults.RewritesBodies(inner, rewrites.to_crlf),
    "lf": lambda inner: faults.RewritesBodies(inner, rewrites.to_lf),
    "restamped": lambda inner: faults.RewritesBodies(inner, rewrites.restamps()),
    "sorted": lambda inner: faults.RewritesBodies(inner, rewrites.sorts_lines),
    "refolded": lambda inner: faults.RewritesBodies(inner, rewrites.refolds),
}


class TestHarmless(CollectionContract):
    """Servers that rewrite what does not count are within the contract."""

    @pytest.fixture(params=HARMLESS)
    def store(self, request: pytest.FixtureRequest) -> PassingStore:
        return faults.FaultyStore(
            MemoryStore("memory", delta=request.param != "flapping etags"), HARMLESS[request.param]
        )

    @pytest.fixture
    def kill(self, collection: PassingCollection) -> Kill:
        return lambda: setattr(collection.inner, "dead", True)

    def test_nothing_changed_says_nothing(self, collection: PassingCollection) -> None:
        if not isinstance(collection, faults.FlappingEtags):
            super().test_nothing_changed_says_nothing(collection)
            return
        first, second = list(collection.changes(None)), list(collection.changes(None))
        assert [one.href for one in first if isinstance(one, Entry)] == [
            one.href for one in second if isinstance(one, Entry)
        ]
        assert not set(first) & set(second)

    def test_an_etag_of_a_listing_is_that_of_a_fetch(self, collection: PassingCollection, uids: list[str]) -> None:
        if not isinstance(collection, faults.FlappingEtags):
            super().test_an_etag_of_a_listing_is_that_of_a_fetch(collection, uids)

    def test_a_created_item_is_listed_with_the_etag_of_its_answer(self, empty: PassingCollection) -> None:
        if not isinstance(empty, faults.FlappingEtags):
            super().test_a_created_item_is_listed_with_the_etag_of_its_answer(empty)


class TestDryRun:
    def test_refuses_and_counts_every_write(self, memory: MemoryCollection) -> None:
        dry = DryRunCollection(memory)
        writes = [*creates("new"), Write(7, Verb.UPDATE, "a.ics", b"x"), Write(8, Verb.DELETE, "b.ics")]
        answers = list(dry.write(writes))
        assert [(one.key, one.outcome) for one in answers] == [(one.key, Outcome.REFUSED) for one in writes]
        assert all("dry run" in one.reason for one in answers)
        assert dry.refused == 3
        assert memory.items == ITEMS

    def test_refuses_even_if_the_answers_are_never_read(self, memory: MemoryCollection) -> None:
        dry = DryRunCollection(memory)
        dry.write(creates("new"))
        assert dry.refused == 1
        assert memory.items == ITEMS

    def test_reads_and_tells_the_truth_about_the_collection(self, memory: MemoryCollection) -> None:
        dry = DryRunCollection(memory)
        assert listing(dry) == listing(memory)
        assert {one.href: one.data for one in dry.fetch(list(ITEMS))} == ITEMS
        assert dry.capabilities == memory.capabilities
        assert dry.new_href("x") == memory.new_href("x")

    def test_makes_no_collection(self) -> None:
        store = MemoryStore("memory", "there")
        dry = DryRunStore(store)
        assert isinstance(dry.open("there"), DryRunCollection)
        assert dry.open("missing") is None
        with pytest.raises(Permanent, match="dry run"):
            dry.create("missing")
        assert list(store.open_collections) == ["there"]


class TestFaults:
    def test_null_etags(self, memory: MemoryCollection) -> None:
        lying = faults.NullEtags(memory)
        assert listing(lying) == dict.fromkeys(ITEMS)
        assert {one.etag for one in lying.fetch(list(ITEMS))} == {None}
        [answer] = lying.write(creates("new"))
        assert (answer.outcome, answer.etag) == (Outcome.DONE, None)
        assert "new.ics" in memory.items

    def test_null_etags_leave_deletions_in_a_delta(self, memory: MemoryCollection) -> None:
        lying = faults.NullEtags(memory)
        changes = lying.changes(None)
        list(changes)
        memory.remove("a.ics")
        assert list(lying.changes(changes.token)) == ["a.ics"]

    def test_flapping_etags_are_good_as_preconditions(self, memory: MemoryCollection) -> None:
        lying = faults.FlappingEtags(memory)
        stale = listing(lying)["a.ics"]
        memory.put("a.ics", bodies.event("a", "theirs"))
        fresh = listing(lying)["a.ics"]
        [refused] = lying.write([Write(1, Verb.UPDATE, "a.ics", b"ours", stale)])
        [taken] = lying.write([Write(1, Verb.UPDATE, "a.ics", b"ours", fresh)])
        assert (refused.outcome, taken.outcome) == (Outcome.PRECONDITION, Outcome.DONE)

    @pytest.mark.parametrize("tells", [True, False])
    def test_rewritten_bodies(self, memory: MemoryCollection, tells: bool) -> None:
        lying = faults.RewritesBodies(memory, rewrites.drops("SUMMARY"), tells=tells)
        [answer] = lying.write(creates("new"))
        assert answer.outcome is Outcome.DONE
        assert b"SUMMARY" not in memory.items["new.ics"]
        assert (answer.etag is None) is tells

    def test_a_body_that_is_not_rewritten_keeps_its_etag(self, memory: MemoryCollection) -> None:
        [answer] = faults.RewritesBodies(memory, rewrites.drops("X-NOWHERE")).write(creates("new"))
        assert answer.etag is not None

    def test_fails_afterwards(self, memory: MemoryCollection) -> None:
        answers = list(faults.FailsAfterwards(memory).write(creates("new", "other")))
        assert {one.outcome for one in answers} == {Outcome.UNCERTAIN}
        assert {"new.ics", "other.ics"} <= memory.items.keys()

    def test_fails_before(self, memory: MemoryCollection) -> None:
        answers = list(faults.FailsBefore(memory).write(creates("new", "other")))
        assert {one.outcome for one in answers} == {Outcome.UNCERTAIN}
        assert memory.items == ITEMS

    def test_truncated_listings_hand_out_the_final_cursor(self, memory: MemoryCollection) -> None:
        lying = faults.TruncatesListings(memory, 2)
        changes = lying.changes(None)
        assert len(list(changes)) == 2
        assert changes.full
        assert list(memory.changes(changes.token)) == []

    def test_truncated_to_nothing(self, memory: MemoryCollection) -> None:
        assert list(faults.TruncatesListings(memory, 0).changes(None)) == []

    def test_stale_listings(self, memory: MemoryCollection) -> None:
        lying = faults.StaleListings(memory)
        before = listing(lying)
        lying.stale = True
        memory.put("new.ics", b"x")
        memory.remove("a.ics")
        assert listing(lying) == before
        lying.stale = False
        assert listing(lying).keys() == (ITEMS.keys() | {"new.ics"}) - {"a.ics"}

    def test_duplicate_answers(self, memory: MemoryCollection) -> None:
        lying = faults.DuplicateAnswers(memory)
        assert len(list(lying.changes(None))) == 2 * len(ITEMS)
        assert [one.href for one in lying.fetch(["a.ics", "b.ics"])] == ["a.ics", "a.ics", "b.ics", "b.ics"]
        assert [(one.key, one.outcome) for one in lying.write(creates("new"))] == [(0, Outcome.DONE)] * 2

    def test_slow(self, memory: MemoryCollection) -> None:
        slept: list[float] = []
        lying = faults.Slow(memory, 0.5, slept.append)
        list(lying.changes(None))
        list(lying.fetch(["a.ics", "b.ics"]))
        list(lying.write(creates("new")))
        assert slept == [0.5] * 4

    def test_poisoned(self, memory: MemoryCollection) -> None:
        lying = faults.Poisoned(memory, "b.ics", "new.ics")
        found = {one.href: one for one in lying.fetch(["a.ics", "b.ics"])}
        assert found["b.ics"].error
        assert found["b.ics"].data is None
        assert found["a.ics"].data == ITEMS["a.ics"]
        answers = {one.key: one.outcome for one in lying.write(creates("new", "other"))}
        assert answers == {0: Outcome.REFUSED, 1: Outcome.DONE}
        assert listing(lying).keys() == ITEMS.keys() | {"other.ics"}

    def test_no_preconditions(self, memory: MemoryCollection) -> None:
        lying = faults.IgnoresPreconditions(memory)
        assert not lying.capabilities.preconditions
        answers = list(
            lying.write([Write(1, Verb.CREATE, "a.ics", b"1"), Write(2, Verb.UPDATE, "b.ics", b"2", "stale")])
        )
        assert {one.outcome for one in answers} == {Outcome.DONE}
        assert (memory.items["a.ics"], memory.items["b.ics"]) == (b"1", b"2")
        assert faults.IgnoresPreconditions(memory, honest=False).capabilities.preconditions

    def test_dead(self, memory: MemoryCollection) -> None:
        dead = faults.Dead(memory)
        with pytest.raises(Transient):
            dead.changes(None)
        with pytest.raises(Transient):
            list(dead.fetch(["a.ics"]))
        assert {one.outcome for one in dead.write(creates("new", "other"))} == {Outcome.UNCERTAIN}
        assert memory.items == ITEMS

    def test_dies_half_way(self, memory: MemoryCollection) -> None:
        dying = faults.Dead(memory, after=2)
        assert listing(dying).keys() == ITEMS.keys()
        assert [one.outcome for one in dying.write(creates("new", "other"))] == [Outcome.DONE, Outcome.UNCERTAIN]
        assert memory.items.keys() == ITEMS.keys() | {"new.ics"}

    def test_a_dead_store_opens_nothing(self) -> None:
        store = faults.FaultyStore(MemoryStore("memory", "team"))
        assert store.open("team") is not None
        store.dead = True
        for call in (store.collections, lambda: store.open("team"), lambda: store.create("new")):
            with pytest.raises(Transient, match="memory"):
                call()

    def test_faults_can_be_put_around_one_another(self, memory: MemoryCollection) -> None:
        lying = faults.DuplicateAnswers(faults.NullEtags(faults.FailsAfterwards(memory)))
        assert [one.outcome for one in lying.write(creates("new"))] == [Outcome.UNCERTAIN] * 2
        assert list(lying.changes(None))[:2] == [Entry("a.ics", None)] * 2


class TestChance:
    def test_is_the_same_for_the_same_seed(self) -> None:
        def draw(seed: int) -> list[bool]:
            chance = faults.Chance(0.3, seed=seed)
            return [chance() for _ in range(200)]

        assert draw(1) == draw(1) != draw(2)
        assert 30 < sum(draw(1)) < 90

    def test_can_be_limited(self) -> None:
        chance = faults.Chance(most=2)
        assert [chance() for _ in range(4)] == [True, True, False, False]

    def test_never(self) -> None:
        chance = faults.Chance(0.0)
        assert not any(chance() for _ in range(100))


class TestRewrites:
    @pytest.mark.parametrize("name", bodies.BODIES)
    @pytest.mark.parametrize(
        "rewrite", [rewrites.restamps(), rewrites.sorts_lines, rewrites.to_lf, rewrites.to_crlf, rewrites.refolds]
    )
    def test_loses_nothing_that_counts(self, name: str, rewrite: rewrites.Rewrite) -> None:
        data = bodies.BODIES[name][1]
        assert bodies.same(data, rewrite(data))
        assert CalendarKind().same(data, rewrite(data)), "no rewrite is taken for an edit"

    @pytest.mark.parametrize("rewrite", [rewrites.restamps(), rewrites.sorts_lines, rewrites.to_lf, rewrites.refolds])
    def test_changes_bytes(self, rewrite: rewrites.Rewrite) -> None:
        data = bodies.BODIES["series"][1]
        assert rewrite(data) != data
        assert rewrite(rewrite(data)) == rewrite(data)

    def test_drops_what_it_is_told_and_no_more(self) -> None:
        data = bodies.BODIES["unknown"][1]
        dropped = rewrites.drops("COLOR")(data)
        assert dropped == data.replace(b"COLOR:turquoise\r\n", b"")
        assert not bodies.same(data, dropped)
