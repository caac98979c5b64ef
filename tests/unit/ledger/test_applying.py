"""What was written, what was read back, what all sides agree on, and how undo puts that back."""

from __future__ import annotations

import pytest

from tests.unit.ledger.conftest import JOB, Sides
from trueup.core.ledger.rows import Replica
from trueup.model.change import Action, Change, ChangeState
from trueup.model.items import Glance
from trueup.model.plan import BasedOn, Plan

GLANCE = Glance("1", "a title", "tomorrow")
VERIFIED, DONE, SKIPPED = ChangeState.VERIFIED, ChangeState.DONE, ChangeState.SKIPPED


def replica(sides: Sides, ref: str, href: str) -> Replica | None:
    return sides.state.replica(sides.row(ref).id, href)


def link_of(sides: Sides, ref: str = "a", href: str = "1.ics") -> int:
    found = replica(sides, ref, href)
    assert found is not None
    assert found.link is not None
    return found.link


def run_with(sides: Sides, *changes: tuple[int, ChangeState]) -> str:
    """A run with one change for each (link, state)."""
    run = sides.ledger.journal.start("run", JOB)
    rows = [(Change(seq, Action.UPDATE, "b", link=link), state) for seq, (link, state) in enumerate(changes, 1)]
    sides.ledger.journal.add_changes(run.id, rows)
    return run.id


@pytest.fixture
def one(sides: Sides) -> Sides:
    """An item in `a` that `b` lacks."""
    sides.read("a", {"1.ics": "one"})
    sides.read("b", {})
    sides.identify("a", "b")
    return sides


def test_a_created_item_is_known_but_unverified(one: Sides) -> None:
    body = one.ledger.blobs.put(b"sent")
    one.state.wrote(one.row("b").id, "new.ics", link_of(one), GLANCE, body)
    made = replica(one, "b", "new.ics")
    assert (made.seen, made.sent, made.base, made.kept, made.etag) == (body, body, None, None, None)
    assert (made.link, made.uid, made.title, made.starts) == (link_of(one), "1", "a title", "tomorrow")
    assert made.revision == one.row("b").revision
    assert one.state.changed_since(one.row("b").id, one.row("b").revision, 10) == []


def test_an_update_keeps_what_was_agreed_until_it_is_settled(one: Sides) -> None:
    one.settle_all()
    before = replica(one, "a", "1.ics")
    body = one.ledger.blobs.put(b"sent")
    one.state.wrote(one.row("a").id, "1.ics", before.link, None, body)
    after = replica(one, "a", "1.ics")
    assert (after.seen, after.sent, after.base, after.etag) == (body, body, before.base, None)
    assert (after.title, after.revision, after.id) == (before.title, before.revision, before.id)


def test_what_the_server_made_of_it_is_read_back(one: Sides) -> None:
    body, rewritten = one.ledger.blobs.put_many([b"sent", b"rewritten"])
    number = one.row("b").id
    one.state.wrote(number, "new.ics", link_of(one), GLANCE, body)
    one.state.confirm(number, "new.ics", "etag", rewritten)
    made = replica(one, "b", "new.ics")
    assert (made.seen, made.sent, made.kept, made.etag) == (rewritten, body, rewritten, "etag")
    one.state.wrote(number, "new.ics", link_of(one), GLANCE, body)
    assert replica(one, "b", "new.ics").kept is None


def test_somebodys_edit_is_not_what_the_server_made_of_it(one: Sides) -> None:
    body, edited = one.ledger.blobs.put_many([b"sent", b"edited"])
    number = one.row("b").id
    one.state.wrote(number, "new.ics", link_of(one), GLANCE, body)
    one.state.confirm(number, "new.ics", "etag", edited, ours=False)
    made = replica(one, "b", "new.ics")
    assert (made.seen, made.kept) == (edited, None)


def test_reading_back_what_was_never_written_keeps_nothing(one: Sides) -> None:
    body = one.ledger.blobs.put(b"other")
    one.state.confirm(one.row("a").id, "1.ics", "etag", body)
    assert (replica(one, "a", "1.ics").seen, replica(one, "a", "1.ics").kept) == (body, None)
    one.state.confirm(one.row("a").id, "1.ics", "etag", None)
    assert (replica(one, "a", "1.ics").seen, replica(one, "a", "1.ics").etag) == (None, None)


