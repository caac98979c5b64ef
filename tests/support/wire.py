"""HTTP/1 messages as bytes on a socket: read whole, kept exactly as they came.

Nothing is translated on the way through: what a client sees through the proxy is byte for byte what the server sent,
including HTTP/1.0, chunking and the closing of connections.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import BinaryIO
from urllib.parse import unquote

MAX_LINE = 65536
NO_BODY = {204, 304}


class BrokenMessage(ConnectionError):
    """The other side closed in the middle of a message, or does not speak HTTP/1."""


@dataclass(frozen=True)
class Message:
    """The head (with its empty line) and the body as framed on the wire."""

    head: bytes
    raw_body: bytes

    @cached_property
    def first_line(self) -> list[str]:
        return self.head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)

    @cached_property
    def headers(self) -> dict[str, str]:
        """Names in lower case; a header that came twice is joined with a comma."""
        found: dict[str, str] = {}
        for line in self.head.decode("latin-1").split("\r\n")[1:]:
            name, colon, value = line.partition(":")
            if colon:
                key, value = name.strip().lower(), value.strip()
                found[key] = f"{found[key]}, {value}" if key in found else value
        return found

    @property
    def chunked(self) -> bool:
        return self.headers.get("transfer-encoding", "").lower().endswith("chunked")

    @property
    def body(self) -> bytes:
        return unchunk(self.raw_body) if self.chunked else self.raw_body

    def _keeps_alive(self, version: str) -> bool:
        connection = self.headers.get("connection", "").lower()
        return "close" not in connection and (version.endswith("1.1") or "keep-alive" in connection)


@dataclass(frozen=True)
class Request(Message):
    number: int = 0
    at: float = 0.0
    connection: int = 0

    @property
    def method(self) -> str:
        return self.first_line[0]

    @property
    def target(self) -> str:
        """As on the request line."""
        return self.first_line[1] if len(self.first_line) > 1 else ""

    @property
    def path(self) -> str:
        """Unquoted and without the query."""
        return unquote(self.target.partition("?")[0])

    @property
    def keeps_alive(self) -> bool:
        return self._keeps_alive(self.first_line[-1])

    def with_header(self, name: str, value: str) -> Request:
        """The same request with that header and no other of its name."""
        unwanted = f"{name.lower()}:".encode()
        lines = [line for line in self.head.split(b"\r\n") if not line.lower().startswith(unwanted)]
        # The head ends with two line ends, so the last two parts are empty.
        lines.insert(-2, f"{name}: {value}".encode("latin-1"))
        return replace(self, head=b"\r\n".join(lines))


@dataclass(frozen=True)
class Response(Message):
    # The body had no length: it ends where the connection ends.
    until_close: bool = False

    @property
    def status(self) -> int:
        return int(self.first_line[1])

    @property
    def keeps_alive(self) -> bool:
        return not self.until_close and self._keeps_alive(self.first_line[0])

    @classmethod
    def make(cls, status: int, reason: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Response:
        lines = [f"HTTP/1.1 {status} {reason}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        return cls(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"), body)


def read_head(stream: BinaryIO) -> bytes:
    """Empty if the other side closed before it began."""
    lines: list[bytes] = []
    while True:
        line = stream.readline(MAX_LINE)
        if not line and not lines:
            return b""
        if not line.endswith(b"\n"):
            raise BrokenMessage("the connection closed inside a head")
        if line == b"\r\n" and not lines:
            continue  # RFC 9112 2.2: an empty line before a request is skipped
        lines.append(line)
        if line in (b"\r\n", b"\n"):
            return b"".join(lines)


def read_body(stream: BinaryIO, message: Message) -> bytes | None:
    """The framed body; None if the head gives no length."""
    if message.chunked:
        return read_chunks(stream)
    length = message.headers.get("content-length")
    return None if length is None else read_exactly(stream, int(length))


def read_response(stream: BinaryIO, method: str) -> Response:
    head = read_head(stream)
    if not head:
        raise BrokenMessage("the server closed without an answer")
    response = Response(head, b"")
    if method == "HEAD" or response.status in NO_BODY or response.status < 200:
        return response
    body = read_body(stream, response)
    return Response(head, stream.read() if body is None else body, until_close=body is None)


def read_exactly(stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise BrokenMessage(f"the connection closed after {len(data)} of {length} bytes")
    return data


def read_chunks(stream: BinaryIO) -> bytes:
    parts: list[bytes] = []
    size = -1
    while size:
        line = stream.readline(MAX_LINE)
        if not line.endswith(b"\n"):
            raise BrokenMessage("the connection closed between chunks")
        size = int(line.split(b";", 1)[0], 16)
        parts.append(line)
        if size:
            parts.append(read_exactly(stream, size + 2))
    while True:
        # After the last chunk: trailers, up to an empty line.
        line = stream.readline(MAX_LINE)
        if not line.endswith(b"\n"):
            raise BrokenMessage("the connection closed inside the trailers")
        parts.append(line)
        if line in (b"\r\n", b"\n"):
            return b"".join(parts)


def unchunk(raw: bytes) -> bytes:
    parts: list[bytes] = []
    at = 0
    while True:
        end = raw.index(b"\n", at)
        size = int(raw[at:end].split(b";", 1)[0], 16)
        if not size:
            return b"".join(parts)
        parts.append(raw[end + 1 : end + 1 + size])
        at = end + 1 + size + 2
