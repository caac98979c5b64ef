"""Tables as people edit them: through the connector itself, as rows."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trueup.app import connectors
from trueup.model.items import Entry
from trueup.model.ports import Collection, Outcome, Verb, Write

COLUMNS = ("id", "first", "last", "mail", "mobile", "town", "note", "own")
MAPPING: dict[str, Any] = {
    "uid": "id",
    "first": "first",
    "last": "last",
    "email": "mail",
    "phone": {"column": "mobile", "type": "cell"},
    "address": {"city": "town"},
    "note": "note",
}


@dataclass
class Table:
    """One table; implements what `office.Office` asks of a place.

    Attributes:
        name: of the store.
        kind: the connector.
        path: the file, or the database's.
        url: of another database than SQLite.
    """

    name: str
    kind: str
    path: Path
    url: str = ""
    mapping: dict[str, Any] = field(default_factory=lambda: dict(MAPPING))

    def __post_init__(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.kind != "sql":
            self.path.touch()
            return
        columns = ", ".join(f"{one} VARCHAR(200)" for one in COLUMNS[1:])
        script = f"CREATE TABLE people (id VARCHAR(200) PRIMARY KEY, {columns})"
        if self.url:
            import psycopg

            with psycopg.connect(self.url) as connection:
                connection.execute(script)  # type: ignore[arg-type]
        else:
            with closing(sqlite3.connect(self.path)) as database:
                database.execute(script)

    def store(self) -> dict[str, Any]:
        if self.kind == "sql":
            return {"connector": "sql", "url": self.url or f"sqlite:{self.path}", "table": "people"}
        return {"connector": self.kind, "path": str(self.path), "key": "id"}

    def collection(self) -> str:
        return ""

    def ref(self) -> dict[str, Any]:
        return {"store": self.name, "mapping": self.mapping}

    def rows(self) -> dict[str, dict[str, str]]:
        """Every row by its key, null as blank."""
        table = self._open()
        hrefs = [one.href for one in table.changes(None) if isinstance(one, Entry)]
        found = [json.loads(one.data) for one in table.fetch(hrefs) if one.data is not None]
        return {row["id"]: {name: value or "" for name, value in row.items()} for row in found}

    def put(self, **values: str) -> None:
        """Adds a row, or changes the one with this id."""
        table = self._open()
        href = table.new_href(values["id"])
        now = next(iter(table.fetch([href])))
        row = json.loads(now.data) if now.data else dict.fromkeys(COLUMNS, "" if self.kind in ("csv", "xlsx") else None)
        verb = Verb.UPDATE if now.data else Verb.CREATE
        self._write(table, Write(1, verb, href, json.dumps({**row, **values}).encode()))

    def delete(self, uid: str) -> None:
        table = self._open()
        self._write(table, Write(1, Verb.DELETE, table.new_href(uid)))

    def _write(self, table: Collection, write: Write) -> None:
        [answer] = table.write([write])
        assert answer.outcome is Outcome.DONE, answer.reason

    def _open(self) -> Collection:
        connector = connectors()[self.kind]
        options = {key: value for key, value in self.store().items() if key != "connector"}
        if "key" in options:
            options["key"] = [options["key"]]
        found = connector.open(self.name, options).open("")
        assert found is not None
        return found
