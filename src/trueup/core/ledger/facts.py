"""Facts: small JSON documents that a job remembers from run to run, by name ("snapshot/crm/1f3a…", "check")."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from trueup.core.ledger.database import Database
from trueup.core.ledger.records import to_json


class Facts:
    """See the module's text. A subject is a job's name."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def get(self, subject: str, name: str) -> dict[str, Any] | None:
        """What is remembered under that name; None: nothing."""
        row = self._db.row("SELECT value FROM fact WHERE subject = ? AND name = ?", (subject, name))
        return None if row is None else dict(json.loads(row[0]))

    def under(self, subject: str, prefix: str) -> dict[str, dict[str, Any]]:
        """Everything whose name begins like this, in order of the names."""
        # A range, so that the key's index serves; the prefixes end with a slash, and `0` is what follows it.
        rows = self._db.rows(
            "SELECT name, value FROM fact WHERE subject = ? AND name >= ? AND name < ? ORDER BY name",
            (subject, prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)),
        )
        return {name: json.loads(value) for name, value in rows}

    def names(self, subject: str, prefix: str) -> list[str]:
        """The names that begin like this, in order."""
        rows = self._db.rows(
            "SELECT name FROM fact WHERE subject = ? AND name >= ? AND name < ? ORDER BY name",
            (subject, prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)),
        )
        return [row[0] for row in rows]

    def put(self, subject: str, name: str, value: Mapping[str, Any]) -> None:
        """Remembers a document; what stood under the name is forgotten."""
        with self._db.transaction("facts.put"):
            self._db.write(
                "INSERT INTO fact (subject, name, value) VALUES (?, ?, ?)"
                " ON CONFLICT (subject, name) DO UPDATE SET value = excluded.value",
                (subject, name, to_json(value)),
            )

    def merge(self, subject: str, name: str, members: Mapping[str, Any]) -> None:
        """Sets members of a document, whoever else does so at the same time; makes it where there is none."""
        with self._db.transaction("facts.merge"):
            # The insert takes the lock on the row.
            self._db.write(
                "INSERT INTO fact (subject, name, value) VALUES (?, ?, '{}')"
                " ON CONFLICT (subject, name) DO UPDATE SET value = fact.value",
                (subject, name),
            )
            self.put(subject, name, {**(self.get(subject, name) or {}), **members})

    def remove(self, subject: str, name: str) -> None:
        """Forgets a document."""
        with self._db.transaction("facts.remove"):
            self._db.write("DELETE FROM fact WHERE subject = ? AND name = ?", (subject, name))
