"""The phases of a job's run: plain functions of small JSON. An engine calls them, may call them twice, and may die
between any two of them.

    read(ref)* -> plan -> guard -> apply_batch(n)* -> verify(ref)* -> report

All they need to know stands in the ledger, under the run's id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from trueup.core import planner, reading
from trueup.core.job_work import JobWork
from trueup.core.ledger.rows import JournalRow
from trueup.core.work import Work
from trueup.model.change import BENIGN, REVIEW, Action, ChangeState
from trueup.model.errors import GuardBlocked, LedgerError
from trueup.model.plan import Plan
from trueup.model.run import Phase, RunRecord, RunState

PAGE = 1000
APPROVER = "a person"

UNANSWERED = ("away", "uncertain")
"""Codes of changes that were not made because the store did not answer."""

LASTING = ("LoginRefused", "SecretMissing", "Permanent", "Damaged", "NotFound", "ConfigError")
"""Errors of a store that time does not mend; connectors have kinds of their own of those that it does."""

ANOTHER_AFTER_KILL = True
"""See `job_work.Phases`."""


def goes_on(work: JobWork, run: RunRecord) -> bool:
    """A plan that is half carried out is finished, whatever happened since: its preconditions hold or refuse."""
    return True


def begin(work: JobWork, kind: str = "run", parent: str = "") -> str:
    """Starts a run and returns its id."""
    return work.ledger.journal.start(kind, work.spec.name, parent).id


def read(work: Work, run_id: str, ref: str) -> dict[str, Any]:
    """Brings the ledger up to date with one collection; see `reading.read`."""
    work.ledger.journal.update(run_id, phase=Phase.READ.value)
    return reading.read(work, ref)


def plan(work: Work, run_id: str, readings: list[dict[str, Any]]) -> dict[str, Any]:
    """Makes the plan from what the readings say, and returns its header."""
    work.ledger.journal.update(run_id, phase=Phase.PLAN.value)
    work.ledger.journal.add_to_report(run_id, {"readings": readings})
    return planner.make_plan(work, run_id, {one["collection"]: one for one in readings}).to_json()


def guard(work: JobWork, run_id: str, allow: list[str] | None = None, who: str = APPROVER) -> dict[str, Any]:
    """Whether the plan may be applied.

    Args:
        work, run_id: the run.
        allow: guards that are allowed ("all": every one).
        who: who allows them.

    Returns:
        {"blocked", "guards"}; a blocked run is left as "awaiting approval".
    """
    journal = work.ledger.journal
    header = journal.get(run_id).plan
    assert header is not None
    made = planner.allow(Plan.from_json(header), allow or (), who)
    state = RunState.AWAITING_APPROVAL if made.blocked else RunState.RUNNING
    with work.ledger.transaction("guard"):
        journal.update(run_id, phase=Phase.GUARD.value, state=state, plan=made.to_json())
        if made.blocked:
            work.ended("ended", {"run": run_id})
    return {"blocked": made.blocked, "guards": made.to_json()["guards"]}


def refuse_stale(work: Work, plan: Plan, readings: Sequence[dict[str, Any]]) -> None:
    """Refuses a plan when the world moved on; see `staleness.refuse_stale`."""
    from trueup.core import staleness

    staleness.refuse_stale(work, plan, readings)


def start_apply(work: Work, run_id: str) -> dict[str, Any]:
    """Before the first batch: makes sure that the plan is the one that was sealed and allowed, and agrees on what needs no write.

    Returns:
        {"waves": [[batch, …], …]}: waves go one after another, the batches of a wave in parallel.

    Raises:
        GuardBlocked: a guard fired that nobody has allowed.
        LedgerError: the plan is not the one that was sealed.
    """
    ledger = work.ledger
    require_sealed(work, run_id)
    ledger.journal.update(run_id, phase=Phase.APPLY.value, state=RunState.RUNNING)
    work.ended("began", {"run": run_id})
    for rows in _pages(work, run_id, (ChangeState.PLANNED,), [one for one in Action if not one.writes]):
        agreed = [row.change for row in rows]
        ledger.journal.record(run_id, [(change.seq, ChangeState.VERIFIED, {}) for change in agreed])
    waves: dict[int, list[int]] = {}
    for batch in ledger.journal.batches(run_id):
        if batch.open:
            waves.setdefault(batch.wave, []).append(batch.batch)
    return {"waves": [waves[wave] for wave in sorted(waves)]}


def require_sealed(work: JobWork, run_id: str) -> None:
    """Raises GuardBlocked or LedgerError where a run's plan is not one that was sealed and allowed."""
    header = work.ledger.journal.get(run_id).plan
    assert header is not None
    made = Plan.from_json(header)
    if made.compute_hash(work.ledger.journal.texts(run_id)) != made.hash:
        raise LedgerError(
            f"the plan of run {run_id} is not the one that was made",
            where=work.ledger.where,
            why="its changes do not give the hash it was sealed with: the ledger was changed from outside",
            hint=f"make a new one: trueup plan {work.spec.name}",
        )
    if made.blocked:
        fired = next(one for one in made.guards if not one.allowed)
        raise GuardBlocked(
            f"the plan of run {run_id} waits for your word",
            where=fired.collection,
            why=fired.message,
            hint=f"to allow it: trueup apply {run_id} --allow {fired.guard}",
        )


