"""Reading a collection: what has to be fetched, what changed, what is gone; and a kill in between."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.ledger.conftest import JOB, Sides
from trueup.core.ledger import Ledger, open_ledger
from trueup.core.ledger.rows import Counts, Observed
from trueup.model.errors import TrueupError
from trueup.model.items import Entry


def hrefs(sides: Sides, ref: str) -> set[str]:
    number = sides.row(ref).id
    return {one.href for one in sides.state.changed_since(number, -1, 100) if one.seen is not None}


def test_a_collection_is_made_once(sides: Sides) -> None:
    first = sides.row("work/team")
    assert sides.row("work/team") == first
    assert (first.cursor, first.revision, first.read_at) == (None, 0, None)
    other = sides.state.collection("other job", "work/team")
    assert other.id != first.id
    assert sides.state.collections(JOB) == [first]


def test_only_new_and_changed_items_are_fetched(sides: Sides) -> None:
    sides.read("a", {"1.ics": "one", "2.ics": "two", "3.ics": "three"})
    number = sides.row("a").id
    known = {href: sides.state.replica(number, href) for href in ("1.ics", "2.ics", "3.ics")}
    sides.state.begin_listing(number)
    sides.state.add_listing(number, [Entry("1.ics", known["1.ics"].etag), Entry("2.ics", "another")], [])
    sides.state.add_listing(number, [Entry("4.ics", "new"), Entry("3.ics", None)], [])
    assert sides.state.to_fetch(number, "", 10) == ["2.ics", "3.ics", "4.ics"]
    assert sides.state.to_fetch(number, "2.ics", 1) == ["3.ics"]
    assert sides.state.listed_count(number) == 4


def test_an_item_without_an_etag_in_the_ledger_is_fetched(sides: Sides) -> None:
    number = sides.row("a").id
    sides.state.observe(number, [replace(sides.observed("1.ics", "one"), etag=None)])
    sides.state.begin_listing(number)
    sides.state.add_listing(number, [Entry("1.ics", "some")], [])
    assert sides.state.to_fetch(number, "", 10) == ["1.ics"]


def test_hrefs_come_in_the_same_order_on_both_databases(sides: Sides) -> None:
    number = sides.row("a").id
    names = ["a.ics", "B.ics", "ä.ics", "Z.ics", "_.ics", "𝄞.ics", "\uffee.ics"]
    sides.state.begin_listing(number)
    sides.state.add_listing(number, [Entry(name, None) for name in names], [])
    paged, after = [], ""
    while page := sides.state.to_fetch(number, after, 2):
        paged += page
        after = page[-1]
    assert paged == sorted(names)


def test_a_reading_counts_what_changed_and_what_is_gone(sides: Sides) -> None:
    assert sides.read("a", {"1.ics": "one", "2.ics": "two"}) == (2, 0)
    assert sides.row("a").revision == 1
    assert sides.read("a", {"1.ics": "one", "2.ics": "two"}) == (0, 0)
    assert sides.row("a").revision == 1
    assert sides.read("a", {"1.ics": "one!", "3.ics": "three"}) == (2, 1)
    row = sides.row("a")
    assert (row.revision, row.cursor, row.read_at) == (2, "cursor", 1000.0)
    assert hrefs(sides, "a") == {"1.ics", "3.ics"}


def test_an_incremental_listing_says_nothing_about_what_it_does_not_name(sides: Sides) -> None:
    sides.read("a", {"1.ics": "one", "2.ics": "two", "3.ics": "three"})
    assert sides.read("a", {"3.ics": "three!"}, full=False, gone=["2.ics", "never-seen.ics"]) == (1, 1)
    assert hrefs(sides, "a") == {"1.ics", "3.ics"}


def test_the_last_word_on_a_href_counts(sides: Sides) -> None:
    sides.read("a", {"1.ics": "one", "2.ics": "two"})
    number = sides.row("a").id
    sides.state.begin_listing(number)
    sides.state.add_listing(number, [Entry("1.ics", "x")], ["2.ics"])
    sides.state.add_listing(number, [Entry("2.ics", "y")], ["1.ics"])
    assert sides.state.listed_count(number) == 1
    assert sides.state.to_fetch(number, "", 10) == ["2.ics"]
    assert sides.state.end_listing(number, False, None, 1.0) == (0, 1)
    assert hrefs(sides, "a") == {"2.ics"}


def test_equal_bytes_move_only_the_etag(sides: Sides) -> None:
    sides.read("a", {"1.ics": "one"})
    number = sides.row("a").id
    assert sides.state.observe(number, [replace(sides.observed("1.ics", "one"), etag="moved")]) == 0
    replica = sides.state.replica(number, "1.ics")
    assert (replica.etag, replica.revision) == ("moved", 1)


def test_a_change_wakes_its_link_and_ends_its_quarantine(sides: Sides) -> None:
    sides.read("a", {"1.ics": "one"})
    sides.identify("a")
    [link] = sides.state.due_links(JOB, 0, 0, 10)
    sides.state.quarantine(link.id, 5000.0, "refused")
    assert sides.state.due_links(JOB, 4999, 0, 10) == []
    sides.read("a", {"1.ics": "edited"})
    [woken] = sides.state.due_links(JOB, 0, 0, 10)
    assert (woken.id, woken.attempts, woken.error) == (link.id, 0, "")


def test_a_deletion_wakes_its_link_and_keeps_what_was_agreed(sides: Sides) -> None:
    sides.read("a", {"1.ics": "one"})
    sides.identify("a")
    sides.settle_all()
    assert sides.state.due_links(JOB, 1e12, 0, 10) == []
    assert sides.read("a", {}) == (0, 1)
    [link] = sides.state.due_links(JOB, 0, 0, 10)
    [gone] = sides.state.replicas([link.id])[link.id]
    assert (gone.seen, gone.etag, gone.revision, gone.title) == (None, None, 2, "title of 1")
    assert gone.base is not None


def test_an_unlinked_item_that_goes_is_forgotten(sides: Sides) -> None:
    sides.read("a", {"1.ics": "one"})
    assert sides.read("a", {}) == (0, 1)
    assert sides.state.replica(sides.row("a").id, "1.ics") is None
    assert sides.row("a").revision == 2


def test_an_item_that_is_listed_but_cannot_be_fetched_any_more_is_gone(sides: Sides) -> None:
    sides.read("a", {"1.ics": "one", "2.ics": "two"})
    sides.identify("a")
    number = sides.row("a").id
    sides.settle_all()
    sides.state.begin_listing(number)
    sides.state.add_listing(number, [Entry("1.ics", "moved"), Entry("2.ics", "moved")], [])
    assert sides.state.missing(number, ["1.ics", "unknown.ics"]) == 1
    assert len(sides.state.due_links(JOB, 0, 0, 10)) == 1
    assert sides.state.end_listing(number, True, None, 1.0) == (0, 1)
    assert sides.state.replica(number, "1.ics").seen is None


def test_a_body_that_is_refused_now_keeps_its_link_and_its_name(sides: Sides) -> None:
    sides.read("a", {"1.ics": "one"})
    sides.identify("a")
    sides.settle_all()
    number = sides.row("a").id
    broken = sides.ledger.blobs.put(b"broken")
    assert sides.state.observe(number, [Observed("1.ics", "e", broken, "", "", "", "no-uid", "it has no UID")]) == 1
    replica = sides.state.replica(number, "1.ics")
    assert (replica.seen, replica.uid, replica.title) == (broken, "1", "title of 1")
    assert (replica.refused, replica.refused_why) == ("no-uid", "it has no UID")
    assert replica.link is not None
    assert replica.base is not None
    assert [link.id for link in sides.state.due_links(JOB, 0, 0, 10)] == [replica.link]
    sides.state.observe(number, [sides.observed("1.ics", "one")])
    mended = sides.state.replica(number, "1.ics")
    assert (mended.refused, mended.refused_why, mended.link) == ("", "", replica.link)


def test_an_item_the_store_does_not_hand_out_keeps_its_last_body(sides: Sides) -> None:
    sides.read("a", {"1.ics": "one"})
    sides.identify("a")
    sides.settle_all()
    number = sides.row("a").id
    before = sides.state.replica(number, "1.ics")
    assert sides.state.observe(number, [Observed("1.ics", None, "", "", "", "", "unreadable", "403")]) == 0
    unreadable = sides.state.replica(number, "1.ics")
    assert (unreadable.seen, unreadable.etag, unreadable.refused) == (before.seen, None, "unreadable")
    assert len(sides.state.due_links(JOB, 0, 0, 10)) == 1
    assert sides.state.observe(number, [sides.observed("1.ics", "one")]) == 0
    assert sides.state.replica(number, "1.ics") == before


def test_a_new_item_that_is_not_handed_out_is_there_but_not_linked(sides: Sides) -> None:
    number = sides.row("a").id
    sides.state.observe(number, [Observed("1.ics", None, "", "", "", "", "unreadable", "403")])
    assert sides.state.counts(number) == Counts(1, 0, 0)
    assert sides.state.unlinked(JOB, ["a"], ("", 0), 10) == []
    assert [one.refused for one in sides.state.refused(JOB, 0, 10)] == ["unreadable"]
    assert sides.state.observe(number, [sides.observed("1.ics", "one")]) == 1
    assert [one.uid for one in sides.state.unlinked(JOB, ["a"], ("", 0), 10)] == ["1"]


def test_text_that_no_database_can_hold_is_kept_as_an_escape(sides: Sides) -> None:
    number = sides.row("a").id
    sides.state.observe(number, [sides.observed("1.ics", "one", uid="u\0\udc80", title="NUL \0 half \ud800 whole 𝄞")])
    replica = sides.state.replica(number, "1.ics")
    assert replica.title == "NUL \\x00 half \\ud800 whole 𝄞"
    assert replica.uid == "u\\x00\\udc80"


def test_counts(sides: Sides) -> None:
    number = sides.row("a").id
    assert sides.state.counts(number) == Counts(0, 0, 0)
    sides.read("a", {"1.ics": "one", "2.ics": "two"})
    assert sides.state.counts(number) == Counts(2, 0, 0)
    sides.identify("a")
    sides.settle_all()
    assert sides.state.counts(number) == Counts(2, 2, 2)
    sides.read("a", {"2.ics": "two", "3.ics": "three"})
    assert sides.state.counts(number) == Counts(2, 2, 1)


def test_changed_since(sides: Sides) -> None:
    sides.read("a", {"1.ics": "one", "2.ics": "two"})
    sides.identify("a")
    sides.settle_all()
    then = sides.row("a").revision
    sides.read("a", {"1.ics": "one!", "3.ics": "three"})
    found = sides.state.changed_since(sides.row("a").id, then, 10)
    assert {(one.href, one.seen is None) for one in found} == {("1.ics", False), ("2.ics", True), ("3.ics", False)}
    assert len(sides.state.changed_since(sides.row("a").id, then, 2)) == 2


def test_a_reading_that_was_killed_still_moves_the_revision_on(sides: Sides, url: str) -> None:
    sides.read("a", {"1.ics": "one", "2.ics": "two"})
    number = sides.row("a").id
    sides.state.observe(number, [sides.observed("1.ics", "edited")])
    assert sides.row("a").revision == 1  # killed here: the reading never ended
    with open_ledger(url) as again:
        assert Sides(again).read("a", {"1.ics": "edited", "2.ics": "two"}) == (1, 0)
        row = Sides(again).row("a")
        assert row.revision == 2
        assert [one.href for one in again.state.changed_since(number, 1, 10)] == ["1.ics"]


def test_a_listing_of_another_thread_is_not_taken_for_an_empty_one(ledger: Ledger, sides: Sides) -> None:
    sides.read("a", {"1.ics": "one"})
    with pytest.raises(TrueupError):
        ledger.state.end_listing(sides.row("a").id, True, None, 1.0)
    assert hrefs(sides, "a") == {"1.ics"}


def test_two_collections_may_be_listed_at_the_same_time(sides: Sides) -> None:
    a, b = sides.row("a").id, sides.row("b").id
    sides.state.begin_listing(a)
    sides.state.begin_listing(b)
    sides.state.add_listing(a, [Entry("1.ics", None)], [])
    sides.state.add_listing(b, [Entry("2.ics", None), Entry("3.ics", None)], [])
    assert sides.state.to_fetch(a, "", 10) == ["1.ics"]
    assert sides.state.listed_count(b) == 2
    sides.state.end_listing(a, True, None, 1.0)
    assert sides.state.listed_count(b) == 2


def test_a_listing_begun_again_starts_empty(sides: Sides) -> None:
    number = sides.row("a").id
    sides.state.begin_listing(number)
    sides.state.add_listing(number, [Entry("1.ics", None)], [])
    sides.state.begin_listing(number)
    assert sides.state.listed_count(number) == 0


def test_a_forgotten_collection_takes_its_links_along(sides: Sides) -> None:
    sides.read("a", {"1.ics": "one", "2.ics": "two"})
    sides.read("b", {"2.ics": "two"})
    sides.identify("a", "b")
    ids = {link.key: link.id for link in sides.state.due_links(JOB, 0, 0, 10)}
    sides.state.forget_collection(sides.row("a").id)
    assert sides.state.link(ids["1"]) is None
    assert sides.state.link(ids["2"]) is not None
    assert [link.key for link in sides.state.due_links(JOB, 0, 0, 10)] == ["2"]
    assert [row.ref for row in sides.state.collections(JOB)] == ["b"]


def test_a_job_is_remembered(sides: Sides) -> None:
    assert sides.state.job(JOB) is None
    sides.state.save_job(JOB, "d1", "s1", ("work/team", "home/team"))
    sides.state.save_job(JOB, "d2", "s2", ("work/team",))
    job = sides.state.job(JOB)
    assert (job.name, job.digest, job.shape, job.collections) == (JOB, "d2", "s2", ("work/team",))
    sides.state.save_job(JOB, "d2", "s2", ())
    assert sides.state.job(JOB).collections == ()


def test_what_a_listing_leaves_out_is_named_before_it_is_believed(sides: Sides) -> None:
    sides.read("a", {f"{n}.ics": "x" for n in range(5)})
    number = sides.row("a").id
    sides.state.begin_listing(number)
    sides.state.add_listing(number, [Entry("0.ics", "x"), Entry("3.ics", "x")], ["4.ics", "unknown.ics"])
    assert sides.state.vanished(number, True, "", 10) == ["1.ics", "2.ics", "4.ics"]
    assert sides.state.vanished(number, True, "1.ics", 1) == ["2.ics"]
    assert sides.state.vanished(number, False, "", 10) == ["4.ics"]
    sides.state.add_listing(number, [Entry("4.ics", "x")], [])
    assert sides.state.vanished(number, False, "", 10) == []


def test_what_was_not_handed_out_is_asked_for_again_though_nothing_names_it(sides: Sides) -> None:
    sides.read("a", {"1.ics": "one", "2.ics": "two", "3.ics": "three"})
    number = sides.row("a").id
    withheld = [Observed(f"{n}.ics", None, "", "", "", "", "unreadable", "403") for n in (1, 3)]
    sides.state.observe(number, withheld)
    sides.state.begin_listing(number)
    sides.state.add_listing(number, [Entry("2.ics", "moved")], ["3.ics"])
    assert sides.state.to_fetch(number, "", 10) == ["1.ics", "2.ics"]
    assert sides.state.to_fetch(number, "", 1) == ["1.ics"]
    assert sides.state.to_fetch(number, "1.ics", 10) == ["2.ics"]


def test_another_uid_under_the_same_href_is_another_item(sides: Sides) -> None:
    sides.read("a", {"1.ics": "one"})
    sides.read("b", {"1.ics": "one"})
    sides.identify("a", "b")
    sides.settle_all()
    number = sides.row("a").id
    before = sides.state.replica(number, "1.ics")
    sides.state.observe(number, [sides.observed("1.ics", "quite another", "other")])
    now = sides.state.replica(number, "1.ics")
    assert (now.uid, now.link, now.base, now.sent) == ("other", None, None, None)
    [link] = sides.state.due_links(JOB, 0, 0, 10)
    assert link.id == before.link
    old = next(one for one in sides.state.replicas([link.id])[link.id] if one.collection == number)
    assert (old.seen, old.base, old.uid) == (None, before.base, "1")
    sides.identify("a", "b")
    assert sides.state.replica(number, "1.ics").link not in (None, before.link)
    assert sides.read("a", {"1.ics": "quite another"}) == (1, 1)


def test_a_link_is_made_for_an_item_that_stands_nowhere_yet(sides: Sides) -> None:
    made = sides.state.new_link(JOB, "u")
    assert sides.state.new_link(JOB, "u") == made
    assert [link.id for link in sides.state.due_links(JOB, 0, 0, 10)] == [made]
    assert [one.severity for one in sides.ledger.check()] == ["info"]


def test_an_item_that_went_everywhere_gets_its_link_back(sides: Sides) -> None:
    sides.read("a", {"1.ics": "one"})
    sides.identify("a")
    [link] = sides.state.due_links(JOB, 0, 0, 10)
    sides.read("a", {})
    sides.settle_all()
    assert sides.state.link(link.id) is None
    assert sides.state.new_link(JOB, "1") == link.id
    assert sides.state.link(link.id).due == 0
