"""Occurrences: what schedules and triggers want to start, and what became of it. The key of one is fired once, whatever happens."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from trueup.core.ledger.database import Database, Row, storable
from trueup.core.ledger.records import to_json
from trueup.model.occurrence import Occurrence, OccurrenceRecord, OccurrenceState

_ROW = "subject, key, source, at, nominal, until, title, params, state, run, note, changed, ended, outcome"
_WANTED = OccurrenceState.WANTED.value
_FIRED = OccurrenceState.FIRED.value


class Occurrences:
    """See the module's text."""

    def __init__(self, database: Database) -> None:
        self._db = database

    # --- looking

    def get(self, subject: str, key: str) -> OccurrenceRecord | None:
        """One occurrence; None: not known."""
        row = self._db.row(f"SELECT {_ROW} FROM occurrence WHERE subject = ? AND key = ?", (subject, key))
        return None if row is None else _record(row)

    def wanted(
        self, subject: str | None = None, source: str | None = None, until: float | None = None
    ) -> list[OccurrenceRecord]:
        """What is to run, by time; of one job or pipeline, of one schedule or trigger, up to a moment, if given."""
        where, values = _where(subject=subject, source=source)
        if until is not None:
            where, values = f"{where} AND at <= ?", (*values, until)
        rows = self._db.rows(
            f"SELECT {_ROW} FROM occurrence WHERE state = 'wanted'{where} ORDER BY at, subject, key", values
        )
        return [_record(row) for row in rows]

    def next_at(self, after: float) -> float | None:
        """When the next wanted occurrence after a moment is due; None: there is none."""
        found = self._db.value("SELECT min(at) FROM occurrence WHERE state = 'wanted' AND at > ?", (after,))
        return None if found is None else float(found)

    def under_way(self) -> list[OccurrenceRecord]:
        """What was fired and has not ended, the earliest first."""
        rows = self._db.rows(
            f"SELECT {_ROW} FROM occurrence WHERE state = 'fired' AND ended IS NULL ORDER BY changed, subject, key"
        )
        return [_record(row) for row in rows]

    def asked(self) -> list[OccurrenceRecord]:
        """What waits for a person's word, the earliest first."""
        rows = self._db.rows(f"SELECT {_ROW} FROM occurrence WHERE state = 'asked' ORDER BY changed, subject, key")
        return [_record(row) for row in rows]

    def known(self, subject: str, keys: Iterable[str]) -> dict[str, OccurrenceRecord]:
        """Those of these keys that are known, by key."""
        rows = self._db.rows_in(f"SELECT {_ROW} FROM occurrence WHERE subject = ? AND key IN (@)", keys, (subject,))
        return {row[1]: _record(row) for row in rows}

    def history(self, subject: str | None = None, limit: int = 50) -> list[OccurrenceRecord]:
        """What is not wanted any more, the latest change first."""
        where, values = _where(subject=subject)
        rows = self._db.rows(
            f"SELECT {_ROW} FROM occurrence WHERE state <> 'wanted'{where} ORDER BY changed DESC, key LIMIT ?",
            (*values, limit),
        )
        return [_record(row) for row in rows]

    # --- wanting

    def want(self, subject: str, source: str, one: Occurrence) -> bool:
        """Adds an occurrence that is to run; False: its key is known, whatever became of it."""
        with self._db.transaction("occurrences.want"):
            added = self._db.write(
                f"INSERT INTO occurrence ({_ROW}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?, ?, NULL, '')"
                " ON CONFLICT (subject, key) DO NOTHING",
                (
                    *(subject, one.key, source, one.at, one.nominal, one.until, storable(one.title)),
                    *(to_json(one.params), _WANTED, storable(one.note), self._db.now()),
                ),
            )
        return added > 0

    def move(self, subject: str, one: Occurrence) -> bool:
        """Sets when a wanted occurrence runs and with what; False: it is not wanted any more."""
        with self._db.transaction("occurrences.move"):
            moved = self._db.write(
                "UPDATE occurrence SET at = ?, nominal = ?, until = ?, title = ?, params = ?, note = ?"
                " WHERE subject = ? AND key = ? AND state = 'wanted'",
                (
                    *(one.at, one.nominal, one.until, storable(one.title), to_json(one.params), storable(one.note)),
                    *(subject, one.key),
                ),
            )
        return moved > 0

    def withdraw(self, subject: str, key: str) -> bool:
        """Takes back an occurrence that is not wanted any more; False: it was fired, or is not known."""
        with self._db.transaction("occurrences.withdraw"):
            return (
                self._db.write(
                    "DELETE FROM occurrence WHERE subject = ? AND key = ? AND state = 'wanted'", (subject, key)
                )
                > 0
            )

    # --- deciding

    def fire(self, subject: str, key: str) -> bool:
        """Hands a wanted occurrence to a run; True for exactly one of those who try."""
        return self.decide(subject, key, OccurrenceState.FIRED)

    def decide(self, subject: str, key: str, state: OccurrenceState, note: str = "", run: str = "") -> bool:
        """Says what becomes of a wanted occurrence, and why; False: somebody has said so before."""
        with self._db.transaction(f"occurrences.{state.value}"):
            changed = self._db.write(
                "UPDATE occurrence SET state = ?, note = CASE WHEN ? = '' THEN note ELSE ? END, run = ?, changed = ?"
                " WHERE subject = ? AND key = ? AND state = 'wanted'",
                (state.value, note, storable(note), run, self._db.now(), subject, key),
            )
        return changed > 0

    def take_up(self, subject: str, key: str) -> bool:
        """Hands an occurrence that a person was asked about to its run; False: it does not wait for anybody."""
        with self._db.transaction("occurrences.take_up"):
            changed = self._db.write(
                "UPDATE occurrence SET state = 'fired', changed = ? WHERE subject = ? AND key = ? AND state = 'asked'",
                (self._db.now(), subject, key),
            )
        return changed > 0

    def put_back(self, subject: str, key: str) -> None:
        """Undoes `take_up`: its run could not begin."""
        with self._db.transaction("occurrences.put_back"):
            self._db.write(
                "UPDATE occurrence SET state = 'asked' WHERE subject = ? AND key = ? AND state = 'fired' AND ended IS NULL",
                (subject, key),
            )

    def end(self, subject: str, key: str, outcome: str, run: str = "", note: str = "") -> None:
        """Records how the run of a fired occurrence ended."""
        with self._db.transaction("occurrences.end"):
            self._db.write(
                "UPDATE occurrence SET ended = ?, outcome = ?, run = ?, note = CASE WHEN ? = '' THEN note ELSE ? END"
                " WHERE subject = ? AND key = ? AND state = 'fired'",
                (self._db.now(), outcome, run, note, storable(note), subject, key),
            )

    # --- how far was looked

    def seen(self, subject: str, source: str) -> float | None:
        """Up to which moment a schedule or trigger was looked at; None: never."""
        row = self._db.row("SELECT seen FROM watched WHERE subject = ? AND source = ?", (subject, source))
        return None if row is None else float(row[0])

    def see(self, marks: Mapping[tuple[str, str], float]) -> None:
        """Moves the marks on, by (subject, source); a mark never moves back."""
        with self._db.transaction("occurrences.see"):
            self._db.write_many(
                "INSERT INTO watched (subject, source, seen) VALUES (?, ?, ?) ON CONFLICT (subject, source)"
                " DO UPDATE SET seen = excluded.seen WHERE watched.seen < excluded.seen",
                [(subject, source, moment) for (subject, source), moment in marks.items()],
            )

    def forget_sources(self, known: Collection[tuple[str, str]]) -> list[OccurrenceRecord]:
        """Drops the marks of schedules and triggers that are not there any more, and takes back what they wanted; returns that."""
        with self._db.transaction("occurrences.forget"):
            gone = [row for row in self._db.rows("SELECT subject, source FROM watched") if tuple(row) not in known]
            dropped = [one for one in self.wanted() if (one.subject, one.source) not in known]
            self._db.write_many("DELETE FROM watched WHERE subject = ? AND source = ?", gone)
            for one in dropped:
                self.withdraw(one.subject, one.key)
        return dropped

    def prune(self, before: float, keep: Collection[tuple[str, str]] = ()) -> int:
        """Forgets what is over and was last changed before this, but not these (subject, key); returns how many."""
        with self._db.transaction("occurrences.prune"):
            rows = self._db.rows(
                "SELECT subject, key FROM occurrence WHERE changed < ? AND state <> 'wanted'"
                " AND (state <> 'fired' OR ended IS NOT NULL)",
                (before,),
            )
            old = [row for row in rows if tuple(row) not in keep]
            self._db.write_many("DELETE FROM occurrence WHERE subject = ? AND key = ?", old)
        return len(old)


def _where(**given: str | None) -> tuple[str, tuple[Any, ...]]:
    named = {name: value for name, value in given.items() if value is not None}
    return "".join(f" AND {name} = ?" for name in named), tuple(named.values())


def _record(row: Row) -> OccurrenceRecord:
    subject, key, source, at, nominal, until, title, params, state, run, note, changed, ended, outcome = row
    return OccurrenceRecord(
        *(subject, key, source, at, nominal, until, title, json.loads(params)),
        *(OccurrenceState(state), run, note, changed, ended, outcome),
    )
