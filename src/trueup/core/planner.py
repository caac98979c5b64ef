"""The plan phase: everything a run will do, worked out and frozen before anything is done.

Only links that are due are looked at, page by page; the changes go to the ledger as they are found, so that a plan's
size costs no memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from trueup.core.guard import Population, Tally, findings
from trueup.core.identify import identify
from trueup.core.side import Side
from trueup.core.work import Work
from trueup.model.capabilities import Capabilities
from trueup.model.change import BENIGN, NOT_DELETED, REJECTED, Action, Change, ChangeState
from trueup.model.diagnostics import Diagnostic, Severity
from trueup.model.plan import BUG, BasedOn, GuardFinding, Plan

if TYPE_CHECKING:
    from trueup.core.draft import Held
    from trueup.core.inspecting import Inspection

PAGE = 200


def make_plan(work: Work, run_id: str, readings: Mapping[str, Mapping[str, Any]]) -> Plan:
    """Makes the plan of a run and keeps it in the ledger.

    Args:
        work: the job.
        run_id: the run.
        readings: what `read` said of each collection.

    Returns:
        The sealed header; the changes are in `ledger.journal.changes(run_id)`.
    """
    ledger, spec = work.ledger, work.spec
    ledger.journal.clear_changes(run_id)
    shape_changed = _note_configuration(work)
    held = identify(work)
    if len(spec.collections) == 1 and (work.inspector is None or not work.inspector.digest):
        ledger.state.agree_alone(spec.name)
    if work.inspector is not None:
        from trueup.core.noted import note_rules

        note_rules(work)
    sides = {str(ref): _side(work, str(ref), readings[str(ref)]) for ref in spec.collections}
    writer = _Writer(work, run_id)
    unlike, told = _quality(work, run_id, sides)
    inspection = _inspection(work, sides)
    for change in _changes(work, sides, held, inspection):
        writer.add(change)
    if inspection is not None:
        inspection.end()
        told += inspection.diagnostics()
        ledger.journal.add_to_report(run_id, {"quality": inspection.report()})
    if work.advisor is not None:
        from trueup.core.advising import advise

        for change in advise(work, sides, told):
            writer.add(change)
    if work.matcher is not None and work.matcher.duplicates:
        from trueup.core.duplicates import duplicates

        for change in duplicates(work, sides, held, told):
            writer.add(change)
    writer.flush()
    if inspection is not None and writer.written:
        inspection.written()
    plan = Plan(
        run=run_id,
        job=spec.name,
        created=datetime.fromtimestamp(work.clock(), UTC).isoformat(timespec="seconds"),
        config=spec.digest,
        based_on=tuple(_based_on(work, side) for side in sides.values()),
        complete=all(side.read for side in sides.values()) and not writer.put_off,
        applyable=writer.applyable,
        errored=writer.errored,
        creates=tuple(ref for ref, side in sides.items() if not side.exists and _wanted(work, ref)),
        counts=writer.counts,
        guards=(
            *findings(spec.guards, writer.tally, _populations(work, sides), shape_changed=shape_changed),
            *unlike,
        ),
        diagnostics=(*_diagnostics(readings), *told),
    )
    plan = plan.sealed(ledger.journal.texts(run_id))
    ledger.journal.assign_batches(run_id, {ref: sides[ref].capabilities.batch for ref in sorted(writer.written)})
    ledger.journal.update(run_id, plan=plan.to_json())
    return plan


def allow(plan: Plan, allowed: Iterable[str], who: str) -> Plan:
    """The plan with these guards allowed by a person ("all": every one)."""
    names = set(allowed)
    return replace(plan, guards=tuple(_allowed(one, names, who) for one in plan.guards))


def _allowed(one: GuardFinding, names: set[str], who: str) -> GuardFinding:
    return replace(one, allowed=who) if one.guard in names or "all" in names else one


def _note_configuration(work: Work) -> bool:
    """Everything is looked at again when the job's collections, filter or transform changed. Returns whether filter
    or transform did."""
    state, spec = work.ledger.state, work.spec
    refs = tuple(str(ref) for ref in spec.collections)
    known = state.job(spec.name)
    if known is not None and (known.shape != spec.shape or known.collections != refs):
        state.mark_all_due(spec.name)
    for row in state.collections(spec.name):
        if row.ref not in refs:
            state.forget_collection(row.id)
    # The shape is only replaced once a plan made with it was carried out (see `finish`): until then the guard keeps
    # asking.
    state.save_job(spec.name, spec.digest, known.shape if known else spec.shape, refs)
    return known is not None and known.shape != spec.shape


def _side(work: Work, ref: str, reading: Mapping[str, Any]) -> Side:
    row = work.row(ref)
    read, exists = bool(reading["read"]), bool(reading["exists"])
    collection = work.collection(ref) if read and exists else None
    counts = work.ledger.state.counts(row.id)
    empty = not counts.live and not counts.agreed
    return Side(ref, row.id, read, exists, collection, empty, Capabilities() if exists else work.prospect(ref))


def _quality(work: Work, run_id: str, sides: Mapping[str, Side]) -> tuple[list[GuardFinding], list[Diagnostic]]:
    """What is unlike the last load: what stops the run, and what is told."""
    if work.inspector is None:
        return [], []
    from trueup.core.loads import compare_loads

    return compare_loads(work, run_id, sides)


def _inspection(work: Work, sides: Mapping[str, Side]) -> Inspection | None:
    """The inspection of what is due by the job's rules of quality; None where it has none, or nothing is due."""
    if work.inspector is None or not work.inspector.digest:
        return None
    if not work.ledger.state.due_links(work.spec.name, work.clock(), 0, 1):
        from trueup.core.noted import TOPIC

        work.ledger.questions.withdraw(work.spec.name, TOPIC, ())  # what was asked about is gone
        return None
    from trueup.core.inspecting import Inspection

    return Inspection(work, sides)


