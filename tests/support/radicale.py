"""Radicale: CalDAV over HTTP/1.0, without scheduling."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.davserver import DavServer
from tests.support.process import HOST


class Radicale(DavServer):
    """Without `passwords` every name is let in with any password, as in a fresh installation.

    With `passwords` ({user: password}) a wrong one gets 401. `options` are further command-line options.
    """

    name = "radicale"

    def __init__(self, passwords: Mapping[str, str] | None = None, options: Sequence[str] = ()) -> None:
        super().__init__(passwords)
        self.options = list(options)

    def prepare(self) -> None:
        self.write_htpasswd()

    def command(self) -> Sequence[str | Path]:
        login = ["--auth-type", "none"]
        if self.passwords:
            # Radicale makes a refused login wait for a second; a test has nothing to learn from that.
            login = [
                *("--auth-type", "htpasswd", "--auth-htpasswd-filename", str(self.htpasswd)),
                *("--auth-htpasswd-encryption", "plain", "--auth-delay", "0"),
            ]
        return [
            *(sys.executable, "-m", "radicale", "--config", "", "--rights-type", "owner_only"),
            *("--server-hosts", f"{HOST}:{self.port}"),
            *("--storage-filesystem-folder", str(self.directory / "data")),
            *(login + self.options),
        ]

    def home(self, user: str | None = None) -> str:
        return f"/{user or self.login}/"
