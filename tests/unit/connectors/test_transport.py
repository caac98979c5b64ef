"""The transport by itself: bodies in every framing, connections that die between two requests, proxies."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from trueup.connectors.http import Answer, Client, Login, Retries
from trueup.connectors.transport import NoAddress, Pool, TransportError, Undecodable, target_of
from trueup.model.errors import Permanent, Transient

ONCE = Retries(attempts=1)


class Raw:
    """A server that answers each request with the bytes it is told, and keeps what it was asked."""

    def __init__(self, answers: list[bytes], *, hang_up_after: int = 0) -> None:
        self._answers = iter(answers)
        self._hang_up_after = hang_up_after
        self.asked: list[bytes] = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            count = 0
            while head := b"".join(iter(stream.readline, b"\r\n")):
                self.asked.append(head)
                answer = next(self._answers)
                connection.sendall(answer)
                count += 1
                if count == self._hang_up_after or b"Connection: close" in answer or b"HTTP/1.0" in answer:
                    return

    def close(self) -> None:
        self._listener.close()


@contextmanager
def raw(*answers: bytes, hang_up_after: int = 0) -> Iterator[Raw]:
    server = Raw(list(answers), hang_up_after=hang_up_after)
    try:
        yield server
    finally:
        server.close()


def answer(body: bytes, *headers: str, version: str = "1.1", length: int | None = None) -> bytes:
    lines = [f"HTTP/{version} 200 OK", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chunked(*parts: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    framed = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + framed + end


def ask(server: Raw) -> bytes:
    pool = Pool(server.url, 1)
    found = pool.request("GET", "/", None, {}, 5)
    body = b"".join(found.stream())
    found.finish()
    pool.close()
    return body


class TestBodies:
    @pytest.mark.parametrize(
        "sent",
        [
            answer(b"x" * 200_000),
            chunked(b"x" * 65_536, b"x" * 65_536, b"x" * 68_928),
            answer(b"x" * 200_000, version="1.0"),
            b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 200_000,
            answer(gzip.compress(b"x" * 200_000), "Content-Encoding: gzip"),
        ],
        ids=["length", "chunked", "http-1.0", "until the end", "gzip"],
    )
    def test_arrive_whole(self, sent: bytes) -> None:
        with raw(sent) as server:
            assert ask(server) == b"x" * 200_000

    @pytest.mark.parametrize(
        "sent",
        [
            answer(b"x" * 100, "Connection: close", length=200_000),
            answer(b"x" * 70_000, "Connection: close", length=200_000),
            chunked(b"x" * 100, end=b""),
            chunked(b"x" * 65_536, end=b"10\r\nhalf"),
        ],
        ids=["short", "short after a piece", "no last chunk", "half a chunk"],
    )
    def test_that_break_off_are_never_taken_for_whole(self, sent: bytes) -> None:
        with raw(sent, hang_up_after=1) as server, pytest.raises(TransportError):
            ask(server)

    @pytest.mark.parametrize(
        "packed", [gzip.compress(b"x" * 9_000, mtime=0)[:-9], b"not gzip at all"], ids=["cut off", "none"]
    )
    def test_that_cannot_be_unpacked(self, packed: bytes) -> None:
        with raw(answer(packed, "Content-Encoding: gzip")) as server, pytest.raises(Undecodable):
            ask(server)

    def test_headers_that_stand_twice_are_joined(self) -> None:
        with raw(answer(b"", "DAV: 1, 2", "DAV: calendar-access")) as server:
            found = Pool(server.url, 1).request("OPTIONS", "/", None, {}, 5)
            assert found.headers["dav"] == "1, 2, calendar-access"
            found.close()


class TestConnections:
    def test_one_that_the_server_closed_meanwhile_is_not_used_again(self) -> None:
        with raw(answer(b"a"), answer(b"b"), hang_up_after=1) as server:
            client = Client("work", server.url, retries=ONCE)
            assert client.send("PUT", server.url, body_of, repeat=False) == b"a"
            # Its goodbye has to arrive first; after that no request may be lost to it.
            while not client._pool(server.url)._idle or not readable(client):
                threading.Event().wait(0.01)
            assert client.send("PUT", server.url, body_of, repeat=False) == b"b"
            assert server.connections == 2

    def test_a_failed_request_makes_room_for_the_next(self) -> None:
        with raw(b"nonsense\r\n\r\n", answer(b"b"), hang_up_after=1) as server:
            client = Client("work", server.url, parallel=1, retries=ONCE)
            with pytest.raises(Transient):
                client.send("GET", server.url, body_of)
            assert client.send("GET", server.url, body_of) == b"b"

    @pytest.mark.parametrize("url", ["http://", "ftp://example.com", "http://host:port/"])
    def test_what_is_no_address(self, url: str) -> None:
        with pytest.raises((NoAddress, ValueError)):
            Pool(url, 1)


class TestTargets:
    @pytest.mark.parametrize(
        ("url", "sent"),
        [
            ("http://h", "/"),
            ("http://h/a%20b?q=1", "/a%20b?q=1"),
            ("http://h/Büro von Ana/", "/B%C3%BCro%20von%20Ana/"),
        ],
    )
    def test_are_escaped(self, url: str, sent: str) -> None:
        assert target_of(url) == sent


class TestProxies:
    @pytest.fixture
    def proxied(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Raw], Client]:
        def make(url: str, proxy: Raw) -> Client:
            for name in ("http_proxy", "https_proxy"):
                monkeypatch.setenv(name, proxy.url.replace("http://", "http://me:secret@"))
            monkeypatch.delenv("no_proxy", raising=False)
            return Client("work", url, login=Login("ana", "x"), retries=ONCE)

        return make

    def test_gets_the_whole_address(self, proxied: Callable[[str, Raw], Client]) -> None:
        with raw(answer(b"through")) as proxy:
            assert proxied("http://calendar.test/", proxy).send("GET", "http://calendar.test/a/", body_of) == b"through"
            assert proxy.asked[0].startswith(b"GET http://calendar.test:80/a/ HTTP/1.1")
            assert b"Proxy-Authorization: Basic bWU6c2VjcmV0" in proxy.asked[0]

    def test_makes_a_tunnel_for_https_and_never_sees_the_login(self, proxied: Callable[[str, Raw], Client]) -> None:
        with raw(b"HTTP/1.1 502 Bad Gateway\r\n\r\n", hang_up_after=1) as proxy:
            with pytest.raises(Transient, match="502"):
                proxied("https://calendar.test/", proxy).send("GET", "https://calendar.test/", body_of)
            assert proxy.asked[0].startswith(b"CONNECT calendar.test:443")
            assert b"\r\nAuthorization" not in proxy.asked[0]

    def test_is_left_out_where_the_environment_says_so(
        self, proxied: Callable[[str, Raw], Client], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with raw() as proxy, raw(answer(b"direct")) as server:
            client = proxied(server.url, proxy)
            monkeypatch.setenv("no_proxy", "127.0.0.1")
            assert client.send("GET", server.url, body_of) == b"direct"
            assert not proxy.asked


def test_an_address_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Permanent, match="not an address"):
        Client("work", "http:///calendars", retries=ONCE).send("GET", "http:///calendars", body_of)


def body_of(found: Answer) -> bytes:
    return found.read()


def readable(client: Client) -> bool:
    import select

    (pool,) = client._pools.values()
    return bool(select.select([pool._idle[0].sock], [], [], 0)[0])