def test_our_own_deletion_is_no_wish_of_that_side(one: Sides) -> None:
    """Were the agreed state kept, the item would count as deleted there by its owner if the other sides fail to follow."""
    one.settle_all()
    link = link_of(one)
    one.state.wrote(one.row("a").id, "1.ics", link, None, None)
    gone = replica(one, "a", "1.ics")
    assert (gone.seen, gone.sent, gone.kept, gone.etag, gone.base, gone.link) == (None, None, None, None, None, link)
    one.state.wrote(one.row("a").id, "unknown.ics", None, None, None)
    assert replica(one, "a", "unknown.ics") is None


def test_an_item_that_comes_back_under_another_href_succeeds_the_one_that_went(one: Sides) -> None:
    one.settle_all()
    before = replica(one, "a", "1.ics")
    one.read("a", {})
    body = one.ledger.blobs.put(b"sent")
    one.state.wrote(one.row("a").id, "other.ics", before.link, GLANCE, body)
    assert replica(one, "a", "1.ics") is None
    assert (replica(one, "a", "other.ics").link, replica(one, "a", "other.ics").base) == (before.link, before.base)


def test_a_copy_beside_the_items_own_replica_is_left_to_identification(one: Sides) -> None:
    body = one.ledger.blobs.put(b"sent")
    one.state.wrote(one.row("a").id, "beside.ics", link_of(one), GLANCE, body)
    assert replica(one, "a", "beside.ics").link is None
    one.identify("a", "b")
    assert replica(one, "a", "beside.ics").refused == "duplicate-uid"


def test_a_write_for_a_link_that_was_forgotten_is_left_to_identification(one: Sides) -> None:
    body = one.ledger.blobs.put(b"sent")
    one.state.wrote(one.row("b").id, "new.ics", 999_999, GLANCE, body)
    assert replica(one, "b", "new.ics").link is None


def test_settling_makes_what_is_there_the_agreed_state(one: Sides) -> None:
    link = link_of(one)
    body = one.ledger.blobs.put(b"sent")
    one.state.wrote(one.row("b").id, "new.ics", link, GLANCE, body)
    one.state.decide(link, {"prefer": "a"})
    one.state.quarantine(link, 0.0, "x")
    assert one.state.settle(run_with(one, (link, VERIFIED), (link, VERIFIED))) == 1
    assert replica(one, "b", "new.ics").base == body
    assert replica(one, "a", "1.ics").base == replica(one, "a", "1.ics").seen
    settled = one.state.link(link)
    assert (settled.due, settled.attempts, settled.error, settled.decision) == (None, 0, "", None)


OVER = (VERIFIED, ChangeState.SKIPPED)


@pytest.mark.parametrize("other", [state for state in ChangeState if state not in OVER])
def test_a_link_with_anything_left_is_not_settled(one: Sides, other: ChangeState) -> None:
    link = link_of(one)
    one.state.wrote(one.row("b").id, "new.ics", link, GLANCE, one.ledger.blobs.put(b"sent"))
    assert one.state.settle(run_with(one, (link, VERIFIED), (link, other))) == 0
    assert replica(one, "a", "1.ics").base is None
    assert one.state.link(link).due == 0


@pytest.mark.parametrize("other", [state for state in ChangeState if state not in OVER])
def test_a_side_that_holds_nothing_keeps_the_others_from_nothing(one: Sides, other: ChangeState) -> None:
    link = link_of(one)
    assert one.state.settle(run_with(one, (link, VERIFIED), (link, other))) == 1
    assert replica(one, "a", "1.ics").base is not None
    assert one.state.link(link).due == 0, "the side that lacks it has to get it yet"


def test_what_is_left_out_by_rule_is_settled(one: Sides) -> None:
    link = link_of(one)
    assert one.state.settle(run_with(one, (link, VERIFIED), (link, ChangeState.SKIPPED))) == 1
    assert one.state.link(link).due is None


def test_settling_twice_does_not_swallow_an_edit_in_between(one: Sides) -> None:
    link = link_of(one)
    run = run_with(one, (link, VERIFIED))
    assert one.state.settle(run) == 1
    base = replica(one, "a", "1.ics").base
    one.read("a", {"1.ics": "edited"})
    assert one.state.settle(run) == 0
    assert replica(one, "a", "1.ics").base == base
    assert one.state.link(link).due == 0


def test_an_edit_observed_after_the_plan_is_not_settled(one: Sides) -> None:
    link = link_of(one)
    run = run_with(one, (link, VERIFIED))
    based = tuple(BasedOn(ref, one.row(ref).revision, 1, True) for ref in ("a", "b"))
    one.ledger.journal.update(run, plan=Plan(run, JOB, "", "", based).to_json())
    one.read("a", {"1.ics": "edited"})
    assert one.state.settle(run) == 0
    assert replica(one, "a", "1.ics").base is None
    assert one.state.link(link).due == 0


