"""Hrefs, XML and cursors: what servers write, and what comes of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.connectors.dav.fetching import restored
from trueup.connectors.dav.hrefs import at, child, name_of, path_of
from trueup.connectors.dav.listing import Cursor
from trueup.connectors.dav.names import COLLECTION, DAV, ETAG, RESOURCE_TYPE
from trueup.connectors.dav.xml import NotXml, Response, read_multistatus, read_problem
from trueup.connectors.http import BrokenAnswer

MULTISTATUS = """<?xml version="1.0" encoding="utf-8"?>
<multistatus xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">
  <response>
    <href>/cal/</href>
    <propstat><prop><resourcetype><collection/><C:calendar/></resourcetype></prop><status>HTTP/1.1 200 OK</status></propstat>
    <propstat><prop><getetag/></prop><status>HTTP/1.1 404 Not Found</status></propstat>
  </response>
  <response>
    <href> http://other.example/cal/a%40b.ics </href>
    <propstat><prop><getetag>"ä&amp;1"</getetag></prop><status>HTTP/1.1 200 OK</status></propstat>
  </response>
  <response><href>/cal/gone.ics</href><status>HTTP/1.1 404 Not Found</status></response>
  <response><href>/cal/x.ics</href><href>/cal/y.ics</href><status>HTTP/1.1 403 Forbidden</status><error><need-privileges/></error></response>
  <sync-token>http://example.org/1</sync-token>
