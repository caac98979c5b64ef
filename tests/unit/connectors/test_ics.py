"""Published calendars: how one file becomes items, and when it must not."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract import bodies
from tests.contract.suite import listing, read
from tests.support.feed import FeedServer
from trueup.connectors.http import Client, Login, Retries
from trueup.connectors.ics import CONNECTOR
from trueup.connectors.ics.collection import Cursor, FeedCollection
from trueup.connectors.ics.feed import Feed
from trueup.connectors.ics.source import Validators, WebSource, plain_url
from trueup.core.contentlines import Component, parse
from trueup.model.errors import ConfigError, LoginRefused, Permanent, StoreError, Transient
from trueup.model.items import Entry

ROOT = Path(__file__).parents[3]
OFFICE = sorted((ROOT / "examples" / "office").glob("*/*.ics"))
HOSTILE = sorted((ROOT / "examples" / "hostile").glob("*.ics"))


def event(uid: str, *lines: str, kind: str = "VEVENT") -> list[str]:
    return [f"BEGIN:{kind}", *([f"UID:{uid}"] if uid else []), "DTSTART:20261116T090000Z", *lines, f"END:{kind}"]


def zone(name: str) -> list[str]:
    return [line.replace("Europe/Berlin", name) for line in bodies.BERLIN]


def text(*lines: str, end: str = "\r\n") -> bytes:
    return end.join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//feed//EN", *lines, "END:VCALENDAR", ""]).encode()


def split(data: bytes) -> dict[str, bytes]:
    """Bodies by href."""
    feed = Feed(bytearray(data), "the test")
    return {href: feed.body(href) for href in feed.items}


def etags(data: bytes) -> dict[str, str]:
    return {href: item.etag for href, item in Feed(bytearray(data), "the test").items.items()}


def components(data: bytes) -> list[Component]:
    [calendar] = parse(data).components()
    return list(calendar.components())


class TestSplitting:
    def test_each_uid_is_an_item(self) -> None:
        found = split(text(*event("a", "SUMMARY:A"), *event("b", "SUMMARY:B")))
        assert found == {"a": text(*event("a", "SUMMARY:A")), "b": text(*event("b", "SUMMARY:B"))}

    def test_a_series_is_one_item_wherever_its_parts_stand(self) -> None:
        override = event("a", "RECURRENCE-ID:20261117T090000Z", "SUMMARY:moved")
        found = split(text(*override, *event("b"), *event("a", "RRULE:FREQ=DAILY")))
        assert found["a"] == text(*event("a", "RRULE:FREQ=DAILY"), *override)

    def test_overrides_without_a_master_are_one_item(self) -> None:
        overrides = [event("a", f"RECURRENCE-ID:2026111{day}T090000Z") for day in (7, 8)]
        assert split(text(*overrides[0], *overrides[1])) == {"a": text(*overrides[0], *overrides[1])}

    def test_only_the_zones_that_are_used_go_along(self) -> None:
        used = event("a", "DTEND;TZID=Europe/Berlin:20261116T100000", 'EXDATE;TZID="Odd: name":20261117T090000')
        found = split(text(*zone("Europe/Berlin"), *zone("Europe/Paris"), *used, *event("b"), *zone("Odd: name")))
        assert found["a"] == text(*zone("Europe/Berlin"), *zone("Odd: name"), *used)
        assert found["b"] == text(*event("b"))

    def test_a_zone_named_across_a_fold(self) -> None:
        folded = (
            "DTEND;X-LONG=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;TZID=Europe/Be\r\n rlin:20261116T100000"
        )
        found = split(text(*zone("Europe/Berlin"), *event("a", folded)))
        assert b"BEGIN:VTIMEZONE" in found["a"]

    def test_what_is_about_the_feed_stays_behind(self) -> None:
        about = ["METHOD:PUBLISH", "X-WR-CALNAME:Feed", "X-WR-TIMEZONE:Europe/Berlin", "LAST-MODIFIED:20261101T000000Z"]
        about += [
            "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
            "NAME:Feed",
            "UID:the-feed",
            "COLOR:red",
            "X-LONG:a\r\n  folded",
        ]
        assert split(text(*about, "CALSCALE:GREGORIAN", *event("a"))) == {"a": text("CALSCALE:GREGORIAN", *event("a"))}

    def test_tasks_and_journals_are_items_too(self) -> None:
        found = split(text(*event("a", kind="VTODO"), *event("b", kind="VJOURNAL"), *event("c", kind="X-OTHER")))
        assert sorted(found) == ["a", "b", "c"]

    def test_the_uid_of_an_alarm_is_not_the_events(self) -> None:
        alarm = ["BEGIN:VALARM", "UID:alarm", "TRIGGER:-PT5M", "ACTION:DISPLAY", "DESCRIPTION:x", "END:VALARM"]
        lines = ["BEGIN:VEVENT", *alarm, *alarm, "UID:event", "END:VEVENT"]
        assert split(text(*lines)) == {"event": text(*lines)}

    @pytest.mark.parametrize(
        ("written", "uid"),
        [
            ("UID:a\\,b\\;c\\\\d", "a,b;c\\d"),
            ("UID:lo\r\n ng\r\n er", "longer"),
            ("uid;X-P=1:small", "small"),
            ('UID;X-P=":x;":quoted', "quoted"),
            ("UID: blank ", "blank"),
            ("UID:日本語", "日本語"),
            ("UID:a:b/c?d", "a:b/c?d"),
        ],
    )
    def test_uids_as_they_are_written(self, written: str, uid: str) -> None:
        assert list(split(text("BEGIN:VEVENT", written, "END:VEVENT"))) == [uid]

    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    @pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
    def test_line_ends_and_byte_order_mark(self, end: str, bom: bytes) -> None:
        data = text(*event("a"), end=end)
        assert split(bom + data) == {"a": data}

    def test_no_line_end_at_the_end(self) -> None:
        assert split(text(*event("a")).rstrip()) == {"a": text(*event("a"))}

    def test_lower_case(self) -> None:
        found = split(b"begin:vcalendar\r\nversion:2.0\r\nbegin:vevent\r\nuid:a\r\nend:vevent\r\nend:vcalendar\r\n")
        assert [one.name for one in components(found["a"])] == ["VEVENT"]

    def test_several_calendars_in_one_file(self) -> None:
        one, two = text(*zone("Z"), *event("a")), text(*event("b", "DTEND;TZID=Z:20261116T100000"))
        assert split(one + b"\r\n" + two) == {"a": text(*event("a")), "b": two}

    def test_text_that_only_looks_like_a_component(self) -> None:
        lines = event(
            "a", "DESCRIPTION:see\\nBEGIN:VEVENT\\nEND:VEVENT", "COMMENT:folded\r\n BEGIN:VEVENT\r\n END:VCALENDAR"
        )
        assert split(text(*lines)) == {"a": text(*lines)}

    def test_a_calendar_with_nothing_in_it_is_a_feed_with_no_items(self) -> None:
        assert split(text()) == {}
        assert split(text(*zone("Z"))) == {}

    def test_the_title(self) -> None:
        assert (
            Feed(bytearray(text("X-WR-CALNAME:Holi\r\n days\\, all", *event("a", "NAME:no"))), "").title
            == "Holidays, all"
        )
        assert Feed(bytearray(text(*event("a", "NAME:no"))), "").title == ""

    def test_the_example_office_comes_out_as_it_went_in(self) -> None:
        """Every event of the example calendars, joined to one feed, is found again with all its lines."""
        lines: dict[str, list[tuple[str, ...]]] = {}
        zones: dict[str, bytes] = {}
        parts = []
        for path in OFFICE:
            for one in components(path.read_bytes()):
                if one.name == "VTIMEZONE":
                    zones.setdefault(one.value("TZID"), one.to_bytes())
                else:
                    lines.setdefault(one.value("UID"), []).append(one.texts())
                    parts.append(one.to_bytes().rstrip(b"\r\n") + b"\r\n")
        random.Random(1).shuffle(parts)
        head, tail = text().split(b"END:VCALENDAR")
        feed = Feed(bytearray(head + b"".join(zones.values()) + b"".join(parts) + b"END:VCALENDAR" + tail), "office")
        found: dict[str, list[tuple[str, ...]]] = {}
        for href in feed.items:
            members = [one for one in components(feed.body(href)) if one.name != "VTIMEZONE"]
            found.setdefault(members[0].value("UID"), []).extend(one.texts() for one in members)
        assert len(found) > 200
        assert {uid: sorted(every) for uid, every in found.items()} == {
            uid: sorted(set(every)) for uid, every in lines.items()
        }


class TestOddItems:
    """One bad item stops nothing."""

    def test_without_a_uid(self) -> None:
        found = split(
            text(*event("", "SUMMARY:one"), *event("a"), *event("", "SUMMARY:two"), *event("", "SUMMARY:one"))
        )
        assert len(found) == 3, "the same twice is once"
        assert found["a"] == text(*event("a"))
        assert {data for href, data in found.items() if href.startswith("no-uid-")} == {
            text(*event("", "SUMMARY:one")),
            text(*event("", "SUMMARY:two")),
        }

    def test_the_same_event_twice_is_one(self) -> None:
        twice = [*event("a", "DTSTAMP:20260101T000000Z"), *event("a", "DTSTAMP:20260202T000000Z")]
        assert list(split(text(*twice))) == ["a"]

    def test_two_events_with_one_uid_are_two_items_whatever_their_order(self) -> None:
        one, two = event("a", "SUMMARY:one"), event("a", "SUMMARY:two")
        found = split(text(*one, *two))
        assert sorted(found.values()) == [text(*one), text(*two)]
        assert "a" in found
        assert split(text(*two, *one)) == found

    def test_an_event_and_a_task_with_one_uid_are_two_items(self) -> None:
        found = split(text(*event("a"), *event("a", kind="VTODO")))
        assert sorted(found.values()) == [text(*event("a")), text(*event("a", kind="VTODO"))]

    def test_one_uid_in_two_calendars_of_a_file(self) -> None:
        found = split(text(*event("a", "SUMMARY:one")) + text(*event("a", "SUMMARY:two")))
        assert len(found) == 2

    @pytest.mark.parametrize(
        "broken",
        [
            ["BEGIN:VEVENT", "UID:broken"],
            ["BEGIN:VEVENT", "UID:broken", "END:VTODO"],
            ["BEGIN:VEVENT", "UID:broken", "BEGIN:VALARM", "END:VEVENT"],
            ["BEGIN:VEVENT", "UID:broken", "BEGIN:VALARM"],
            ["BEGIN:VEVENT", "UID:broken", "END:VALARM", "END:VEVENT"],
            ["BEGIN:VEVENT", "UID:broken", "no colon", "END:VEVENT"],
        ],
    )
    @pytest.mark.parametrize("before", [True, False])
    def test_a_broken_one_harms_no_other(self, broken: list[str], before: bool) -> None:
        others = [*event("a"), *event("b")]
        found = split(text(*(broken + others if before else others + broken)))
        assert found["a"] == text(*event("a"))
        assert found["b"] == text(*event("b"))
        assert "broken" in found

    def test_an_end_that_closes_nothing(self) -> None:
        assert list(split(text("END:VEVENT", *event("a"), "END:VTODO", *event("b")))) == ["a", "b"]

    @pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.stem)
    def test_every_hostile_item_in_the_middle_of_a_feed(self, path: Path) -> None:
        """Whatever one event holds, the events around it come out as they are."""
        data = path.read_bytes()
        start, end = data.find(b"BEGIN:VEVENT"), data.rfind(b"END:VEVENT")
        if start < 0 or end < 0:
            start, end = 0, 0  # holds no event: the others must come out all the same
        inner = data[start : end + 12] if end else b"\r\n"
        first, rest = text(*event("first-one")).split(b"END:VCALENDAR\r\n")
        last = "\r\n".join(event("last-one")).encode()
        found = split(first + inner + b"\r\n" + last + b"\r\nEND:VCALENDAR\r\n" + rest)
        for uid in ("first-one", "last-one"):
            [one] = components(found[uid])
            assert list(one.texts()) == event(uid)

    def test_bytes_that_are_not_utf8(self) -> None:
        data = text(*event("a", "SUMMARY:Gr\xfc\xdfe"), *event("b")).decode().encode("latin-1")
        found = split(data)
        assert b"Gr\xfc\xdfe" in found["a"], "not guessed, not repaired: refused when it is read"
        assert found["b"] == text(*event("b"))


class TestEtags:
    def test_change_with_the_item_only(self) -> None:
        before = etags(text(*event("a", "SUMMARY:one"), *event("b")))
        after = etags(text(*event("a", "SUMMARY:two"), *event("b")))
        assert before["a"] != after["a"]
        assert before["b"] == after["b"]

    def test_do_not_change_with_what_each_download_sets_anew(self) -> None:
        before = text("LAST-MODIFIED:20260101T000000Z", *event("a", "DTSTAMP:20260101T000000Z"))
        after = text("LAST-MODIFIED:20260202T000000Z", *event("a", "DTSTAMP:20260202T000000Z"))
        assert etags(before) == etags(after)

    def test_change_with_an_override(self) -> None:
        override = event("a", "RECURRENCE-ID:20261117T090000Z")
        assert etags(text(*event("a"))) != etags(text(*event("a"), *override))

    def test_change_with_the_zone(self) -> None:
        item = event("a", "DTEND;TZID=Z:20261116T100000")
        other = [line.replace("+0100", "+0300") for line in zone("Z")]
        assert etags(text(*zone("Z"), *item)) != etags(text(*other, *item))

    def test_do_not_change_with_the_order_of_the_file(self) -> None:
        every = [event(uid) for uid in "abcd"]
        assert etags(text(*every[0], *every[1])) == etags(text(*every[1], *every[0]))


class TestNeverDeletions:
    """What is no whole calendar is an error of the store."""

    WHOLE = text(*zone("Z"), *event("a", "DTEND;TZID=Z:20261116T100000"), *event("b"))

    @pytest.mark.parametrize("size", range(0, len(WHOLE) - 2, 7))
    def test_a_download_cut_off_anywhere(self, size: int) -> None:
        with pytest.raises(Permanent) as caught:
            split(self.WHOLE[:size])
        assert caught.value.where == "the test"
        assert caught.value.why
        assert caught.value.hint

    def test_one_of_two_calendars_cut_off(self) -> None:
        cut = self.WHOLE.removesuffix(b"END:VCALENDAR\r\n")
        for data in (cut + self.WHOLE, self.WHOLE + cut):
            with pytest.raises(Permanent, match="cut off"):
                split(data)

    @pytest.mark.parametrize(
        ("data", "why"),
        [
            (b"", "empty"),
            (b"\r\n \n", "empty"),
            (b"<!DOCTYPE html><html><body>Sign in</body></html>", "web page"),
            (b"  \n<html>", "web page"),
            (b'{"error": "not found"}', "BEGIN:VCALENDAR"),
            ("BEGIN:VCALENDAR".encode("utf-16"), "UTF-16"),
            (b"\x1f\x8b\x08\x00rest", "compressed"),
            (b"BEGIN:VCARD\r\nEND:VCARD\r\n", "BEGIN:VCARD"),
            (b"\x00" * 100, "BEGIN:VCALENDAR"),
        ],
    )
    def test_something_else(self, data: bytes, why: str) -> None:
        with pytest.raises(Permanent, match=why):
            split(data)


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer(text(*event("a"), *event("b")).decode()) as server:
        yield server


def open_feed(url: str, **options: object) -> FeedCollection:
    found = CONNECTOR.open("feed", {"url": url, **options}).open("")
    assert found is not None
    return found


class TestConditional:
    def publish(self, server: FeedServer, *uids: str) -> None:
        server.publish(text(*(line for uid in uids for line in event(uid))).decode(), modified=2_000_000_000)

    @pytest.mark.parametrize(("etag", "modified"), [(True, True), (True, False), (False, True)])
    def test_nothing_changed_costs_one_request_without_a_body(
        self, server: FeedServer, etag: bool, modified: bool
    ) -> None:
        server.etag, server.last_modified = etag, modified
        first = open_feed(server.url).changes(None)
        assert len(list(first)) == 2
        again = open_feed(server.url).changes(first.token)
        assert not again.full
        assert list(again) == []
        assert [one.status for one in server.requests] == [200, 304]
        third = open_feed(server.url).changes(again.token)
        assert list(third) == []
        assert server.requests[-1].status == 304

    def test_a_server_without_validators(self, server: FeedServer) -> None:
        server.etag = server.last_modified = False
        first = open_feed(server.url).changes(None)
        again = open_feed(server.url).changes(first.token)
        assert (again.full, list(again)) == (False, [])
        assert [one.status for one in server.requests] == [200, 200]

    def test_a_change_is_a_full_listing(self, server: FeedServer) -> None:
        first = open_feed(server.url).changes(None)
        self.publish(server, "b", "c")
        again = open_feed(server.url).changes(first.token)
        assert again.full
        assert [one.href for one in again] == ["b", "c"]

    def test_a_304_that_nobody_asked_for_is_an_error(self, server: FeedServer) -> None:
        server.status = 304
        with pytest.raises(Permanent, match="304"):
            open_feed(server.url).changes(None)

    def test_the_cursor_of_another_feed_is_not_used(self, server: FeedServer) -> None:
        token = open_feed(server.url).changes(None).token
        assert open_feed(server.url + "?other").changes(token).full
        assert server.requests[-1].status == 200

    def test_items_are_served_from_the_listing(self, server: FeedServer) -> None:
        feed = open_feed(server.url)
        hrefs = [one.href for one in feed.changes(None)]
        self.publish(server, "x")
        assert [one.data is not None for one in feed.fetch(hrefs)] == [True, True]
        assert len(server.requests) == 1

    def test_items_can_be_fetched_after_a_304(self, server: FeedServer) -> None:
        token = open_feed(server.url).changes(None).token
        feed = open_feed(server.url)
        assert list(feed.changes(token)) == []
        assert read(feed, "a").data == text(*event("a"))
        assert [one.status for one in server.requests] == [200, 304, 200]

    def test_a_cursor_comes_back_as_it_was(self) -> None:
        cursor = Cursor("where", "digest", Validators('"tag"', "Sat, 21 Nov 2026 00:00:00 GMT"))
        assert Cursor.parse(str(cursor)) == cursor

    @pytest.mark.parametrize("token", [None, "", "x", "{}", "[]", "1", '{"v": 0}', '{"v": 1, "where": "x"}', "null"])
    def test_a_strange_cursor_is_none(self, token: str | None) -> None:
        assert Cursor.parse(token) is None


class TestServer:
    @pytest.mark.parametrize(
        ("status", "kind"),
        [(404, Permanent), (410, Permanent), (403, Permanent), (401, LoginRefused), (500, Transient), (204, Permanent)],
    )
    def test_an_error_status_is_an_error(self, server: FeedServer, status: int, kind: type[StoreError]) -> None:
        server.status = status
        with pytest.raises(kind) as caught:
            open_feed(server.url).changes(None)
        assert server.url in caught.value.where
        assert caught.value.why
        assert caught.value.hint

    def test_an_error_when_fetching_is_never_gone(self, server: FeedServer) -> None:
        server.status = 404
        found = list(open_feed(server.url).fetch(["a", "b"]))
        assert len(found) == 2
        assert all(one.data is None and "404" in one.error for one in found)

    def test_a_login_page_with_status_200(self, server: FeedServer) -> None:
        token = open_feed(server.url).changes(None).token
        server.publish("<html><form>password</form></html>", modified=2_000_000_000)
        with pytest.raises(Permanent, match="web page"):
            open_feed(server.url).changes(token)

    def test_a_body_that_ends_too_early(self, server: FeedServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """Fewer bytes than Content-Length says: tried again, then an error, whatever the bytes are."""
        send = FeedServer._answer

        def cut(self: FeedServer, handler: object) -> None:
            handler.close_connection = True  # type: ignore[attr-defined]
            header = handler.send_header  # type: ignore[attr-defined]
            handler.send_header = lambda name, value: header(  # type: ignore[attr-defined]
                name, str(int(value) + 5) if name == "Content-Length" else value
            )
            send(self, handler)  # type: ignore[arg-type]

        monkeypatch.setattr(FeedServer, "_answer", cut)
        client = Client("feed", server.url, retries=Retries(attempts=2, first=0.01))
        with pytest.raises(Transient):
            FeedCollection(WebSource(client, server.url)).changes(None)
        assert len(server.requests) == 2

    def test_the_login_is_sent_and_not_shown(self, server: FeedServer) -> None:
        url = server.url.replace("http://", "http://ana:s%40cret@")
        list(open_feed(url).changes(None))
        list(open_feed(server.url, username="ana", password="s@cret").changes(None))
        assert [one.headers["Authorization"] for one in server.requests] == [Login("ana", "s@cret").header] * 2
        server.status = 404
        with pytest.raises(Permanent) as caught:
            open_feed(url).changes(None)
        assert "cret" not in str(caught.value) + str(caught.value.to_json())

    def test_check(self, server: FeedServer) -> None:
        server.publish(text("X-WR-CALNAME:Days", *event("a"), *event("")).decode())
        store = CONNECTOR.open("feed", {"url": server.url})
        assert [one.what for one in store.check()] == [
            "the feed comes over an open connection",
            "Days: 2 items",
            "1 of 2 items have no UID and are left out",
        ]
        assert len(server.requests) == 1
        server.status = 410
        assert "410" in [one.why for one in store.check()][-1]

    def test_collections(self, server: FeedServer) -> None:
        server.publish(text("X-WR-CALNAME:Days", *event("a")).decode())
        [found] = CONNECTOR.open("feed", {"url": server.url}).collections()
        assert (found.name, found.title, found.items, found.writable) == ("", "Days", 1, False)


class TestFile:
    def test_nothing_changed(self, tmp_path: Path) -> None:
        path = tmp_path / "feed.ics"
        path.write_bytes(text(*event("a")))
        store = CONNECTOR.open("feed", {"path": path})
        feed = store.open("")
        assert feed is not None
        first = feed.changes(None)
        assert list(feed.changes(first.token)) == []
        path.write_bytes(text(*event("b")))
        assert [one.href for one in feed.changes(first.token) if isinstance(one, Entry)] == ["b"]

    @pytest.mark.parametrize("make", ["nothing", "folder", "empty"])
    def test_what_cannot_be_read(self, tmp_path: Path, make: str) -> None:
        path = tmp_path / "feed.ics"
        if make == "folder":
            path.mkdir()
        elif make == "empty":
            path.touch()
        feed = CONNECTOR.open("feed", {"path": path}).open("")
        assert feed is not None
        with pytest.raises(Permanent) as caught:
            listing(feed)
        assert str(path) in str(caught.value)
        assert caught.value.hint

    def test_every_example_calendar_can_be_a_feed(self, tmp_path: Path) -> None:
        for path in OFFICE[:50]:
            shutil.copy(path, tmp_path / "feed.ics")
            feed = CONNECTOR.open("feed", {"path": tmp_path / "feed.ics"}).open("")
            assert feed is not None
            assert len(listing(feed)) == 1, path.name


class TestOptions:
    @pytest.mark.parametrize("options", [{}, {"url": "http://example.org/x.ics", "path": "/x.ics"}])
    def test_exactly_one_place(self, options: dict[str, object]) -> None:
        with pytest.raises(ConfigError, match="exactly one") as caught:
            CONNECTOR.open("feed", options)
        assert caught.value.hint

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "calendar.ics",
            "ftp://example.org/x.ics",
            "http://",
            "http://example.org:port/x",
            "file:///x.ics",
            "http://[::1",
        ],
    )
    def test_no_address(self, url: str) -> None:
        with pytest.raises(ConfigError, match="feed"):
            CONNECTOR.open("feed", {"url": url})

    @pytest.mark.parametrize(
        ("given", "asked"),
        [
            ("webcal://example.org/x.ics", "http://example.org/x.ics"),
            ("WebCal://example.org/x.ics", "http://example.org/x.ics"),
            ("webcals://example.org/x.ics", "https://example.org/x.ics"),
            (" https://example.org/X.ics ", "https://example.org/X.ics"),
        ],
    )
    def test_webcal(self, given: str, asked: str) -> None:
        assert plain_url(given) == asked

    def test_only_the_feed_itself_can_be_opened(self, tmp_path: Path) -> None:
        store = CONNECTOR.open("feed", {"path": tmp_path})
        assert store.open("team") is None
        assert store.create("") is not None
        with pytest.raises(Permanent, match="feed"):
            store.create("team")
