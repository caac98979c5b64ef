"""Two folders to be kept in step, without a server: what is tested is whose turn it is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.crash.world import event, shown

CONFIG = """\
version: 1
stores:
  a: {connector: vdir, path: a}
  b: {connector: vdir, path: b}
jobs:
  team: {kind: calendar, collections: [{store: a, name: team}, {store: b, name: team}]}
"""


class Folders:
    """A configuration of two folders.

    Attributes:
        config: the absolute path of trueup.yaml.
    """

    def __init__(self, root: Path, items: int = 5, more: str = "") -> None:
        self.root = root
        for side in "ab":
            (root / side / "team").mkdir(parents=True)
        (root / "trueup.yaml").write_text(CONFIG + more)
        self.config = str(root / "trueup.yaml")
        for number in range(items):
            self.add(f"item-{number}")

    def add(self, uid: str, side: str = "a") -> None:
        (self.root / side / "team" / f"{uid}.ics").write_text(event(uid, f"Title of {uid}"))

    def remove(self, uid: str, side: str = "a") -> None:
        (self.root / side / "team" / f"{uid}.ics").unlink()

    def side(self, side: str) -> dict[str, list[str]]:
        """What a side shows, by UID."""
        return shown([path.read_bytes().decode() for path in sorted((self.root / side / "team").glob("*.ics"))])

    @property
    def equal(self) -> bool:
        return self.side("a") == self.side("b")

    # -- what only a test does to a ledger ------------------------------------------------------------------------------

    def sql(self, statement: str, *values: Any) -> list[Any]:
        with closing(sqlite3.connect(self.root / ".trueup" / "ledger.db", isolation_level=None)) as database:
            return database.execute(statement, values).fetchall()

    def leases(self) -> dict[str, str]:
        """Who holds what, by the name of the lease."""
        return dict(self.sql("SELECT name, owner FROM lease"))

    def expire(self) -> None:
        """All leases run out, as those of workers that vanished do."""
        self.sql("UPDATE lease SET expires = 1")
