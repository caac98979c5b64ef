"""A small contacts job for engines: two address books on a CardDAV server, agreed on once, with edits of every kind waiting in both."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.crash.world import BookWorld
from tests.support.proxy import Proxy
from tests.support.servers import DavServer

COUNTS = {"create": 2, "update": 3, "delete": 2}
"""What a run has to do."""


def office(folder: Path, server: DavServer, ledger: str = "", proxy: Proxy | None = None) -> BookWorld:
    """All of it in a folder, job `team`; the first book behind the proxy, if there is one."""
    direct: Any = SimpleNamespace(url=server.url, clear=lambda: None)
    return BookWorld.of(folder, server=server, proxy=proxy or direct, far=server, ledger=ledger, timeout="30s")


def check(world: BookWorld) -> None:
    """Both books show what they must, nothing is doubled, and another run has nothing to do."""
    assert world.sides() == (world.expected, world.expected)
    again = world.run()
    assert (again["state"], again["counts"]) == ("done", {})
