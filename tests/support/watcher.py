"""A web server for tests of notifications: keeps what is posted to it, answers with an error, or hangs."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Posted:
    """One request."""

    path: str
    body: str
    headers: dict[str, str] = field(default_factory=dict)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        watcher = self.server.watcher
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if watcher.hang is not None:
            watcher.hang.wait()
        with watcher.guard:
            watcher.posted.append(Posted(self.path, body, dict(self.headers)))
        self.send_response(watcher.answer)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"OK")

    def log_message(self, *_: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        super().__init__(("127.0.0.1", 0), _Handler)


class Watcher:
    """The server, as a context manager.

    Attributes:
        posted: what came, in order.
        answer: the status it answers with.
        hang: an event: it answers when that is set.
    """

    def __init__(self, *, answer: int = 200, hang: threading.Event | None = None) -> None:
        self.posted: list[Posted] = []
        self.answer = answer
        self.hang = hang
        self.guard = threading.Lock()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def url(self, path: str = "", scheme: str = "http", login: str = "") -> str:
        """An address of it."""
        return f"{scheme}://{login}127.0.0.1:{self._server.server_address[1]}{path}"

    @property
    def paths(self) -> list[str]:
        """The paths of what came, in order."""
        return [one.path for one in self.posted]

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.hang is not None:
            self.hang.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