def _changes(
    work: Work, sides: Mapping[str, Side], held: Mapping[int, Held], inspection: Inspection | None
) -> Iterator[Change]:
    refs = {side.id: side.ref for side in sides.values()}
    if work.ledger.state.due_links(work.spec.name, work.clock(), 0, 1):
        from trueup.core.drafting import drafted  # with all that working out a change needs: most runs have none

        yield from drafted(work, sides, refs, held, inspection)
    yield from _left_alone(work, refs, work.clock())


def _left_alone(work: Work, refs: Mapping[int, str], now: float) -> Iterator[Change]:
    """What this run does not touch though something is wrong with it: refused items without a link, and quarantined
    ones."""
    state, job = work.ledger.state, work.spec.name
    targets = {str(ref) for ref in work.spec.targets}
    after = 0
    while page := state.refused(job, after, PAGE):
        for one in page:
            ref = refs.get(one.collection, "")
            if one.link is None and ref not in targets:
                yield Change(
                    0, Action.SKIP, ref, one.href, one.title or one.href, one.starts, one.refused_why, one.refused
                )
        after = page[-1].id
    for link, one in state.quarantined(job, now):
        until = datetime.fromtimestamp(link.due or 0, UTC).isoformat(timespec="minutes")
        reason = f"failed {link.attempts} times, is tried again after {until}: {link.error}"
        yield Change(
            0,
            Action.SKIP,
            refs.get(one.collection, ""),
            one.href,
            one.title,
            one.starts,
            reason,
            "quarantined",
            link=link.id,
        )


def _based_on(work: Work, side: Side) -> BasedOn:
    row = work.row(side.ref)
    return BasedOn(side.ref, row.revision, work.ledger.state.counts(row.id).live, side.read)


def _populations(work: Work, sides: Mapping[str, Side]) -> dict[str, Population]:
    result = {}
    for ref, side in sides.items():
        if side.read:
            counts = work.ledger.state.counts(side.id)
            result[ref] = Population(counts.live, counts.agreed, counts.agreed_live)
    return result


def _wanted(work: Work, ref: str) -> bool:
    """Whether a collection that is not there may be created: a target, or one side of a two-way job; never a source
    to read from."""
    return not work.spec.one_way or any(str(target) == ref for target in work.spec.targets)


def _diagnostics(readings: Mapping[str, Mapping[str, Any]]) -> Iterator[Diagnostic]:
    for ref, reading in readings.items():
        if error := reading.get("error"):
            yield Diagnostic(
                Severity.ERROR, f"{ref} could not be read: {error['what']}", ref, error["why"], error["hint"]
            )


class _Writer:
    """Numbers the changes, counts them, and hands them to the ledger in pages."""

    def __init__(self, work: Work, run_id: str) -> None:
        self._work, self._run = work, run_id
        self._page: list[tuple[Change, ChangeState]] = []
        self._seq = 0
        self.tally = Tally()
        self.counts: dict[str, int] = {}
        self.applyable = False
        self.put_off = False
        self.errored = False
        self.written: set[str] = set()

    def add(self, change: Change) -> None:
        self._seq += 1
        change = replace(change, seq=self._seq)
        self.tally.add(change)
        self.counts[change.action.value] = self.counts.get(change.action.value, 0) + 1
        self.errored |= change.code == BUG
        self.applyable |= change.action.writes or change.action is Action.LINK
        if change.action.writes:
            self.written.add(change.collection)
        self.put_off |= change.code in ("unavailable", "quarantined")
        self._page.append((change, _first_state(change)))
        if len(self._page) >= PAGE:
            self.flush()

    def flush(self) -> None:
        if self._page:
            self._work.ledger.journal.add_changes(self._run, self._page)
            self._page = []


def _first_state(change: Change) -> ChangeState:
    if change.action is Action.SKIP:
        return ChangeState.SKIPPED if change.code in BENIGN - {NOT_DELETED, REJECTED} else ChangeState.PUT_OFF
    waits = change.action is Action.CONFLICT and change.code != "resolved"
    return ChangeState.PUT_OFF if waits else ChangeState.PLANNED
