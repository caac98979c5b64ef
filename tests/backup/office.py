"""An office with a database, a folder and a command, backed up into plain repositories: for tests of the job itself."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from tests.support.plain_repository import PlainRepository, PlainType
from trueup.app import App, connectors
from trueup.config.load import load

CONFIG = """\
version: 1
stores:
  vault: {{connector: plain, path: vault}}
  far: {{connector: plain, path: far}}
jobs:
  office:
    kind: backup
    repository: {{store: vault}}
    retry: {{attempts: 2, base: 0.01s}}
{more}
    sources:
{sources}
"""

SOURCES = """\
      cache: {sqlite: app.db}
      list: {command: "cat list.txt", after: cache}
      files: {path: share, exclude: "*.tmp", after: [cache, list]}
      other: {command: "echo by itself"}
"""


class Office:
    """`run()` is what a timer does; every call opens everything anew, as a new process would."""

    def __init__(self, root: Path, sources: str = SOURCES, more: str = "") -> None:
        self.root = root
        root.mkdir(exist_ok=True)
        with sqlite3.connect(root / "app.db") as database:
            database.execute("CREATE TABLE IF NOT EXISTS orders (number INTEGER PRIMARY KEY, text TEXT)")
            database.executemany("INSERT INTO orders (text) VALUES (?)", [("x" * one,) for one in range(50)])
        database.close()
        (root / "list.txt").write_text("one\ntwo\n")
        (root / "share").mkdir(exist_ok=True)
        (root / "share" / "letter.txt").write_text("Dear Ana,\n" * 20)
        (root / "share" / "scrap.tmp").write_text("not this")
        self.configure(sources, more)
        self.types = {**connectors(), "plain": PlainType()}
        self.events: list[dict[str, Any]] = []

    @classmethod
    def at(cls, root: Path) -> Office:
        """The office that is there already."""
        office = cls.__new__(cls)
        office.root, office.events = root, []
        office.types = {**connectors(), "plain": PlainType()}
        return office

    def configure(self, sources: str = SOURCES, more: str = "") -> None:
        """Writes trueup.yaml; `more` are further lines of the job."""
        indented = "".join(f"    {line}\n" for line in more.splitlines())
        (self.root / "trueup.yaml").write_text(CONFIG.format(sources=sources, more=indented))

    def app(self) -> App:
        """The configuration, opened."""
        return App(load(self.root / "trueup.yaml", self.types), self.types)

    def run(self, **more: Any) -> dict[str, Any]:
        with self.app() as app:
            return app.run("office", on_event=self.events.append, **more)

    def status(self) -> dict[str, Any]:
        with self.app() as app:
            found: dict[str, Any] = app.backup_status(["office"])["jobs"]["office"]
            return found

    def plan(self) -> list[dict[str, Any]]:
        """The changes of a plan."""
        with self.app() as app:
            return list(app.changes(app.plan("office")["run"]))

    def snapshots(self, store: str = "vault") -> dict[str, list[str]]:
        """The snapshots in a store, by source, the oldest first."""
        found: dict[str, list[str]] = {}
        for one in PlainRepository(store, self.root / store).snapshots(None):  # type: ignore[arg-type]
            found.setdefault(one.source, []).append(one.id)
        return found

    def stage(self, report: dict[str, Any], stage: str) -> dict[str, str]:
        """How the changes of a stage ended, by title."""
        return {one["title"]: one["state"] for one in report["backup"]["stages"] if one["stage"] == stage}
