"""A web server with one .ics file, as a published calendar."""

from __future__ import annotations

import email.utils
import hashlib
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from tests.support.process import HOST


@dataclass(frozen=True)
class FeedRequest:
    method: str
    path: str
    headers: dict[str, str]
    status: int


class FeedServer:
    """Answers GET and HEAD with the text given to `publish`; 304 to who already has it.

    `etag`, `last_modified` and `status` may be changed at any time; `requests` records what was asked and answered.
    """

    def __init__(self, text: str = "", *, etag: bool = True, last_modified: bool = True) -> None:
        self.etag = etag
        self.last_modified = last_modified
        self.status = 200
        self.content_type = "text/calendar; charset=utf-8"
        self.requests: list[FeedRequest] = []
        self.publish(text)
        feed = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                feed._answer(self)

            def do_HEAD(self) -> None:
                feed._answer(self)

            def log_message(self, format: str, *args: object) -> None:
                """Silent: `requests` is the log."""

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._server.server_port}/calendar.ics"

    def publish(self, text: str, modified: float | None = None) -> None:
        self._body = text.encode()
        self._modified = int(time.time() if modified is None else modified)

    def count(self, status: int | None = None) -> int:
        return sum(1 for request in self.requests if status in (None, request.status))

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        body, modified = self._body, self._modified
        tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        status = self.status
        if status == 200 and self._is_known(handler, tag, modified):
            status = 304
        sent = body if status == 200 else b""
        handler.send_response(status)
        if status in (200, 304):
            if self.etag:
                handler.send_header("ETag", tag)
            if self.last_modified:
                handler.send_header("Last-Modified", email.utils.formatdate(modified, usegmt=True))
        if status != 304:
            handler.send_header("Content-Type", self.content_type)
            handler.send_header("Content-Length", str(len(sent)))
        self.requests.append(FeedRequest(handler.command, handler.path, dict(handler.headers), status))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(sent)

    def _is_known(self, handler: BaseHTTPRequestHandler, tag: str, modified: int) -> bool:
        wanted = handler.headers.get("If-None-Match")
        if wanted is not None:
            # RFC 9110: where both are sent, the date is not looked at.
            return self.etag and any(part.strip().removeprefix("W/") in (tag, "*") for part in wanted.split(","))
        since = handler.headers.get("If-Modified-Since")
        if since is None or not self.last_modified:
            return False
        return modified <= email.utils.parsedate_to_datetime(since).timestamp()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
