"""HTTP/1.1 over connections that are kept open: what is needed here of an HTTP library, on top of the standard library's protocol.

urllib3 did this before. It takes 44 ms longer to import and nearly twice the processor time per request (measured: docs/benchmarks.md): too
much for a run with nothing to do, which is mostly start-up, and for a push of many small events.

No cookies, no redirects, no retries: see `http.Client`.
"""

from __future__ import annotations

import http.client
import select
import socket
import ssl
import threading
import zlib
from base64 import b64encode
from collections.abc import Iterator, Mapping
from urllib.parse import quote, unquote, urlsplit

CHUNK = 2**16


class TransportError(Exception):
    """A request failed below HTTP; `__cause__` says why. It may have been received."""


class NotSent(TransportError):
    """No byte of the request has left."""


class TimedOut(TransportError):
    """The request was sent and no answer came in time."""


class Undecodable(TransportError):
    """The body is not compressed as the answer says."""


class NoAddress(ValueError):
    """The URL is none that can be connected to."""


class Headers(Mapping[str, str]):
    """Headers by name in any case; one that stands twice is joined by a comma (RFC 9110 section 5.3)."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._values: dict[str, str] = {}
        for name, value in pairs:
            key = name.lower()
            self._values[key] = f"{self._values[key]}, {value}" if key in self._values else value

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class Response:
    """The head of an answer, and its body to be read once.

    Attributes:
        status, reason: of the status line.
        version: 10 or 11.
        headers: by name, in any case.
    """

    def __init__(self, pool: Pool, connection: http.client.HTTPConnection, answer: http.client.HTTPResponse) -> None:
        self._pool = pool
        self._connection = connection
        self._answer = answer
        self.status = answer.status
        self.reason = answer.reason
        self.version = answer.version
        self.headers = Headers(answer.headers.items())

    def stream(self, size: int = CHUNK) -> Iterator[bytes]:
        """The body, decompressed, in pieces of at most `size` bytes.

        Raises:
            TransportError: it breaks off, or is not what its head says.
        """
        if self.headers.get("Content-Encoding", "").strip().lower() not in ("gzip", "x-gzip"):
            yield from self._raw(size)
            return
        gzip = zlib.decompressobj(16 + zlib.MAX_WBITS)
        try:
            for packed in self._raw(size):
                while packed and not gzip.eof:
                    yield gzip.decompress(packed, size)
                    packed = gzip.unconsumed_tail
            yield gzip.flush()
        except zlib.error as error:
            raise Undecodable(str(error)) from error
        if not gzip.eof:
            raise Undecodable("it ends too early")

    def finish(self) -> None:
        """Gives the connection back for the next request; closes it where much of the body was left unread."""
        rest = len(next(self._raw(CHUNK), b""))
        if rest == CHUNK or not self._answer.isclosed():
            self.close()
        else:
            self._pool.give_back(self._connection)

    def close(self) -> None:
        """Gives the connection up."""
        self._answer.close()
        self._pool.drop(self._connection)

    def _raw(self, size: int) -> Iterator[bytes]:
        with _broken():
            while not self._answer.isclosed():
                part = self._answer.read(size)
                # The standard library takes a body that ends before its length for a whole one.
                if len(part) < size and self._answer.length:
                    raise http.client.IncompleteRead(part, self._answer.length)
                if part:
                    yield part


class Pool:
    """Connections to one origin, at most `size` at once; safe to use from many threads.

    Args:
        origin: "https://host:port"; the path of requests is given with each.
        size: how many requests may be under way; a further one waits.
        tls: for https.
        proxy: address of an HTTP proxy, with name and password where it wants them; "" for none.
        connect: seconds to wait for a connection.

    Raises:
        NoAddress: the origin or the proxy cannot be an address.
    """

    def __init__(
        self, origin: str, size: int, *, tls: ssl.SSLContext | None = None, proxy: str = "", connect: float = 10.0
    ) -> None:
        self._scheme, self._host, self._port = _place(origin)
        self._proxy = _place(proxy) if proxy else None
        self._proxy_login = _proxy_login(proxy)
        self._tls = tls
        self._connect_seconds = connect
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()
        self._free = threading.Semaphore(size)

    def request(
        self, method: str, target: str, body: bytes | None, headers: Mapping[str, str], timeout: float
    ) -> Response:
        """Sends a request and reads the head of its answer. `Response.finish` or `close` has to follow.

        Args:
            target: path and query.
            timeout: seconds to wait for each part of the answer.

        Raises:
            NotSent, TimedOut, TransportError: see there.
            ValueError: a header or the target cannot be sent.
        """
        self._free.acquire()
        connection = None
        try:
            connection = self._connection()
            connection.sock.settimeout(timeout)
            if self._proxy and self._scheme == "http":
                target = f"http://{_netloc(self._host, self._port)}{target}"
                headers = {**headers, **self._proxy_login}
            with _broken():
                connection.request(method, target, body, dict(headers))
                return Response(self, connection, connection.getresponse())
        except BaseException:
            self.drop(connection)
            raise

    def give_back(self, connection: http.client.HTTPConnection) -> None:
        """Keeps a connection whose answer was read to its end."""
        if connection.sock is None:  # the server closes it
            self.drop(connection)
            return
        with self._lock:
            self._idle.append(connection)
        self._free.release()

    def drop(self, connection: http.client.HTTPConnection | None) -> None:
        """Closes a connection."""
        if connection is not None:
            connection.close()
        self._free.release()

    def close(self) -> None:
        """Closes the connections that are not in use."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        """The connection used last, as it is the one least likely to have been closed, or a new one."""
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return self._connected()
            if not _readable(connection.sock):
                return connection
            connection.close()  # the server has hung up, or sends what nobody asked for

    def _connected(self) -> http.client.HTTPConnection:
        scheme, host, port = self._proxy or (self._scheme, self._host, self._port)
        connection: http.client.HTTPConnection
        if self._scheme == "https":
            connection = http.client.HTTPSConnection(host, port, timeout=self._connect_seconds, context=self._tls)
        elif scheme == "https":
            raise NoAddress(f"a proxy that is itself reached by https ({host}) is not supported")
        else:
            connection = http.client.HTTPConnection(host, port, timeout=self._connect_seconds)
        if self._proxy and self._scheme == "https":
            connection.set_tunnel(self._host, self._port, self._proxy_login)
        try:
            connection.connect()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise NotSent(str(error)) from error
        return connection


def target_of(url: str) -> str:
    """Path and query of a URL as they are sent; characters that a person typed (a blank, an umlaut) are escaped (RFC 3986 section 2.1)."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return target if target.isascii() and " " not in target else quote(target, safe="/?%:@!$&'()*+,;=~-._")


class _broken:
    """Turns what breaks on the way into our errors."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, TransportError):
            return
        if isinstance(error, http.client.InvalidURL):
            raise ValueError(str(error)) from error
        if isinstance(error, TimeoutError):
            raise TimedOut(str(error)) from error
        if isinstance(error, (OSError, http.client.HTTPException)):
            raise TransportError(str(error)) from error


def _place(url: str) -> tuple[str, str, int]:
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname or "", parts.port
    except ValueError as error:
        raise NoAddress(str(error)) from error
    if scheme not in ("http", "https") or not host:
        raise NoAddress(f"{url!r} has no host" if scheme in ("http", "https") else f"{url!r} is neither http nor https")
    return scheme, host, port or (443 if scheme == "https" else 80)


def _netloc(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _proxy_login(proxy: str) -> dict[str, str]:
    parts = urlsplit(proxy)
    if parts.username is None:
        return {}
    login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Proxy-Authorization": "Basic " + b64encode(login.encode()).decode("ascii")}


def _readable(connection: socket.socket | None) -> bool:
    """Whether something can be read though nothing was asked for: a goodbye. (A TLS socket may hold back records; then the next
    request finds out.)"""
    if connection is None:
        return True
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))
