"""Reading where a server says too little, or a store cannot be opened at all."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.world import World
from trueup.connectors.wrappers.passing import PassingChanges, PassingCollection
from trueup.core.reading import FULL_EVERY
from trueup.model.errors import SecretMissing
from trueup.model.ports import Changes, Store

Worlds = Callable[..., World]


class _Forgetful(PassingCollection):
    """What changed since a cursor is told without what is new."""

    def changes(self, cursor: str | None) -> Changes:
        found = self.inner.changes(cursor)
        return found if found.full else PassingChanges(found, lambda one: ())


def test_what_a_server_forgot_to_tell_is_found_within_a_week(world: Worlds) -> None:
    made = world("ab")
    made.put("a", "1", title="one")
    made.run()
    made.wrap("a", _Forgetful)
    made.put("a", "2", title="told of to nobody")
    made.run()
    assert len(made["b"].items) == 1, "the server kept it to itself"
    made.now += FULL_EVERY / 2
    made.run()
    assert len(made["b"].items) == 1
    made.now += FULL_EVERY / 2
    made.run()
    assert len(made["b"].items) == 2


def test_a_ledger_that_does_not_know_of_full_listings_lists_once_and_doubles_nothing(world: Worlds) -> None:
    made = world("ab")
    made.put("a", "1", title="one")
    made.run()
    with made.ledger.transaction("test"):
        made.ledger._database.write("UPDATE collection SET listed_at = NULL")  # as the migration leaves it
    assert made.run()["counts"] == {}
    assert (len(made["a"].items), len(made["b"].items)) == (1, 1)
    rows = [made.ledger.state.collection("job", str(ref)) for ref in made.spec.collections]
    assert all(row.listed_at == made.now for row in rows)


def test_a_missing_password_stops_its_own_store_and_no_other(world: Worlds) -> None:
    made = world("abc")
    made.put("a", "1", title="one")
    made.run()
    plain = made.stores["c"]
    made.stores["c"] = _Locked(plain)  # type: ignore[assignment]
    made.put("a", "2", title="two")
    report = made.run()
    assert len(made["b"].items) == 2
    assert len(made["c"].items) == 1
    assert report["state"] == "partial"
    (unread,) = (one for one in report["readings"] if not one["read"])
    assert unread["login"] is True
    assert unread["error"]["what"] == "the password of store c is missing"
    made.stores["c"] = plain
    made.run()
    assert len(made["c"].items) == 2


class _Locked:
    """A store whose password is not there."""

    def __init__(self, inner: Store) -> None:
        self.name = inner.name

    def open(self, name: str, cursor: str | None = None) -> None:
        raise SecretMissing("the password of store c is missing", why="the environment has no C_PASSWORD")
