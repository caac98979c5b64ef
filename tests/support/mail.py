"""A mail server for tests: real SMTP (RFC 5321) on a free port of loopback, which keeps what it is sent, or misbehaves."""

from __future__ import annotations

import socketserver
import threading
from base64 import b64decode
from email import message_from_bytes, policy
from email.message import EmailMessage


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

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
        self.server.sink.mails.append(
            message_from_bytes(b"".join(lines).replace(b"\r\n", b"\n"), policy=policy.default)
        )
        self._say("250 queued")

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, sink: MailSink) -> None:
        self.sink = sink
        super().__init__(("127.0.0.1", 0), _Handler)


class MailSink:
    """The server, as a context manager.

    Attributes:
        mails: what was delivered, in order.
        logins: (user, password) that were tried.
        accepts_login: False: it refuses every login, and repeats the password in its answer.
        hang: an event: it says nothing until that is set.
    """

    def __init__(self, *, accepts_login: bool = True, hang: threading.Event | None = None) -> None:
        self.mails: list[EmailMessage] = []
        self.logins: list[tuple[str, str]] = []
        self.accepts_login = accepts_login
        self.hang = hang
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def url(self, user: str = "robot", password: str = "pass-of-robot") -> str:
        """An apprise address of it."""
        port = self._server.server_address[1]
        return f"mailto://{user}:{password}@127.0.0.1:{port}?mode=insecure&from=robot@example.org&to=admin@example.org"

    def __enter__(self) -> MailSink:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.hang is not None:
            self.hang.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
