"""Steps of pipeline runs: what was started, and what it gave."""

from __future__ import annotations

import json
from typing import Any

from trueup.core.ledger.database import Database, Row
from trueup.core.ledger.records import to_json
from trueup.core.ledger.rows import StepRow

_STEP = "run, key, state, attempts, input, output, error, started, ended"


class Steps:
    """See the module's text."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def get(self, run: str, key: str) -> StepRow | None:
        """One step; None: never started."""
        row = self._db.row(f"SELECT {_STEP} FROM step WHERE run = ? AND key = ?", (run, key))
        return None if row is None else _to_step(row)

    def all(self, run: str) -> list[StepRow]:
        """All steps of a run, in the order in which they began."""
        return [
            _to_step(row)
            for row in self._db.rows(f"SELECT {_STEP} FROM step WHERE run = ? ORDER BY started, key", (run,))
        ]

    def touched(self, run: str) -> float | None:
        """When a step of a run last began or ended, seconds since 1970; None: none has begun."""
        row = self._db.row("SELECT max(started), max(ended) FROM step WHERE run = ?", (run,))
        return max((float(one) for one in row or () if one is not None), default=None)

    def start(self, run: str, key: str, input: Any) -> None:
        """Records that a step is being worked on; counts the attempts. `input` is any JSON value."""
        with self._db.transaction("steps.start"):
            self._db.write(
                "INSERT INTO step (run, key, state, attempts, input, output, error, started)"
                " VALUES (?, ?, 'running', 1, ?, 'null', '', ?) ON CONFLICT (run, key) DO UPDATE SET state = 'running',"
                " attempts = step.attempts + 1, input = excluded.input, output = 'null', error = '', started = excluded.started,"
                " ended = NULL",
                (run, key, to_json(input), self._db.now()),
            )

    def finish(self, run: str, key: str, state: str, output: Any = None, error: str = "") -> None:
        """Records how a step ended; one that never began (skipped) too."""
        with self._db.transaction("steps.finish"):
            self._db.write(
                "INSERT INTO step (run, key, state, attempts, input, output, error, started, ended)"
                " VALUES (?, ?, ?, 0, 'null', ?, ?, ?, ?) ON CONFLICT (run, key) DO UPDATE SET state = excluded.state,"
                " output = excluded.output, error = excluded.error, ended = excluded.ended",
                (run, key, state, to_json(output), error, self._db.now(), self._db.now()),
            )


def _to_step(row: Row) -> StepRow:
    run, key, state, attempts, given, output, error, started, ended = row
    return StepRow(run, key, state, attempts, json.loads(given), json.loads(output), error, started, ended)