def apply_batch(work: Work, run_id: str, batch: int) -> dict[str, Any]:
    """Sends one batch; see `executor.apply_batch`."""
    from trueup.core import executor

    result = executor.apply_batch(work, run_id, batch)
    work.on_event({"event": "batch", "phase": "apply", **result})
    return result


def verify(work: Work, run_id: str, ref: str) -> dict[str, Any]:
    """Reads back what the run wrote to one collection; see `verification.verify`."""
    work.ledger.journal.update(run_id, phase=Phase.VERIFY.value)
    from trueup.core import verification

    return verification.verify(work, run_id, ref)


def report(work: Work, run_id: str, verifications: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Ends the run: agrees on what was verified, keeps the conflicts, counts, and says how it ended.

    Returns:
        The report, also kept with the run: {"run", "state", "counts", "left", "conflicts", "notes", "again", "away"}; "again"
        is True where another round may finish
        what this one could not (an item moved on meanwhile, a kept loser has to be carried over), "away" where one may a while later, because a
        store did not answer.
    """
    run = work.ledger.journal.get(run_id)
    if run.ended is not None:
        return run.report
    if work.inspector is not None:
        from trueup.core.loads import carried_out

        carried_out(work, run_id, undo=run.kind == "undo")
    with work.ledger.transaction("report"):
        return _report(work, run, verifications or [])


def _report(work: Work, run: RunRecord, verifications: list[dict[str, Any]]) -> dict[str, Any]:
    ledger = work.ledger
    waiting = _undone(work, run.id) if run.kind == "undo" else 0
    if run.kind != "undo":
        ledger.state.settle(run.id)
        _keep_conflicts(work, run.id)
        _close_conflicts(work)
    outcome = _outcome(work, run.id)
    result = {
        **run.report,
        "run": run.id,
        "state": _state(outcome, run.plan).value,
        "counts": outcome["counts"],
        "left": outcome["left"],
        "conflicts": outcome["conflicts"],
        "questions": _open_questions(work),
        "waiting": waiting,
        **_said(run.plan or {}),
        "verifications": verifications,
        "again": bool(outcome["stale"] or outcome["copies"]),
        "away": _away(outcome, (*run.report.get("readings", ()), *verifications)),
    }
    same = (run.plan or {}).get("config") == work.spec.digest  # else it was changed while the plan was carried out
    if outcome["clean"] and same and not _unread(run.plan) and run.kind != "undo":
        _adopt_shape(work)
    state = RunState(str(result["state"]))
    ledger.journal.update(run.id, phase=Phase.REPORT.value, state=state, report=result, ended=work.clock())
    if not (result["again"] or result["away"]):  # else another round may follow, and only the last one is told
        work.ended("ended", result)
    return result


def _open_questions(work: Work) -> int:
    """How many questions wait for a person's answer."""
    tally = work.ledger.questions.tally(work.spec.name)
    return sum(count for (_, answer), (count, _) in tally.items() if not answer)


def _undone(work: Work, run_id: str) -> int:
    from trueup.core.undo import finish_undo

    return finish_undo(work, run_id)


def _said(header: dict[str, Any]) -> dict[str, list[str]]:
    """What the plan says of items together: double bookings and duplicates."""
    diagnostics = header.get("diagnostics")
    if not diagnostics:
        return {"overlaps": [], "duplicates": []}
    from trueup.core import advising, duplicates

    places = {"overlaps": advising.WHERE, "duplicates": duplicates.WHERE}
    return {key: [one["what"] for one in diagnostics if one["where"] == place] for key, place in places.items()}


def _adopt_shape(work: Work) -> None:
    """The filter and transform that all writes of a run were carried out with are the known ones from now on."""
    spec = work.spec
    work.ledger.state.save_job(spec.name, spec.digest, spec.shape, tuple(str(ref) for ref in spec.collections))


def _pages(
    work: Work, run_id: str, states: Iterable[ChangeState] = (), actions: Iterable[Action] = ()
) -> Iterator[list[JournalRow]]:
    states, actions, after = tuple(states), tuple(actions), 0
    while rows := work.ledger.journal.changes(run_id, after=after, limit=PAGE, states=states, actions=actions):
        yield rows
        after = rows[-1].change.seq


def _keep_conflicts(work: Work, run_id: str) -> None:
    ledger = work.ledger
    for rows in _pages(work, run_id, actions=(Action.CONFLICT,)):
        for row in rows:
            change = row.change
            if change.code == "undone":
                continue
            resolved = change.code == "resolved"
            if resolved and row.state is not ChangeState.VERIFIED:
                continue
            winner = next((str(one["winner"]) for one in change.conflict if one["winner"]), "")
            ledger.conflicts.open(
                work.spec.name,
                change.link,
                run_id,
                change.title,
                change.starts,
                change.code,
                "resolved" if resolved else "open",
                list(change.conflict),
                dict(change.versions),
                winner,
            )


def _close_conflicts(work: Work) -> None:
    """A conflict is over when its item is in agreement, or gone."""
    conflicts, state = work.ledger.conflicts, work.ledger.state
    for one in conflicts.list(work.spec.name, states=("open", "decided")):
        link = state.link(one.link) if one.link is not None else None
        if link is None or (link.due is None and link.decision is None):
            conflicts.set_state(one.id, "resolved", winner=one.winner)


def _outcome(work: Work, run_id: str) -> dict[str, Any]:
    counts: dict[str, int] = {}
    left: list[dict[str, Any]] = []
    result: dict[str, Any] = {
        "counts": counts,
        "left": left,
        "conflicts": 0,
        "stale": 0,
        "copies": work.ledger.journal.copies(run_id),
        "clean": True,
        "failed": 0,
        "reviews": 0,
        "unanswered": 0,
    }
    for (action, state), number in sorted(work.ledger.journal.counts(run_id).items()):
        if state is ChangeState.VERIFIED:
            counts[action] = counts.get(action, 0) + number
        elif action.writes:
            result["clean"] = False
    for rows in _pages(work, run_id, [one for one in ChangeState if one is not ChangeState.VERIFIED]):
        for row in rows:
            _judge(row, result)
    return result


def _away(outcome: dict[str, Any], answers: Sequence[dict[str, Any]]) -> bool:
    """Whether something is left because a store did not answer, and no store said what time will not mend (a wrong login)."""
    errors = [one["error"]["type"] for one in answers if one.get("error")]
    return bool(outcome["unanswered"] or errors) and not any(one in LASTING for one in errors)


def _judge(row: JournalRow, result: dict[str, Any]) -> None:
    change, state = row.change, row.state
    if row.result.get("code") in UNANSWERED or state in (ChangeState.SENT, ChangeState.DONE):
        result["unanswered"] += 1
    if change.action is Action.CONFLICT:
        result["conflicts"] += 1
    elif state is ChangeState.STALE:
        result["stale"] += 1
    elif change.code == REVIEW:
        result["reviews"] += 1
    elif change.code not in BENIGN:
        result["failed"] += 1
    if len(result["left"]) < 200:
        reason = row.result.get("reason") or change.reason
        code = row.result.get("code") or change.code
        entry = {"title": change.title, "starts": change.starts, "collection": change.collection, "state": state.value}
        conflict = {"action": change.action.value} if change.action is Action.CONFLICT else {}
        result["left"].append({**entry, **conflict, "code": code, "reason": reason})


def _state(outcome: dict[str, Any], header: dict[str, Any] | None) -> RunState:
    if outcome["failed"] or outcome["stale"] or _unread(header):
        return RunState.PARTIAL
    return RunState.CONFLICT if outcome["conflicts"] or outcome["reviews"] else RunState.DONE


def _unread(header: dict[str, Any] | None) -> bool:
    return header is not None and any(not one["read"] for one in header["based_on"])
