"""Conflicts: open ones wait for a person, closed ones keep the loser."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trueup.core.ledger.database import Database, Row, storable
from trueup.core.ledger.prune import CLOSED
from trueup.core.ledger.records import to_json
from trueup.core.ledger.rows import Conflict
from trueup.model.errors import NotFound

_CONFLICT = "id, job, link, run, opened, title, starts, code, state, fields, versions, winner"


class Conflicts:
    """See the module's text."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def open(
        self,
        job: str,
        link: int | None,
        run: str,
        title: str,
        starts: str,
        code: str,
        state: str,
        fields: Sequence[Mapping[str, Any]],
        versions: Mapping[str, str],
        winner: str = "",
    ) -> int:
        """Keeps a conflict; returns its number. One of the same link that is not closed is replaced, and keeps its number and time:
        people may have written the number down."""
        now = self._db.now()
        values = {
            "job": job,
            "run": run,
            "title": storable(title),
            "starts": storable(starts),
            "code": code,
            "state": state,
            "fields": to_json(fields),
            "versions": to_json(versions),
            "winner": winner,
            "closed": now if state == CLOSED else None,
        }
        with self._db.transaction("conflicts.open"):
            row = (
                link
                if link is None
                else self._db.row(f"SELECT id FROM conflict WHERE link = ? AND state <> '{CLOSED}'", (link,))
            )
            if row is not None:
                columns = ", ".join(f"{name} = ?" for name in values)
                self._db.write(f"UPDATE conflict SET {columns} WHERE id = ?", (*values.values(), row[0]))
                return int(row[0])
            names, marks = ", ".join(values), ", ".join("?" * len(values))
            statement = f"INSERT INTO conflict (link, opened, {names}) VALUES (?, ?, {marks}) RETURNING id"
            return int(self._db.value(statement, (link, now, *values.values())))

    def list(self, job: str | None = None, states: Iterable[str] = ()) -> list[Conflict]:
        """Conflicts of a job, or of all, in the order in which they came; only those in these states, if given."""
        wanted = list(states)
        conditions = ["job = ?"] * (job is not None) + [f"state IN ({', '.join('?' * len(wanted))})"] * bool(wanted)
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        values = [job] * (job is not None) + wanted
        return [
            _to_conflict(row) for row in self._db.rows(f"SELECT {_CONFLICT} FROM conflict{where} ORDER BY id", values)
        ]

    def get(self, conflict_id: int) -> Conflict:
        """One conflict.

        Raises:
            NotFound: there is none with this number.
        """
        row = self._db.row(f"SELECT {_CONFLICT} FROM conflict WHERE id = ?", (conflict_id,))
        if row is None:
            raise NotFound(
                f"there is no conflict number {conflict_id}", hint="`trueup resolve JOB` lists the open ones"
            )
        return _to_conflict(row)

    def set_state(self, conflict_id: int, state: str, winner: str = "") -> None:
        """Moves a conflict on ("open", "decided", "resolved")."""
        with self._db.transaction("conflicts.set_state"):
            self._set("id = ?", conflict_id, state, winner)

    def close_for_link(self, link: int, state: str, winner: str) -> None:
        """Moves on what is not closed of a link."""
        with self._db.transaction("conflicts.close_for_link"):
            self._set(f"link = ? AND state <> '{CLOSED}'", link, state, winner)

    def _set(self, where: str, number: int, state: str, winner: str) -> None:
        closed = self._db.now() if state == CLOSED else None
        self._db.write(
            f"UPDATE conflict SET state = ?, winner = ?, closed = ? WHERE {where}", (state, winner, closed, number)
        )


def _to_conflict(row: Row) -> Conflict:
    fields, versions, winner = json.loads(row[9]), json.loads(row[10]), row[11]
    return Conflict(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], row[8], fields, versions, winner)
