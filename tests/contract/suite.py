"""What every connector must do. A connector's test is a dozen lines: subclass, and say how to make a store.

    class TestVdir(CollectionContract):
        @pytest.fixture
        def store(self, tmp_path):
            return CONNECTOR.open("test", {"path": tmp_path})

What the items are is a parameter: `items` is a module such as `bodies` (calendars) or `cards` (contacts).

The collection is asked only through the port, as the core asks it. Where a store may choose (keeps bytes or rewrites
them, gives cursors or not), the suite accepts either and checks that the rest of its answers fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import ClassVar, Protocol, cast

import pytest

from tests.contract import bodies
from trueup.model.errors import StoreError
from trueup.model.items import Body, Entry
from trueup.model.ports import Collection, Outcome, Store, Verb, Write, Written

Kill = Callable[[], None]


class Items(Protocol):
    """What the items of a suite are. Bodies that stores are known to stumble over come with their UIDs."""

    BODIES: dict[str, tuple[str, bytes]]
    ODD_UIDS: list[str]
    SUFFIX: str

    def item(self, uid: str, title: str = ...) -> bytes:
        """A plain item."""
        ...

    def uid(self, data: bytes | None) -> str: ...

    def title(self, data: bytes | None) -> str: ...

    def same(self, a: bytes, b: bytes) -> bool:
        """Whether nothing but form differs."""
        ...


def listing(collection: Collection) -> dict[str, str | None]:
    """A full listing: etags by href."""
    changes = collection.changes(None)
    assert changes.full, "a listing without a cursor must be full"
    entries = list(changes)
    _ = changes.token
    assert all(isinstance(one, Entry) for one in entries), "a full listing names no deleted item"
    found = {one.href: one.etag for one in entries if isinstance(one, Entry)}
    assert len(found) == len(entries), "a listing names every item once"
    return found


def fetch(collection: Collection, hrefs: Sequence[str]) -> dict[str, Body]:
    """The bodies by href; exactly one answer for each href."""
    answers = list(collection.fetch(hrefs))
    assert sorted(one.href for one in answers) == sorted(hrefs), "every href is answered once"
    return {one.href: one for one in answers}


def read(collection: Collection, href: str) -> Body:
    return fetch(collection, [href])[href]


def send(collection: Collection, *writes: Write) -> list[Written]:
    """The answers in the order of the writes; exactly one for each."""
    answers = {one.key: one for one in collection.write(writes)}
    assert sorted(answers) == sorted(one.key for one in writes), "every write is answered once"
    return [answers[one.key] for one in writes]


def create(collection: Collection, uid: str, data: bytes | None = None, *, key: int = 1) -> str:
    """Creates an item that must be taken; returns its href."""
    href = collection.new_href(uid)
    [answer] = send(collection, Write(key, Verb.CREATE, href, bodies.event(uid) if data is None else data))
    assert answer.outcome is Outcome.DONE, f"{answer.outcome}: {answer.reason}"
    return href


class ReadContract:
    """What every collection must do, writable or not. `collection` must hold the items of `uids`."""

    items: ClassVar[Items] = cast("Items", bodies)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """The bodies and UIDs that a test is to be run with are those of `items`."""
        if "odd_body" in metafunc.fixturenames:
            metafunc.parametrize("odd_body", sorted(self.items.BODIES))
        if "odd_uid" in metafunc.fixturenames:
            metafunc.parametrize("odd_uid", self.items.ODD_UIDS)

    @pytest.fixture
    def store(self) -> Store:
        raise NotImplementedError("say how to make a store")

    @pytest.fixture
    def collection(self, store: Store) -> Collection:
        raise NotImplementedError("say how to open a collection with `uids` in it")

    @pytest.fixture
    def uids(self) -> Iterable[str]:
        raise NotImplementedError

    @pytest.fixture
    def kill(self, store: Store) -> Kill:
        """Makes the collection unreachable: takes the folder away, stops the server."""
        raise NotImplementedError("say how to make the collection unreachable")

    def test_lists_every_item_once(self, collection: Collection, uids: Iterable[str]) -> None:
        assert len(listing(collection)) == len(set(uids))

    def test_fetches_what_it_lists(self, collection: Collection, uids: Iterable[str]) -> None:
        found = fetch(collection, list(listing(collection)))
        assert not [one for one in found.values() if one.error or one.data is None]
        assert sorted(self.items.uid(one.data) for one in found.values() if one.data is not None) == sorted(uids)

    def test_two_fetches_are_equal(self, collection: Collection, uids: Iterable[str]) -> None:
        hrefs = list(listing(collection))
        first, second = fetch(collection, hrefs), fetch(collection, hrefs)
        assert {href: one.data for href, one in first.items()} == {href: one.data for href, one in second.items()}

    def test_a_missing_item_is_gone_and_no_error(self, collection: Collection) -> None:
        there = next(iter(listing(collection)))
        missing = f"{there[:-4]}-is-not-there{there[-4:]}"  # the ending stays: it may be what makes it an item
        found = fetch(collection, [missing, there])
        assert found[missing].data is None
        assert found[missing].error == ""
        assert found[there].data is not None

    def test_fetching_nothing_answers_nothing(self, collection: Collection) -> None:
        assert list(collection.fetch([])) == []

    def test_an_etag_of_a_listing_is_that_of_a_fetch(self, collection: Collection, uids: Iterable[str]) -> None:
        """Where both give a strong one; otherwise every run would fetch everything."""
        listed = listing(collection)
        for href, one in fetch(collection, list(listed)).items():
            if listed[href] is not None and one.etag is not None and not one.etag.startswith("W/"):
                assert one.etag == listed[href]

    def test_nothing_changed_says_nothing(self, collection: Collection) -> None:
        first = collection.changes(None)
        before = list(first)
        again = collection.changes(first.token)
        assert list(again) == (before if again.full else [])

    @pytest.mark.parametrize("cursor", ["", "not a cursor", "http://example.org/sync/0", "99999999999", "\u2603"])
    def test_a_strange_cursor_gives_a_full_listing(
        self, collection: Collection, cursor: str, uids: Iterable[str]
    ) -> None:
        changes = collection.changes(cursor)
        assert len(list(changes)) == len(set(uids))
        assert changes.full

    def test_new_href_is_always_the_same(self, collection: Collection) -> None:
        assert collection.new_href("a@example.org") == collection.new_href("a@example.org")

    def test_new_hrefs_differ(self, collection: Collection) -> None:
        assert len({collection.new_href(uid) for uid in self.items.ODD_UIDS}) == len(self.items.ODD_UIDS)

    def test_unreachable_is_an_error_and_never_an_empty_listing(self, collection: Collection, kill: Kill) -> None:
        kill()
        with pytest.raises(StoreError) as caught:
            list(collection.changes(None))
        assert caught.value.what
        assert str(caught.value) != caught.value.what, "the error must say where or why"

    def test_unreachable_is_never_a_missing_item(self, collection: Collection, kill: Kill) -> None:
        hrefs = list(listing(collection))
        kill()
        try:
            answers = list(collection.fetch(hrefs))
        except StoreError:
            return
        assert not [one for one in answers if one.data is None and not one.error]

    def test_writes_to_an_unreachable_collection_are_answered(self, collection: Collection, kill: Kill) -> None:
        hrefs = list(listing(collection))
        kill()
        answers = send(
            collection,
            Write(1, Verb.DELETE, hrefs[0]),
            Write(2, Verb.CREATE, f"new{self.items.SUFFIX}", self.items.item("new")),
        )
        assert {one.outcome for one in answers} <= {Outcome.UNCERTAIN, Outcome.REFUSED}
        assert all(one.reason for one in answers)

    def test_names_itself_among_the_collections(self, store: Store, collection: Collection) -> None:
        found = store.collections()
        assert found
        assert len({one.name for one in found}) == len(found)
        assert all(store.open(one.name) is not None for one in found)

    def test_an_unknown_collection_is_none(self, store: Store, collection: Collection) -> None:
        assert store.open("there-is-no-such-collection") is None


class ReadOnlyContract(ReadContract):
    """What a collection must do that cannot be written."""

    def test_says_so(self, store: Store, collection: Collection) -> None:
        assert not collection.capabilities.writable
        assert not any(one.writable for one in store.collections())

    def test_refuses_every_write_and_changes_nothing(self, collection: Collection) -> None:
        before = listing(collection)
        there = next(iter(before))
        answers = send(
            collection,
            Write(1, Verb.CREATE, collection.new_href("new"), self.items.item("new")),
            Write(2, Verb.UPDATE, there, self.items.item("new"), before[there]),
            Write(3, Verb.DELETE, there, None, before[there]),
        )
        assert [one.outcome for one in answers] == [Outcome.REFUSED] * 3
        assert all(one.reason for one in answers)
        assert listing(collection) == before

    def test_cannot_make_a_collection(self, store: Store) -> None:
        with pytest.raises(StoreError):
            store.create("new")


class CollectionContract(ReadContract):
    """What a collection must do that can be written. A subclass gives `store` and `kill`."""

    name: ClassVar[str] = "contract"
    many: ClassVar[int] = 500

    def same(self, a: bytes, b: bytes) -> bool:
        """Whether a body came back as it was sent: a store may rewrite it, and lose nothing."""
        return a == b or self.items.same(a, b)

    def create(self, collection: Collection, uid: str, data: bytes | None = None) -> str:
        """Creates an item that must be taken; returns its href."""
        return create(collection, uid, self.items.item(uid) if data is None else data)

    @pytest.fixture
    def empty(self, store: Store) -> Collection:
        return store.create(self.name)

    @pytest.fixture
    def uids(self) -> Iterable[str]:
        return ["first@example.org", "second@example.org", "third@example.org"]

    @pytest.fixture
    def collection(self, empty: Collection, uids: Iterable[str]) -> Collection:
        for uid in uids:
            self.create(empty, uid)
        return empty

    # Collections

    def test_a_new_collection_is_empty(self, empty: Collection) -> None:
        assert listing(empty) == {}

    def test_creating_a_collection_twice_opens_it(
        self, store: Store, collection: Collection, uids: Iterable[str]
    ) -> None:
        assert len(listing(store.create(self.name))) == len(set(uids))

    def test_a_created_collection_is_listed(self, store: Store, collection: Collection) -> None:
        assert self.name in {one.name for one in store.collections()}
        again = store.open(self.name)
        assert again is not None
        assert listing(again).keys() == listing(collection).keys()

    def test_says_that_it_can_be_written(self, collection: Collection) -> None:
        assert collection.capabilities.writable
        assert collection.capabilities.batch > 0
        assert collection.capabilities.parallel > 0

    # Bodies

    def test_a_body_comes_back(self, empty: Collection, odd_body: str) -> None:
        uid, data = self.items.BODIES[odd_body]
        found = read(empty, self.create(empty, uid, data))
        assert found.error == ""
        assert found.data is not None
        assert self.same(data, found.data), found.data.decode(errors="replace")

    def test_odd_uids(self, empty: Collection, odd_uid: str) -> None:
        href = self.create(empty, odd_uid)
        assert list(listing(empty)) == [href]
        found = read(empty, href)
        assert found.data is not None
        assert self.items.uid(found.data) == odd_uid

    def test_many_items(self, empty: Collection) -> None:
        uids = [f"many-{number}@example.org" for number in range(self.many)]
        writes = [Write(key, Verb.CREATE, empty.new_href(uid), self.items.item(uid)) for key, uid in enumerate(uids)]
        assert {one.outcome for one in send(empty, *writes)} == {Outcome.DONE}
        found = fetch(empty, list(listing(empty)))
        assert sorted(self.items.uid(one.data) for one in found.values() if one.data is not None) == sorted(uids)

    # Creating

    def test_new_hrefs_differ_everywhere(self, empty: Collection) -> None:
        """Also where case is ignored, and where names are normalised or cut."""
        uids = [*self.items.ODD_UIDS, "a" * 300, "a" * 301, "plain", "PLAIN", "pla.in", "pla-in", "pla_in"]
        hrefs = {empty.new_href(uid).casefold() for uid in uids}
        assert len(hrefs) == len(uids)

    def test_a_created_item_is_listed_with_the_etag_of_its_answer(self, empty: Collection) -> None:
        href = empty.new_href("a")
        [answer] = send(empty, Write(1, Verb.CREATE, href, self.items.item("a")))
        found = listing(empty)
        assert list(found) == [href]
        if answer.etag is not None and found[href] is not None:
            assert answer.etag == found[href]

    def test_creating_twice_is_stopped_and_keeps_the_first(self, empty: Collection) -> None:
        href = self.create(empty, "a", self.items.item("a", "first"))
        [answer] = send(empty, Write(1, Verb.CREATE, href, self.items.item("a", "second")))
        assert answer.outcome is Outcome.PRECONDITION
        assert self.items.title(read(empty, href).data) == "first"

    # Updating

    def test_an_update_under_the_right_etag(self, empty: Collection) -> None:
        href = self.create(empty, "a", self.items.item("a", "before"))
        [answer] = send(empty, Write(1, Verb.UPDATE, href, self.items.item("a", "after"), read(empty, href).etag))
        assert answer.outcome is Outcome.DONE, answer.reason
        assert self.items.title(read(empty, href).data) == "after"
        assert list(listing(empty)) == [href]

    def test_an_update_changes_the_etag(self, empty: Collection) -> None:
        href = self.create(empty, "a", self.items.item("a", "before"))
        before = read(empty, href).etag
        send(empty, Write(1, Verb.UPDATE, href, self.items.item("a", "after!"), before))
        after = read(empty, href).etag
        assert after is None or after != before

    def test_a_stale_update_is_stopped_and_keeps_the_other_edit(self, empty: Collection) -> None:
        href = self.create(empty, "a", self.items.item("a", "before"))
        stale = read(empty, href).etag
        send(empty, Write(1, Verb.UPDATE, href, self.items.item("a", "theirs"), stale))
        [answer] = send(empty, Write(2, Verb.UPDATE, href, self.items.item("a", "ours"), stale))
        assert answer.outcome is Outcome.PRECONDITION
        assert answer.reason
        assert self.items.title(read(empty, href).data) == "theirs"

    def test_an_update_without_a_condition(self, empty: Collection) -> None:
        href = self.create(empty, "a", self.items.item("a", "before"))
        [answer] = send(empty, Write(1, Verb.UPDATE, href, self.items.item("a", "after")))
        assert answer.outcome is Outcome.DONE
        assert self.items.title(read(empty, href).data) == "after"

    def test_an_update_of_a_missing_item_creates_nothing(self, empty: Collection) -> None:
        href = self.create(empty, "a")
        etag = read(empty, href).etag
        send(empty, Write(1, Verb.DELETE, href, None, etag))
        answers = send(empty, Write(2, Verb.UPDATE, href, self.items.item("a"), etag))
        assert answers[0].outcome in (Outcome.MISSING, Outcome.PRECONDITION)
        assert listing(empty) == {}

    # Deleting

    def test_a_deletion_under_the_right_etag(self, collection: Collection, uids: Iterable[str]) -> None:
        href = next(iter(listing(collection)))
        [answer] = send(collection, Write(1, Verb.DELETE, href, None, read(collection, href).etag))
        assert answer.outcome is Outcome.DONE, answer.reason
        assert href not in listing(collection)
        assert len(listing(collection)) == len(set(uids)) - 1
        assert read(collection, href).data is None

    def test_a_stale_deletion_is_stopped(self, empty: Collection) -> None:
        href = self.create(empty, "a", self.items.item("a", "before"))
        stale = read(empty, href).etag
        send(empty, Write(1, Verb.UPDATE, href, self.items.item("a", "theirs"), stale))
        [answer] = send(empty, Write(2, Verb.DELETE, href, None, stale))
        assert answer.outcome is Outcome.PRECONDITION
        assert self.items.title(read(empty, href).data) == "theirs"

    def test_a_deletion_without_a_condition(self, empty: Collection) -> None:
        href = self.create(empty, "a")
        [answer] = send(empty, Write(1, Verb.DELETE, href))
        assert answer.outcome is Outcome.DONE
        assert listing(empty) == {}

    def test_a_deletion_of_a_missing_item(self, empty: Collection) -> None:
        href = self.create(empty, "a")
        etag = read(empty, href).etag
        send(empty, Write(1, Verb.DELETE, href, None, etag))
        [answer] = send(empty, Write(2, Verb.DELETE, href, None, etag))
        assert answer.outcome in (Outcome.MISSING, Outcome.PRECONDITION)

    def test_a_deleted_item_can_be_created_again(self, empty: Collection) -> None:
        href = self.create(empty, "a", self.items.item("a", "first life"))
        send(empty, Write(1, Verb.DELETE, href))
        self.create(empty, "a", self.items.item("a", "second life"))
        assert self.items.title(read(empty, href).data) == "second life"

    # Together

    def test_one_refused_write_does_not_stop_the_others(self, empty: Collection) -> None:
        taken = self.create(empty, "taken")
        answers = send(
            empty,
            Write(1, Verb.CREATE, empty.new_href("a"), self.items.item("a")),
            Write(2, Verb.CREATE, taken, self.items.item("taken")),
            Write(3, Verb.UPDATE, empty.new_href("missing"), self.items.item("missing"), '"stale"'),
            Write(4, Verb.CREATE, empty.new_href("b"), self.items.item("b")),
        )
        assert answers[0].outcome is answers[3].outcome is Outcome.DONE
        assert answers[1].outcome is Outcome.PRECONDITION
        assert answers[2].outcome in (Outcome.MISSING, Outcome.PRECONDITION)
        assert len(listing(empty)) == 3

    def test_writing_nothing_answers_nothing(self, empty: Collection) -> None:
        assert list(empty.write([])) == []

    def test_a_cursor_shows_every_kind_of_change(self, collection: Collection) -> None:
        """Created, updated and deleted since; nothing else. A store without cursors lists in full, and that must fit too."""
        changes = collection.changes(None)
        first, second, third = sorted(one.href for one in changes if isinstance(one, Entry))
        cursor = changes.token
        new = self.create(collection, "new@example.org")
        data = read(collection, first).data
        assert data is not None
        update = Write(
            1, Verb.UPDATE, first, self.items.item(self.items.uid(data), "changed"), read(collection, first).etag
        )
        deletion = Write(2, Verb.DELETE, second, None, read(collection, second).etag)
        answers = send(collection, update) + send(collection, deletion)  # not at once: Xandikos may fail with 500 then
        assert {one.outcome for one in answers} == {Outcome.DONE}, answers
        later = collection.changes(cursor)
        seen = {one.href if isinstance(one, Entry) else f"gone {one}" for one in later}
        assert seen == ({new, first, third} if later.full else {new, first, f"gone {second}"})

    def test_a_cursor_survives_the_process(self, store: Store, collection: Collection) -> None:
        """It is kept in the ledger, so it must mean the same to a collection opened later."""
        changes = collection.changes(None)
        before = {one.href for one in changes if isinstance(one, Entry)}
        cursor = changes.token
        reopened = store.open(self.name)
        assert reopened is not None
        later = reopened.changes(cursor)
        assert {one.href for one in later if isinstance(one, Entry)} == (before if later.full else set())

    def test_a_write_through_one_shows_through_another(self, store: Store, collection: Collection) -> None:
        other = store.open(self.name)
        assert other is not None
        href = self.create(other, "new@example.org")
        assert href in listing(collection)

    def test_an_edit_of_someone_else_stops_a_planned_write(self, store: Store, empty: Collection) -> None:
        """Two clients, same size, at once: the case where a clock is too coarse to tell."""
        href = self.create(empty, "a", self.items.item("a", "one"))
        planned = read(empty, href).etag
        other = store.open(self.name)
        assert other is not None
        [theirs] = send(other, Write(1, Verb.UPDATE, href, self.items.item("a", "two"), read(other, href).etag))
        assert theirs.outcome is Outcome.DONE
        [ours] = send(empty, replace(Write(2, Verb.UPDATE, href, self.items.item("a", "six")), if_match=planned))
        assert ours.outcome is Outcome.PRECONDITION
        assert self.items.title(read(empty, href).data) == "two"
