"""The end of a backup's run: how it went, source by source, and whether it may be called a success."""

from __future__ import annotations

from typing import Any, TypeAlias

from trueup.core.ledger.rows import JournalRow
from trueup.jobs.backup.planning import Stage
from trueup.jobs.backup.status import status
from trueup.jobs.backup.work import BackupWork
from trueup.model.change import Action, ChangeState
from trueup.model.run import Phase, RunState

Json: TypeAlias = dict[str, Any]

PAGE = 500
SHOWN = 200
UNSEEN = "it was stored, and the repository could not be asked for it again"


def report(work: BackupWork, run_id: str, verifications: list[Json]) -> Json:
    """Ends the run.

    Returns:
        The report, also kept with the run: {"run", "state", "counts", "left", "backup": {"taken", "sources", "damage", "frozen", …}, "again"};
        "state" is "done" where every source was stored and nothing is wrong, "failed" where none was stored, else "partial".
    """
    journal = work.ledger.journal
    run = journal.get(run_id)
    if run.ended is not None:
        return run.report
    rows = _rows(work, run_id)
    stages = [_stage(row) for row in rows]
    # What was stored, and could only not be looked up again, is there.
    stored = (ChangeState.VERIFIED, ChangeState.DONE)
    taken = [row for row in rows if row.change.code == Stage.TAKE and row.state in stored]
    left = [_left(row) for row in rows if row.state is not ChangeState.VERIFIED]
    shown = status(work)
    wrong = [one for one in left if one["state"] != ChangeState.PUT_OFF.value or one["stage"] != Stage.FORGET]
    if not taken:
        state = RunState.FAILED
    else:
        state = RunState.PARTIAL if wrong or shown["frozen"] or shown["damaged"] else RunState.DONE
    result: Json = {
        **run.report,
        "run": run_id,
        "state": state.value,
        "kind": "backup",
        "counts": _counts(rows),
        "left": left[:SHOWN],
        "conflicts": 0,
        "again": False,
        "verifications": verifications,
        "backup": {"taken": len(taken), "stages": stages[:SHOWN], **shown},
    }
    with work.ledger.transaction("report"):
        journal.update(run_id, phase=Phase.REPORT.value, state=state, report=result, ended=work.clock())
        work.ended("ended", result)
    work.ended("over", result)
    return result


def _rows(work: BackupWork, run_id: str) -> list[JournalRow]:
    found: list[JournalRow] = []
    while page := work.ledger.journal.changes(run_id, after=found[-1].change.seq if found else 0, limit=PAGE):
        found += page
    return found


def _counts(rows: list[JournalRow]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in rows:
        if row.state is ChangeState.VERIFIED and row.change.action in (Action.CREATE, Action.DELETE):
            counts[row.change.action.value] = counts.get(row.change.action.value, 0) + 1
    return counts


def _stage(row: JournalRow) -> Json:
    """What a change came to, for people and programs."""
    change = row.change
    known = {"stage": change.code, "title": change.title, "collection": change.collection, "state": row.state.value}
    unseen = {"reason": UNSEEN} if row.state is ChangeState.DONE else {}
    return {**known, **row.result, **unseen}


def _left(row: JournalRow) -> Json:
    change = row.change
    known = {"title": change.title, "starts": "", "collection": change.collection, "state": row.state.value}
    code, reason = row.result.get("code") or change.code, row.result.get("reason") or change.reason
    if row.state is ChangeState.DONE:
        code, reason = "not-looked-up", UNSEEN
    return {**known, "stage": change.code, "code": code, "reason": reason, "hint": row.result.get("hint", "")}
