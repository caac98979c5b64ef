"""Where messages go in tests: a mail server (SMTP, RFC 5321) and a web server on loopback. They keep what they are sent, or misbehave."""

from __future__ import annotations

import socketserver
import threading
from base64 import b64decode
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class _Sink:
    """A server, as a context manager.

    Attributes:
        hang: an event: it says nothing until that is set.
    """

    def __init__(self, server: socketserver.TCPServer, hang: threading.Event | None) -> None:
        self.hang = hang
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)

    @property
    def place(self) -> str:
        """Where it listens: host and port."""
        host, port = self._server.socket.getsockname()
        return f"{host}:{port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.hang is not None:
            self.hang.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _MailServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    sink: MailSink


class _MailHandler(socketserver.StreamRequestHandler):
    server: _MailServer

    def handle(self) -> None:
        sink = self.server.sink
        if sink.hang is not None:
            sink.hang.wait()
            return
        self._say("220 sink ESMTP")
        while line := self.rfile.readline():
            verb = line.decode("ascii", "replace").strip()
            if verb.upper().startswith("EHLO"):
                self._say("250-sink", "250 AUTH PLAIN")
            elif verb.upper().startswith("AUTH PLAIN "):
                _, user, password = b64decode(verb.split()[2]).decode().split("\0")
                sink.logins.append((user, password))
                self._say("235 ok" if sink.accepts_login else f"535 authentication failed for {user} with {password}")
            elif verb.upper() == "DATA":
                self._data()
            elif verb.upper() == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _data(self) -> None:
        self._say("354 go on")
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b".") else line)
        text = b"".join(lines).replace(b"\r\n", b"\n")
        self.server.sink.mails.append(message_from_bytes(text, policy=policy.default))
        self._say("250 queued")

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())


class MailSink(_Sink):
    """A mail server.

    Attributes:
        mails: what was delivered, in order.
        logins: (user, password) that were tried.
        accepts_login: False: it refuses every login, and repeats the password in its answer.
    """

    def __init__(self, *, accepts_login: bool = True, hang: threading.Event | None = None) -> None:
        self.mails: list[EmailMessage] = []
        self.logins: list[tuple[str, str]] = []
        self.accepts_login = accepts_login
        server = _MailServer(("127.0.0.1", 0), _MailHandler)
        server.sink = self
        super().__init__(server, hang)

    def url(self, user: str = "robot", password: str = "pass-of-robot") -> str:
        """An apprise address of it."""
        return f"mailto://{user}:{password}@{self.place}?mode=insecure&from=robot@example.org&to=admin@example.org"

    @property
    def subjects(self) -> list[str]:
        """The subjects of what was delivered, in order."""
        return [one["Subject"] for one in self.mails]


@dataclass
class Posted:
    """One request."""

    path: str
    body: str
    headers: dict[str, str] = field(default_factory=dict)


class _WebServer(ThreadingHTTPServer):
    daemon_threads = True
    sink: Watcher


class _WebHandler(BaseHTTPRequestHandler):
    server: _WebServer

    def do_POST(self) -> None:
        watcher = self.server.sink
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


class Watcher(_Sink):
    """A web server: of chats (apprise's json://), and of heartbeats.

    Attributes:
        posted: what came, in order.
        answer: the status it answers with.
    """

    def __init__(self, *, answer: int = 200, hang: threading.Event | None = None) -> None:
        self.posted: list[Posted] = []
        self.answer = answer
        self.guard = threading.Lock()
        server = _WebServer(("127.0.0.1", 0), _WebHandler)
        server.sink = self
        super().__init__(server, hang)

    def url(self, path: str = "", scheme: str = "http", login: str = "") -> str:
        """An address of it."""
        return f"{scheme}://{login}{self.place}{path}"

    @property
    def paths(self) -> list[str]:
        """The paths of what came, in order."""
        return [one.path for one in self.posted]
