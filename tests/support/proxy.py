"""A network that can be made to fail: an HTTP proxy with real sockets in front of a real server.

    with Proxy(radicale.url) as proxy:
        proxy.on("PUT", nth=3).reset_before_answering()
        ...  # let the client use proxy.url
        assert proxy.count("PUT") == 10

See faults.py for what can be made to happen, and at which points.
"""

from __future__ import annotations

import contextlib
import itertools
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import BinaryIO, Self
from urllib.parse import urlsplit, urlunsplit

from tests.support.faults import ALWAYS, Closed, Exchange, Reset, Rule, Selection
from tests.support.process import HOST
from tests.support.wire import BrokenMessage, Request, Response, read_body, read_head, read_response

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Proxy:
    """Passes everything on unchanged until a rule says otherwise; `exchanges` records every request, in order."""

    def __init__(self, upstream: str, *, port: int = 0, record: bool = True) -> None:
        self._record_all = record
        self._upstream = urlsplit(upstream)
        self._listener = socket.create_server((HOST, port), backlog=256)
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._connections = itertools.count(1)
        self._rules: list[Rule] = []
        self._open: set[socket.socket] = set()
        self._stopping = threading.Event()
        self.exchanges: list[Exchange] = []
        # What failed in the proxy itself or in a test's callback; raised when the proxy closes.
        self.errors: list[BaseException] = []

    # -- for tests ------------------------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """The upstream address with the proxy's host and port."""
        return urlunsplit(("http", f"{HOST}:{self.port}", self._upstream.path, self._upstream.query, ""))

    def through(self, url: str) -> str:
        """An address on the server (a calendar's), as seen through the proxy."""
        parts = urlsplit(url)
        return urlunsplit(("http", f"{HOST}:{self.port}", parts.path, parts.query, ""))

    def on(
        self,
        method: str | None = None,
        *,
        path: str = "",
        when: Callable[[Request], bool] | None = None,
        nth: int | None = None,
        times: int | None = None,
    ) -> Selection:
        """Picks requests: by method, by a part of the path, by any predicate.

        Without `nth` every such request is meant, or the first `times` of them. With `nth` it is the n-th (from 1)
        such request after the rule was made, and the `times - 1` following ones.
        """

        def matches(request: Request) -> bool:
            return (
                (method is None or request.method == method)
                and path in request.path
                and (when is None or when(request))
            )

        count = times if times is not None else (ALWAYS if nth is None else 1)
        return Selection(self._add, matches, nth or 1, count)

    def round_trip(self, milliseconds: float, *, connecting: bool = True) -> Rule:
        return self.on().round_trip(milliseconds, connecting=connecting)

    def clear(self) -> None:
        """Removes all rules and forgets what was recorded."""
        with self._lock:
            for rule in self._rules:
                rule.remove()
            self._rules.clear()
            self.exchanges = []

    def count(self, method: str | None = None, *, path: str = "", forwarded: bool | None = None) -> int:
        """How many requests came; with `forwarded`, how many of those the server got (or did not get)."""
        return sum(
            1
            for exchange in list(self.exchanges)
            if (method is None or exchange.method == method)
            and path in exchange.path
            and (forwarded is None or exchange.forwarded == forwarded)
        )

    @property
    def connections(self) -> int:
        """How many connections the recorded requests came on."""
        return len({exchange.request.connection for exchange in list(self.exchanges)})

    # -- life -----------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        threading.Thread(target=self._accept, daemon=True, name="proxy").start()
        return self

    def close(self) -> None:
        self._stopping.set()
        for rule in self._rules:
            rule.release()
        # A blocked accept is not woken by closing the socket, but by shutting it down.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            still_open = list(self._open)
        for connection in still_open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.close()
        if self.errors and error is None:
            raise self.errors[0]

    # -- inside ---------------------------------------------------------------------------------------------------

    def _add(self, rule: Rule) -> Rule:
        with self._lock:
            self._rules.append(rule)
        return rule

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            number = next(self._connections)
            threading.Thread(target=self._serve, args=(client, number), daemon=True, name=f"proxy-{number}").start()

    def _serve(self, client: socket.socket, number: int) -> None:
        self._register(client)
        server = _Upstream(self._upstream.hostname or HOST, self._upstream.port or 80, self)
        try:
            with client.makefile("rb") as stream:
                self._converse(client, stream, server, number)
        except Reset:
            # Lingering for zero seconds makes close() send RST in place of FIN.
            with contextlib.suppress(OSError):
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except (Closed, OSError):
            pass
        except BaseException as error:
            self.errors.append(error)
        finally:
            server.close()
            self._forget(client)

    def _converse(self, client: socket.socket, stream: BinaryIO, server: _Upstream, number: int) -> None:
        first = True
        while not self._stopping.is_set():
            request = self._read_request(client, stream, number)
            if request is None:
                return
            exchange, rules = self._record(request, first)
            first = False
            self._visit("received", exchange, rules)
            if exchange.response is None:
                exchange.response = server.ask(client, exchange)
            self._visit("answered", exchange, rules)
            self._visit("passing", exchange, rules)
            self._pass_on(client, exchange)
            self._visit("passed", exchange, rules)
            if not (request.keeps_alive and exchange.response.keeps_alive):
                return

    def _read_request(self, client: socket.socket, stream: BinaryIO, connection: int) -> Request | None:
        head = read_head(stream)
        if not head:
            return None
        request = Request(head, b"")
        if request.headers.get("expect", "").lower() == "100-continue":
            # The proxy wants the whole body before it asks anybody, so it gives the permission by itself.
            client.sendall(CONTINUE)
            request = replace(request, head=_without(head, b"expect:"))
        return replace(request, raw_body=read_body(stream, request) or b"", at=time.monotonic(), connection=connection)

    def _record(self, request: Request, first: bool) -> tuple[Exchange, list[Rule]]:
        with self._lock:
            request = replace(request, number=next(self._numbers))
            exchange = Exchange(request, first, self._stopping)
            if self._record_all:
                self.exchanges.append(exchange)
            # Every rule counts every request, even where an earlier one already takes it.
            rules = [rule for rule in self._rules if rule.takes(request)]
            for rule in rules:
                if self._record_all:
                    rule.hits.append(exchange)
                exchange.faults.append(rule.label)
        return exchange, rules

    def _visit(self, point: str, exchange: Exchange, rules: list[Rule]) -> None:
        for rule in rules:
            hook = rule.hooks.get(point)
            if hook:
                hook(exchange)

    def _pass_on(self, client: socket.socket, exchange: Exchange) -> None:
        response = exchange.response
        assert response is not None
        body = b"" if exchange.method == "HEAD" else response.raw_body
        if exchange.cut_after is not None:
            client.sendall(response.head + body[: exchange.cut_after])
            raise Closed
        client.sendall(response.head + body)
        exchange.status = response.status

    def _register(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._open.add(connection)
        if self._stopping.is_set():
            connection.close()

    def _forget(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)
        connection.close()


class _Upstream:
    """The server's side of one client connection: kept open as long as the server does."""

    def __init__(self, host: str, port: int, proxy: Proxy) -> None:
        self._address = (host, port)
        self._proxy = proxy
        self._socket: socket.socket | None = None
        self._stream: BinaryIO | None = None

    def ask(self, client: socket.socket, exchange: Exchange) -> Response:
        request = exchange.request
        try:
            connection, stream = self._connected()
        except OSError as error:
            return Response.make(502, "Bad Gateway", f"no connection to the server: {error}\n".encode())
        exchange.forwarded = True
        connection.sendall(request.head + request.raw_body)
        response = read_response(stream, request.method)
        while response.status < 200:
            # 102 and 103 are news on the way to the answer.
            client.sendall(response.head)
            response = read_response(stream, request.method)
        if not (request.keeps_alive and response.keeps_alive):
            self.close()
        return response

    def _connected(self) -> tuple[socket.socket, BinaryIO]:
        if self._socket is not None and select.select([self._socket], [], [], 0)[0]:
            # Readable while nothing was asked: the server closed it meanwhile. Found out before sending, because
            # after sending nobody could say whether the server has acted.
            self.close()
        if self._socket is None or self._stream is None:
            self._socket = socket.create_connection(self._address, timeout=30)
            self._socket.settimeout(None)
            self._stream = self._socket.makefile("rb")
            self._proxy._register(self._socket)
        return self._socket, self._stream

    def close(self) -> None:
        if self._socket is not None:
            self._proxy._forget(self._socket)
        if self._stream is not None:
            self._stream.close()
        self._socket = self._stream = None


def _without(head: bytes, name: bytes) -> bytes:
    return b"\r\n".join(line for line in head.split(b"\r\n") if not line.lower().startswith(name))


__all__ = ["ALWAYS", "BrokenMessage", "Closed", "Exchange", "Proxy", "Request", "Reset", "Response", "Rule"]
