"""The proxy changes nothing by itself, and breaks exactly what it was told to break."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from tests.support.proxy import Exchange, Proxy, Reset
from tests.support.servers import Dav, Radicale, Xandikos
from tests.support.slow_network import SlowNetwork
from tests.support_tests.samples import event


class Handler(BaseHTTPRequestHandler):
    """Answers in every way that HTTP/1 knows; what it was asked to do is in the path."""

    protocol_version = "HTTP/1.1"
    done: list[str]

    def do_GET(self) -> None:
        self.done.append(self.path)
        if self.path == "/chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: 1\r\n\r\n")
        elif self.path == "/until-close":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"all there is")
            self.close_connection = True
        elif self.path == "/processing":
            self.wfile.write(b"HTTP/1.1 102 Processing\r\n\r\n")
            self._say(200, b"done")
        elif self.path == "/nothing":
            self.send_response(204)
            self.end_headers()
        elif self.path == "/unchanged":
            self.send_response(304)
            self.send_header("Content-Length", "7")  # of the body it does not send
            self.end_headers()
        elif self.path == "/bye":
            self.close_connection = True
        else:
            self._say(200, b"content")

    do_HEAD = do_GET

    def do_PUT(self) -> None:
        self.done.append(self.path)
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers["Content-Length"]))
        self._say(201, body)

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


class Recording(ThreadingHTTPServer):
    daemon_threads = True
    # With the usual five, the sixth of many clients waits a second for the kernel to try again.
    request_queue_size = 128


@pytest.fixture
def done() -> list[str]:
    """The paths that the server behind the proxy really got."""
    return []


@pytest.fixture
def proxy(done: list[str]) -> Iterator[Proxy]:
    server = Recording(("127.0.0.1", 0), type("Bound", (Handler,), {"done": done}))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    with Proxy(f"http://127.0.0.1:{server.server_port}/") as it:
        yield it
    server.shutdown()
    server.server_close()


@pytest.fixture
def client(proxy: Proxy) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=5)
    yield connection
    connection.close()


def ask(client: http.client.HTTPConnection, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    client.request(method, path, body)
    response = client.getresponse()
    return response.status, response.read()


def test_every_kind_of_answer_passes_on_one_connection(client: http.client.HTTPConnection, proxy: Proxy) -> None:
    assert ask(client, "GET", "/a") == (200, b"content")
    assert ask(client, "HEAD", "/a") == (200, b"")
    assert ask(client, "GET", "/nothing") == (204, b"")
    assert ask(client, "GET", "/unchanged") == (304, b"")
    assert ask(client, "GET", "/chunked") == (200, b"hello world")
    assert ask(client, "PUT", "/b", b"x" * 300_000) == (201, b"x" * 300_000)
    assert ask(client, "GET", "/a") == (200, b"content")
    assert proxy.connections == 1
    assert ask(client, "GET", "/until-close") == (200, b"all there is")
    assert ask(client, "GET", "/a") == (200, b"content")
    assert proxy.connections == 2
    for _ in range(500):  # the last answer may be here before it is written down there
        if all(e.status is not None for e in proxy.exchanges):
            break
        time.sleep(0.01)
    assert [e.status for e in proxy.exchanges] == [200, 200, 204, 304, 200, 201, 200, 200, 200]
    assert proxy.exchanges[4].response is not None
    assert proxy.exchanges[4].response.body == b"hello world"


def test_chunked_requests_expectations_and_processing(proxy: Proxy) -> None:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as raw:
        stream = raw.makefile("rb")
        raw.sendall(b"PUT /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n")
        assert stream.readline() == b"HTTP/1.1 100 Continue\r\n"
        stream.readline()
        raw.sendall(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        assert stream.readline().startswith(b"HTTP/1.1 201")
        while stream.readline() != b"\r\n":
            pass
        assert stream.read(5) == b"abcde"
        raw.sendall(b"GET /processing HTTP/1.1\r\nHost: x\r\n\r\n")
        assert stream.readline().startswith(b"HTTP/1.1 102")
        stream.readline()
        assert stream.readline().startswith(b"HTTP/1.1 200")
    assert proxy.exchanges[0].request.body == b"abcde"


def test_reset_before_forwarding(client: http.client.HTTPConnection, proxy: Proxy, done: list[str]) -> None:
    rule = proxy.on("PUT", nth=2).reset_before_forwarding()
    assert ask(client, "PUT", "/1", b"")[0] == 201
    with pytest.raises(ConnectionResetError):
        ask(client, "PUT", "/2", b"")
    client.close()
    assert ask(client, "PUT", "/3", b"")[0] == 201
    assert done == ["/1", "/3"]
    assert [hit.path for hit in rule.hits] == ["/2"]
    assert (proxy.count("PUT", forwarded=True), proxy.count("PUT", forwarded=False)) == (2, 1)


def test_reset_before_answering(client: http.client.HTTPConnection, proxy: Proxy, done: list[str]) -> None:
    proxy.on("PUT", path="/2").reset_before_answering()
    assert ask(client, "PUT", "/1", b"")[0] == 201
    with pytest.raises(ConnectionResetError):
        ask(client, "PUT", "/2", b"")
    assert done == ["/1", "/2"]


@pytest.mark.parametrize(("fault", "reached"), [("hang_before_forwarding", []), ("hang_before_answering", ["/1"])])
def test_hang(
    fault: str, reached: list[str], client: http.client.HTTPConnection, proxy: Proxy, done: list[str]
) -> None:
    rule = getattr(proxy.on(times=1), fault)()
    client.timeout = 0.2
    with pytest.raises(TimeoutError):
        ask(client, "PUT", "/1", b"")
    client.close()
    assert done == reached
    assert ask(client, "PUT", "/2", b"")[0] == 201
    rule.release()


def test_a_released_hang_ends_in_a_reset(client: http.client.HTTPConnection, proxy: Proxy) -> None:
    rule = proxy.on().hang_before_answering()
    threading.Timer(0.1, rule.release).start()
    with pytest.raises(ConnectionResetError):
        ask(client, "GET", "/1")


def test_made_up_answers(client: http.client.HTTPConnection, proxy: Proxy, done: list[str]) -> None:
    proxy.on(nth=1).too_many_requests(retry_after=7)
    proxy.on(nth=2, times=2).unavailable()
    proxy.on(nth=4).answer_instead(504)
    client.request("GET", "/1")
    response = client.getresponse()
    assert (response.status, response.headers["Retry-After"], response.read()) == (429, "7", b"")
    assert [ask(client, "GET", f"/{n}")[0] for n in range(2, 6)] == [503, 503, 504, 200]
    assert done == ["/4", "/5"]
    assert proxy.connections == 1


def test_truncate(client: http.client.HTTPConnection, proxy: Proxy) -> None:
    proxy.on("GET").truncate(after=3)
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask(client, "GET", "/1")
    assert caught.value.partial == b"con"


def test_calls_at_each_point(client: http.client.HTTPConnection, proxy: Proxy, done: list[str]) -> None:
    seen: list[tuple[str, int, int | None]] = []
    finished = threading.Event()

    def note(point: str) -> object:
        def hook(exchange: Exchange) -> None:
            seen.append((point, len(done), exchange.status))
            if point == "passed":
                finished.set()

        return hook

    points = ["received", "answered", "passing", "passed"]
    proxy.on(nth=1).call(**{point: note(point) for point in points})  # type: ignore[arg-type]
    ask(client, "GET", "/1")
    assert finished.wait(2)
    assert seen == [("received", 0, None), ("answered", 1, None), ("passing", 1, None), ("passed", 1, 200)]


def test_a_call_can_kill_the_client_before_it_hears(proxy: Proxy, done: list[str]) -> None:
    program = f"import urllib.request; urllib.request.urlopen({proxy.url + 'x'!r}); print('heard')"
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    proxy.on(nth=1).call(answered=lambda _: process.kill())
    output, _ = process.communicate(timeout=20)
    assert (output, process.returncode, done) == (b"", -9, ["/x"])


def test_a_failing_callback_fails_the_test() -> None:
    def wrong(_: Exchange) -> None:
        raise AssertionError("the test's own check")

    failing = Proxy("http://127.0.0.1:1/").start()
    failing.on().call(received=wrong)
    with pytest.raises(http.client.RemoteDisconnected):
        Dav(failing.url).get("")
    with pytest.raises(AssertionError, match="own check"):
        failing.__exit__(None, None, None)


def test_a_callback_may_reset(client: http.client.HTTPConnection, proxy: Proxy) -> None:
    def reset(_: Exchange) -> None:
        raise Reset

    proxy.on(when=lambda request: request.body == b"b").call(answered=reset)
    assert ask(client, "PUT", "/1", b"a")[0] == 201
    with pytest.raises(ConnectionResetError):
        ask(client, "PUT", "/1", b"b")


def test_a_server_that_closes_or_is_gone(client: http.client.HTTPConnection, proxy: Proxy) -> None:
    with pytest.raises(http.client.RemoteDisconnected):
        ask(client, "GET", "/bye")
    with Proxy("http://127.0.0.1:1/") as nowhere:
        assert Dav(nowhere.url).get("").status == 502


def test_round_trip_with_many_connections(proxy: Proxy) -> None:
    """Twenty connections with five requests each: every request waits, none waits for another connection."""
    proxy.round_trip(50)

    def work(_: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=20)
        for number in range(5):
            assert ask(connection, "GET", f"/{number}") == (200, b"content")
        connection.close()

    start = time.monotonic()
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(work, range(20)))
    took = time.monotonic() - start
    assert proxy.connections == 20
    assert 6 * 0.05 <= took < 2


def test_in_front_of_a_server_that_speaks_http_1_0(radicale: Radicale) -> None:
    calendar = radicale.make_calendar()
    with Proxy(radicale.url) as proxy:
        dav = Dav(proxy.through(calendar), radicale.login, radicale.password)
        dav.put("a.ics", event("a")).expect(201)
        assert len(dav.list("")) == 1
        assert "UID:a" in dav.get("a.ics").text
        first = proxy.exchanges[0].response
        assert first is not None
        assert first.head.startswith(b"HTTP/1.0 ")


def test_in_front_of_a_server_that_sends_chunks(xandikos: Xandikos) -> None:
    calendar = xandikos.make_calendar()
    with Proxy(xandikos.url) as proxy:
        dav = Dav(proxy.through(calendar))
        for number in range(3):
            dav.put(f"{number}.ics", event(str(number))).expect(201)
        assert len(dav.items("")) == 3
        proxy.on("REPORT").truncate(after=40)
        with pytest.raises(http.client.IncompleteRead):
            dav.sync("")


def test_slow_network_as_a_process(radicale: Radicale) -> None:
    calendar = radicale.make_calendar()
    with SlowNetwork(radicale.url, 40) as slow:
        assert urlsplit(slow.url).port == slow.port
        start = time.monotonic()
        assert radicale.dav().list(slow.through(calendar)) == {}
        assert time.monotonic() - start >= 0.08