def test_a_plan_settles_what_did_not_change_since(one: Sides) -> None:
    run = run_with(one, (link_of(one), VERIFIED))
    based = tuple(BasedOn(ref, one.row(ref).revision, 1, True) for ref in ("a", "b"))
    one.ledger.journal.update(run, plan=Plan(run, JOB, "", "", based).to_json())
    assert one.state.settle(run) == 1


def test_a_body_that_is_refused_now_does_not_become_the_agreed_one(one: Sides) -> None:
    one.settle_all()
    base = replica(one, "a", "1.ics").base
    number = one.row("a").id
    one.state.observe(number, [one.observed("1.ics", "broken", "", refused="no-uid", refused_why="x")])
    one.state.settle(run_with(one, (link_of(one), VERIFIED)))
    assert replica(one, "a", "1.ics").base == base


def test_what_is_gone_on_all_sides_is_forgotten_when_that_is_agreed(one: Sides) -> None:
    link = link_of(one)
    one.settle_all()
    one.read("a", {})
    assert one.state.settle(run_with(one, (link, VERIFIED))) == 1
    assert replica(one, "a", "1.ics") is None
    assert one.state.link(link) is None
    assert one.state.due_links(JOB, 1e12, 0, 10) == []


def test_changes_without_a_link_settle_nothing(one: Sides) -> None:
    run = one.ledger.journal.start("run", JOB)
    one.ledger.journal.add_changes(run.id, [(Change(1, Action.CREATE, "a"), VERIFIED)])
    assert one.state.settle(run.id) == 0


def test_undo_puts_the_agreed_state_of_before_back(one: Sides) -> None:
    one.settle_all()
    link = link_of(one)
    old = replica(one, "a", "1.ics").base
    one.read("a", {"1.ics": "edited"})
    one.settle_all()
    one.state.restore(link, [(one.row("a").id, "1.ics", old, None), (one.row("b").id, "was.ics", old, old)])
    here, there = replica(one, "a", "1.ics"), replica(one, "b", "was.ics")
    assert (here.base, here.sent) == (old, None)
    assert here.seen != old
    assert (there.seen, there.base, there.sent, there.kept, there.link) == (None, old, old, old, link)
    assert one.state.link(link).due == 0


def test_undo_brings_a_deleted_items_link_back(one: Sides) -> None:
    one.settle_all()
    link, base = link_of(one), replica(one, "a", "1.ics").base
    one.read("a", {})
    one.settle_all()
    assert one.state.link(link) is None
    one.state.wrote(one.row("a").id, "1.ics", link, GLANCE, base)
    assert one.state.link(link).due == 0
    one.state.restore(link, [(one.row("a").id, "1.ics", base, None)])
    assert (replica(one, "a", "1.ics").link, replica(one, "a", "1.ics").base) == (link, base)


def test_undo_finds_an_item_that_was_renamed_since(one: Sides) -> None:
    one.settle_all()
    link, base = link_of(one), replica(one, "a", "1.ics").base
    number = one.row("a").id
    one.read("a", {})
    one.state.observe(number, [one.observed("moved.ics", "one", "1")])
    one.state.adopt_renamed(JOB)
    one.state.restore(link, [(number, "1.ics", base, None)])
    assert replica(one, "a", "1.ics") is None
    assert replica(one, "a", "moved.ics").base == base


def test_undo_leaves_an_href_alone_that_is_another_items_by_now(one: Sides) -> None:
    link = link_of(one)
    one.read("b", {"2.ics": "two"})
    one.identify("a", "b")
    before = replica(one, "b", "2.ics")
    body = one.ledger.blobs.put(b"x")
    one.state.restore(link, [(one.row("b").id, "2.ics", body, None)])
    assert replica(one, "b", "2.ics") == before


def test_undo_of_a_link_that_was_forgotten_does_nothing(one: Sides) -> None:
    one.state.restore(999_999, [(one.row("a").id, "x.ics", None, None)])
    assert replica(one, "a", "x.ics") is None


def test_agreed_items_come_page_by_page(sides: Sides) -> None:
    sides.read("a", {f"{n}.ics": "x" for n in range(5)})
    sides.identify("a")
    sides.settle_all()
    sides.read("a", {f"{n}.ics": "x" for n in (1, 2, 3, 4, 7)})
    number = sides.row("a").id
    first = sides.state.each_agreed(number, "", 3)
    rest = sides.state.each_agreed(number, first[-1].href, 3)
    assert [one.href for one in first + rest] == [f"{n}.ics" for n in range(5)]
