"""Xandikos: CalDAV on top of git, with scheduling boxes, one principal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from tests.support.davserver import DavServer
from tests.support.process import HOST


class Xandikos(DavServer):
    """One principal, `/user/`, and no login: Xandikos refuses to ask for a password without TLS."""

    name = "xandikos"

    def __init__(self, options: Sequence[str] = ()) -> None:
        super().__init__()
        self.options = list(options)

    def command(self) -> Sequence[str | Path]:
        return [
            *(sys.executable, "-m", "xandikos", "serve", "-d", self.directory / "data", "--defaults"),
            *("--current-user-principal", "/user/", "-l", HOST, "-p", str(self.port), *self.options),
        ]

    def home(self, user: str | None = None) -> str:
        return "/user/calendars/"