</multistatus>
""".encode()


def parse(data: bytes, size: int = 64) -> tuple[list[Response], str | None]:
    found: list[Response] = []
    token = read_multistatus((data[i : i + size] for i in range(0, len(data), size)), found.append)
    return found, token


class TestMultistatus:
    @pytest.mark.parametrize("size", [1, 7, 64, 100_000])
    def test_is_read_in_pieces(self, size: int) -> None:
        found, token = parse(MULTISTATUS, size)
        assert [one.href for one in found] == ["/cal/", "/cal/a@b.ics", "/cal/gone.ics", "/cal/x.ics", "/cal/y.ics"]
        assert [one.status for one in found] == [200, 200, 404, 403, 403]
        assert token == "http://example.org/1"
        assert found[0].has(RESOURCE_TYPE, COLLECTION)
        assert found[0].text(ETAG) is None, "a property the server does not have"
        assert found[1].text(ETAG) == '"ä&1"'
        assert found[3].error == {f"{DAV}need-privileges"}

    def test_cut_off_anywhere_is_an_error(self) -> None:
        """Never a short listing."""
        whole = len(MULTISTATUS.rstrip())
        for end in range(whole):
            with pytest.raises(BrokenAnswer):
                parse(MULTISTATUS[:end])

    @pytest.mark.parametrize(
        "body",
        [
            b"<html><body>login</body></html>",
            b"not xml",
            b'<multistatus xmlns="DAV:"><response></wrong></multistatus>',
            b'<multistatus xmlns="DAV:"><response>\x0b</response></multistatus>',
            b'<multistatus xmlns="other"/>',
        ],
    )
    def test_something_else(self, body: bytes) -> None:
        with pytest.raises(NotXml):
            parse(body)

    def test_entities_do_not_grow_without_end(self) -> None:
        levels = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
        bomb = f'<!DOCTYPE x [<!ENTITY l0 "lol">{levels}]><multistatus xmlns="DAV:"><response>&l9;</response></multistatus>'
        with pytest.raises(NotXml):
            parse(bomb.encode())

    def test_what_was_handed_over_is_forgotten(self) -> None:
        import tracemalloc

        def stream(count: int) -> int:
            row = '<response><href>/cal/%08d.ics</href><propstat><prop><getetag>"%040d"</getetag></prop></propstat></response>'
            pages = (
                "".join(row % (n, n) for n in range(start, start + 100)).encode() for start in range(0, count, 100)
            )
            seen = 0

            def each(_: Response) -> None:
                nonlocal seen
                seen += 1

            tracemalloc.start()
            read_multistatus((part for part in [b'<multistatus xmlns="DAV:">', *pages, b"</multistatus>"]), each)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert seen == count
            return peak - count * 210  # the generated text itself, which the list above holds

        assert stream(20_000) < stream(2_000) + 300_000


class TestProblem:
    def test_preconditions_with_hrefs_and_words(self) -> None:
        found = read_problem(
            b'<D:error xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><C:no-uid-conflict><D:href>/c/o%20.ics</D:href>'
            b"</C:no-uid-conflict><D:responsedescription>UID\n in use</D:responsedescription></D:error>"
        )
        assert found.conditions == {"{urn:ietf:params:xml:ns:caldav}no-uid-conflict"}
        assert found.hrefs == ("/c/o%20.ics",)
        assert found.words == "UID in use"

    @pytest.mark.parametrize(
        ("body", "words"), [(b"", ""), (b"Bad Request", "Bad Request"), (b"<html>no</html>", ""), (b"x" * 5000, "")]
    )
    def test_no_xml(self, body: bytes, words: str) -> None:
        found = read_problem(body)
        assert (found.conditions, found.words) == (frozenset(), words)


class TestHrefs:
    @pytest.mark.parametrize(
        ("href", "path"),
        [
            ("/a/b.ics", "/a/b.ics"),
            ("/a/x%40y.ics", "/a/x@y.ics"),
            ("/a/x@y.ics", "/a/x@y.ics"),
            ("/a/%7euser/", "/a/~user/"),
            ("/a/a b.ics", "/a/a%20b.ics"),
            ("/a/50%25.ics", "/a/50%25.ics"),
            ("/a/a%2fb.ics", "/a/a%2Fb.ics"),
            ("/a/ä.ics", "/a/%C3%A4.ics"),
            ("/a/%e4.ics", "/a/%E4.ics"),
            ("/a/a+b.ics", "/a/a+b.ics"),
            ("/a/%3F%23.ics", "/a/%3F%23.ics"),
            ("/a/q?x#y.ics", "/a/q%3Fx%23y.ics"),
            ("https://host:1/a/b.ics", "/a/b.ics"),
            ("//host/a/b.ics", "/a/b.ics"),
            ("", ""),
        ],
    )
    def test_one_spelling(self, href: str, path: str) -> None:
        assert path_of(href) == path

    @given(st.text(min_size=1).filter(lambda name: "/" not in name))
    def test_a_name_survives(self, name: str) -> None:
        try:
            name.encode()
        except UnicodeEncodeError:
            return
        url = child("http://host/home/", name)
        assert url.isascii()
        assert name_of(url) == name
        assert path_of(path_of(url)) == path_of(url)

    def test_at(self) -> None:
        assert at("http://h:1/a/b/", "c.ics") == "http://h:1/a/b/c.ics"
        assert at("http://h:1/a/b", "c.ics") == "http://h:1/a/c.ics"
        assert at("http://h:1/a/b/", "//other/x") == "http://other/x"
        assert at("http://h:1/a/b/", "/x%40y") == "http://h:1/x@y"
        assert at("http://h:1/a/b/", "https://p.example/x") == "https://p.example/x"
        assert at("http://h:1", "http://h:1") == "http://h:1/"


class TestCursor:
    URL = "http://h/cal/"

    def test_comes_back(self) -> None:
        for cursor in (Cursor(self.URL, sync='a"ä'), Cursor(self.URL, ctag="7")):
            assert Cursor.read(str(cursor), self.URL) == cursor

    def test_of_another_address_counts_for_nothing(self) -> None:
        """CTags are often plain numbers: 12 here is not 12 there."""
        assert Cursor.read(str(Cursor("http://other/cal/", ctag="12")), self.URL) == Cursor(self.URL)

    @pytest.mark.parametrize("text", [None, "", "no", "7", "[]", "{}", '{"url": 3}', "null", '"x"'])
    def test_anything_else_counts_for_nothing(self, text: str | None) -> None:
        assert Cursor.read(text, self.URL) == Cursor(self.URL)


def test_line_ends_that_xml_took_are_restored() -> None:
    assert restored("BEGIN:X\nEND:X\n") == b"BEGIN:X\r\nEND:X\r\n"
    assert restored("BEGIN:X\r\nEND:X\r\n") == b"BEGIN:X\r\nEND:X\r\n"
    assert restored("a\r\nb\nc") == b"a\r\nb\nc", "a server that sends its carriage returns is taken at its word"
