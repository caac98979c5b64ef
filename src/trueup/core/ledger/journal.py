"""The journal: runs, and every change of their plans with what became of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from trueup.core.ledger.batches import assign_batches
from trueup.core.ledger.database import Database, Row
from trueup.core.ledger.prune import prune
from trueup.core.ledger.records import to_json
from trueup.core.ledger.rows import BatchRow, JournalRow
from trueup.model.change import Action, Change, ChangeState
from trueup.model.errors import NotFound
from trueup.model.run import Phase, RunRecord, RunState

_RUN = "id, kind, subject, state, phase, started, ended, parent, plan, report"
_CHANGE = "data, state, batch, result"
OPEN = "change.state IN ('sent', 'done')"  # as in the index
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that people take for another


class Journal:
    """See the module's text."""

    def __init__(self, database: Database) -> None:
        self._db = database

    # --- runs

    def start(self, kind: str, subject: str, parent: str = "") -> RunRecord:
        """Begins a run. Its id is made of the time (UTC) and four letters: "20261121-034512-k3f9"."""
        now = self._db.now()
        moment = datetime.fromtimestamp(now, UTC).strftime("%Y%m%d-%H%M%S")
        with self._db.transaction("journal.start"):
            while True:
                run_id = f"{moment}-{''.join(_LETTERS[one % len(_LETTERS)] for one in os.urandom(4))}"
                if self._db.write(
                    "INSERT INTO run (id, kind, subject, state, phase, started, parent, report)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, '{}') ON CONFLICT (id) DO NOTHING",
                    (run_id, kind, subject, RunState.RUNNING.value, Phase.READ.value, now, parent),
                ):
                    break
        return self.get(run_id)

    def update(
        self,
        run_id: str,
        *,
        state: RunState | str | None = None,
        phase: Phase | str | None = None,
        plan: Mapping[str, Any] | None = None,
        report: Mapping[str, Any] | None = None,
        ended: float | None = None,
    ) -> None:
        """Sets what is given; the rest stays. `ended` in seconds since 1970."""
        values: dict[str, Any] = {
            "state": None if state is None else str(state),
            "phase": None if phase is None else str(phase),
            "plan": None if plan is None else to_json(plan),
            "report": None if report is None else to_json(report),
            "ended": ended,
        }
        given = {name: value for name, value in values.items() if value is not None}
        if not given:
            return
        with self._db.transaction("journal.update"):
            columns = ", ".join(f"{name} = ?" for name in given)
            self._db.write(f"UPDATE run SET {columns} WHERE id = ?", (*given.values(), run_id))

    def add_to_report(self, run_id: str, members: Mapping[str, Any]) -> None:
        """Adds members to a run's report, whoever else adds to it at the same time."""
        with self._db.transaction("journal.add_to_report"):
            self._db.write("UPDATE run SET phase = phase WHERE id = ?", (run_id,))  # takes the lock on the row
            self.update(run_id, report={**self.get(run_id).report, **members})

    def get(self, run_id: str) -> RunRecord:
        """The run with exactly this id.

        Raises:
            NotFound: there is none.
        """
        row = self._db.row(f"SELECT {_RUN} FROM run WHERE id = ?", (run_id,))
        if row is None:
            raise _no_run(run_id)
        return _to_run(row)

    def find(self, prefix: str) -> RunRecord:
        """The run whose id begins like this, or the last one ("last").

        Raises:
            NotFound: there is none, or more than one.
        """
        if prefix == "last":
            found = self.history(limit=1)
        else:
            rows = self._db.rows(
                f"SELECT {_RUN} FROM run WHERE substr(id, 1, ?) = ? ORDER BY id LIMIT 4", (len(prefix), prefix)
            )
            found = [_to_run(row) for row in rows if prefix]
        if not found:
            raise _no_run(prefix)
        if len(found) > 1:
            names = ", ".join(run.id for run in found[:3]) + (" …" if len(found) > 3 else "")
            raise NotFound(f"{prefix} is the beginning of more than one run", why=names, hint="give more of the id")
        return found[0]

    def latest(
        self,
        subject: str,
        states: Iterable[RunState | str] = (),
        *,
        parent: str | None = None,
        kind: str | None = None,
    ) -> RunRecord | None:
        """The last run of this job or pipeline; in one of these states, of this parent or kind, if any are given."""
        wanted = [str(state) for state in states]
        where, values = "subject = ?", [subject, *wanted]
        if wanted:
            where += f" AND state IN ({', '.join('?' * len(wanted))})"
        for name, value in (("parent", parent), ("kind", kind)):
            if value is not None:
                where += f" AND {name} = ?"
                values.append(value)
        row = self._db.row(f"SELECT {_RUN} FROM run WHERE {where} ORDER BY started DESC, id DESC LIMIT 1", values)
        return None if row is None else _to_run(row)

    def history(self, subject: str | None = None, limit: int = 50, kind: str | None = None) -> list[RunRecord]:
        """The last runs, the newest first."""
        given = {name: value for name, value in (("subject", subject), ("kind", kind)) if value is not None}
        where = f" WHERE {' AND '.join(f'{name} = ?' for name in given)}" if given else ""
        rows = self._db.rows(
            f"SELECT {_RUN} FROM run{where} ORDER BY started DESC, id DESC LIMIT ?", (*given.values(), limit)
        )
        return [_to_run(row) for row in rows]

    def under_way(self, kind: str, before: float) -> list[RunRecord]:
        """The runs of a kind that began before a moment and stand as running, killed ones too; the newest first."""
        rows = self._db.rows(
            f"SELECT {_RUN} FROM run WHERE state = ? AND kind = ? AND started < ? ORDER BY started DESC, id DESC LIMIT 200",
            (RunState.RUNNING.value, kind, before),
        )
        return [_to_run(row) for row in rows]

    def prune(self, before: float) -> int:
        """Forgets what is older than this (seconds since 1970); see `prune.prune`. Returns how many runs went."""
        return prune(self._db, before)

    # --- changes

    def add_changes(self, run_id: str, rows: Sequence[tuple[Change, ChangeState]]) -> None:
        """Adds changes to a run's plan, in one commit."""
        values = [
            (
                *(run_id, change.seq, change.action.value, state.value, change.collection, change.link),
                *(change.before, change.after, to_json(change.to_json()), "{}"),
            )
            for change, state in rows
        ]
        with self._db.transaction("journal.add_changes"):
            self._db.write_many(
                "INSERT INTO change (run, seq, action, state, collection, link, before, after, data, result)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                values,
            )

    def clear_changes(self, run_id: str) -> None:
        """Forgets the run's changes: its plan is made anew."""
        with self._db.transaction("journal.clear_changes"):
            self._db.write("DELETE FROM change WHERE run = ?", (run_id,))

    def changes(
        self,
        run_id: str,
        after: int = 0,
        limit: int = 1000,
        states: Iterable[ChangeState | str] = (),
        link: int | None = None,
        actions: Iterable[Action] = (),
        collection: str | None = None,
    ) -> list[JournalRow]:
        """Changes of a run after this number, in order; only those in these states, with these actions, of this link, or of this collection,
        if given."""
        where, values = "run = ? AND seq > ?", [run_id, after]
        if wanted := [str(state) for state in states]:
            where += f" AND state IN ({', '.join('?' * len(wanted))})"
            values += wanted
        if chosen := [action.value for action in actions]:
            where += f" AND action IN ({', '.join('?' * len(chosen))})"
            values += chosen
        for name, value in (("link", link), ("collection", collection)):
            if value is not None:
                where += f" AND {name} = ?"
                values.append(value)
        rows = self._db.rows(f"SELECT {_CHANGE} FROM change WHERE {where} ORDER BY seq LIMIT ?", (*values, limit))
        return [_to_change(row) for row in rows]

    def texts(self, run_id: str) -> Iterator[str]:
        """The changes of a run in order, as the JSON texts they are kept as: what a plan's hash is made over."""
        after = 0
        while rows := self._db.rows(
            "SELECT seq, data FROM change WHERE run = ? AND seq > ? ORDER BY seq LIMIT 1000", (run_id, after)
        ):
            yield from (text for _, text in rows)
            after = rows[-1][0]

    def unfinished(self, job: str, ref: str) -> dict[str, list[JournalRow]]:
        """Writes to a collection of which it is not known what became of them, or what the store keeps of them: by run, in order."""
        rows = self._db.rows(
            "SELECT change.run, change.data, change.state, change.batch, change.result FROM change JOIN run ON run.id = change.run"
            f" WHERE change.collection = ? AND {OPEN} AND run.subject = ? ORDER BY run.started, change.run, change.seq",
            (ref, job),
        )
        result: dict[str, list[JournalRow]] = {}
        for run_id, *row in rows:
            result.setdefault(run_id, []).append(_to_change(tuple(row)))
        return result

    def written_since(self, job: str, ref: str, moment: float) -> Iterator[str]:
        """The hrefs in a collection that the job's runs wrote, or tried to, that had not ended by then (seconds since 1970)."""
        rows = self._db.rows(
            "SELECT change.data FROM run JOIN change ON change.run = run.id WHERE run.subject = ? AND (run.ended IS NULL OR run.ended > ?)"
            " AND change.batch IS NOT NULL AND change.collection = ? AND change.state <> ?",
            (job, moment, ref, ChangeState.PLANNED.value),
        )
        yield from (href for (text,) in rows if (href := json.loads(text).get("href")))

    def copies(self, run_id: str) -> int:
        """How many items were created that have no link yet: kept losers of conflicts."""
        return int(
            self._db.value(
                "SELECT count(*) FROM change WHERE run = ? AND action = ? AND state = ? AND link IS NULL",
                (run_id, Action.CREATE.value, ChangeState.VERIFIED.value),
            )
        )

    def counts(self, run_id: str) -> dict[tuple[Action, ChangeState], int]:
        """How many changes of the run there are, by action and state."""
        rows = self._db.rows(
            "SELECT action, state, count(*) FROM change WHERE run = ? GROUP BY action, state", (run_id,)
        )
        return {(Action(action), ChangeState(state)): number for action, state, number in rows}

    # --- batches

    def assign_batches(self, run_id: str, sizes: Mapping[str, int]) -> None:
        """Puts the run's planned writes into batches; see `batches.assign_batches`."""
        assign_batches(self._db, run_id, sizes)

    def set_batches(self, run_id: str, places: Mapping[int, tuple[int, int]]) -> None:
        """Puts changes into batches of the caller's choice: (wave, batch) by number of the change. Changes of several collections may share one."""
        with self._db.transaction("journal.set_batches"):
            self._db.write_many(
                "UPDATE change SET wave = ?, batch = ? WHERE run = ? AND seq = ?",
                [(wave, batch, run_id, seq) for seq, (wave, batch) in sorted(places.items())],
            )

    def batches(self, run_id: str) -> list[BatchRow]:
        """The run's batches, wave by wave; one of several collections goes by the first of them."""
        rows = self._db.rows(
            "SELECT batch, wave, min(collection), count(*), sum(CASE WHEN state IN (?, ?) THEN 1 ELSE 0 END) FROM change"
            " WHERE run = ? AND batch IS NOT NULL GROUP BY batch, wave ORDER BY wave, batch",
            (ChangeState.PLANNED.value, ChangeState.SENT.value, run_id),
        )
        return [BatchRow(*row) for row in rows]

    def undone(self, run_id: str, links: Sequence[int]) -> set[int]:
        """Those of the links that the run was to create or update somewhere, and did not."""
        rows = self._db.rows_in(
            f"SELECT DISTINCT link FROM change WHERE run = ? AND action IN ('{Action.CREATE}', '{Action.UPDATE}')"
            f" AND state NOT IN ('{ChangeState.DONE}', '{ChangeState.VERIFIED}') AND link IN (@)",
            links,
            (run_id,),
        )
        return {row[0] for row in rows}

    def batch(self, run_id: str, number: int) -> list[JournalRow]:
        """The changes of one batch, in order."""
        rows = self._db.rows(f"SELECT {_CHANGE} FROM change WHERE run = ? AND batch = ? ORDER BY seq", (run_id, number))
        return [_to_change(row) for row in rows]

    def mark_sent(self, run_id: str, seqs: Iterable[int]) -> None:
        """Records that these changes are about to be sent, in one commit."""
        with self._db.transaction("journal.mark_sent"):
            self._db.write_in(
                "UPDATE change SET state = ? WHERE run = ? AND seq IN (@)", seqs, (ChangeState.SENT.value, run_id)
            )

    def record(self, run_id: str, results: Sequence[tuple[int, ChangeState, Mapping[str, Any]]]) -> None:
        """Records what became of changes: (number, state, result), in one commit."""
        with self._db.transaction("journal.record"):
            self._db.write_many(
                "UPDATE change SET state = ?, result = ? WHERE run = ? AND seq = ?",
                [(state.value, to_json(result), run_id, seq) for seq, state, result in results],
            )


def _to_run(row: Row) -> RunRecord:
    plan = None if row[8] is None else json.loads(row[8])
    return RunRecord(row[0], row[1], row[2], RunState(row[3]), row[4], row[5], row[6], row[7], plan, json.loads(row[9]))


def _to_change(row: Row) -> JournalRow:
    return JournalRow(Change.from_json(json.loads(row[0])), ChangeState(row[1]), row[2], json.loads(row[3]))


def _no_run(name: str) -> NotFound:
    return NotFound(
        f"there is no run {name}", hint="`trueup history` lists the runs that are kept; `last` is the last one"
    )
