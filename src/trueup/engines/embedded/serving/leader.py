"""The loop of the one `serve` that has the lease: look, decide, start, see what ended. Where everything stands is in the ledger."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from trueup.core.agenda import Agenda, Subject
from trueup.core.leasing import process_name
from trueup.engines.embedded.serving.children import Child, Children
from trueup.engines.embedded.serving.due import Verdict, verdicts
from trueup.engines.embedded.serving.setup import RESUME, OnEvent, Settings, Setup
from trueup.engines.embedded.serving.triggers import Triggers
from trueup.model.errors import ExitCode, LedgerError, Locked, TrueupError
from trueup.model.occurrence import Occurrence, OccurrenceRecord, OccurrenceState
from trueup.model.run import RunRecord, RunState
from trueup.model.schedule import Overlap

_DAY = 86_400.0
_OUTCOMES = {
    ExitCode.DONE: RunState.DONE,
    ExitCode.PARTIAL: RunState.PARTIAL,
    ExitCode.BLOCKED: RunState.AWAITING_APPROVAL,
    ExitCode.CONFLICT: RunState.CONFLICT,
}
CANCELLED = "cancelled"


class Leader:
    """Everything one configuration starts.

    Args:
        setup: the configuration.
        children: the runs under way; they outlive a lost lease.
        settings: times.
        on_event: told what happens; see `serve`.
    """

    def __init__(self, setup: Setup, children: Children, settings: Settings, on_event: OnEvent) -> None:
        self._children = children
        self._settings = settings
        self._on_event = on_event
        self._attempts: dict[tuple[str, str], int] = {}
        self._not_before: dict[tuple[str, str], float] = {}
        self._waiting_told: set[tuple[str, str]] = set()
        self._killed: list[RunRecord] | None = None
        self._checked = float("-inf")
        self._pruned = float("-inf")
        self.use(setup)

    def use(self, setup: Setup) -> None:
        """Goes on with another configuration."""
        self.setup = setup
        self._ledger = setup.ledger
        self._known = setup.ledger.occurrences
        self.triggers = Triggers(setup)
        self._agenda = Agenda(self._known, setup.calendars, self._on_event, setup.read_block)
        self._checked = float("-inf")
        self._check = min([self._settings.check, *(max(1.0, one) for one in _refreshes(setup))])

    def now(self) -> float:
        """The time by the ledger's clock, which is one for all who share it."""
        return self._settings.clock() if self._settings.clock else self._ledger.now()

    def check_soon(self) -> None:
        """Compares at the next look: a calendar has news."""
        self._checked = float("-inf")

    def look(self) -> float:
        """One round; returns how many seconds the next one may wait.

        Raises:
            LedgerError: the ledger is away; nothing is lost, and the next round goes on.
        """
        now = self.now()
        self._children.kill_late(self._settings.cancel)
        self._see_what_ended()
        if not -1.0 <= now - self._checked < self._check:
            self._compare(now)
        for subject, one in self.triggers.look(now):
            self._say(subject.name, one, "wanted", one.title)
        self._forget_old(now)
        self._take_up_killed(now)
        self._decide(now)
        waiting = self._start()
        return self._pause(now, waiting)

    def wait_for_end(self, wait: Callable[[float], object]) -> None:
        """Waits until all runs have ended, after they were asked to, and keeps how they did."""
        while len(self._children):
            self._see_what_ended()
            if len(self._children):
                wait(1.0)

    # --- comparing

    def _compare(self, now: float) -> None:
        timed = [(one.name, one.schedule.timing) for one in self.setup.subjects.values() if one.schedule is not None]
        for gone in self._known.forget_sources(
            {*timed, *self.triggers.sources(), *((name, RESUME) for name in self.setup.everything)}
        ):
            self._say(gone.subject, gone, "withdrawn", "it is not in trueup.yaml any more")
        under_way = [(one.subject, _as_occurrence(one)) for one in self._known.under_way()]
        self._agenda.check(list(self.setup.subjects.values()), now, under_way)
        self._see_what_was_answered()
        self._checked = now

    def _see_what_was_answered(self) -> None:
        """Of what a person was asked about: a later run took its place, or it was carried out by a trueup that left it at that."""
        for one in self._known.asked():
            record = self._run_of(one)
            if record is not None and record.state is not RunState.AWAITING_APPROVAL:
                self._known.take_up(one.subject, one.key)
                if record.state is not RunState.RUNNING:
                    self._ended(one, record.state.value, record.id, note=_error_of(record))

    def _forget_old(self, now: float) -> None:
        """Once a day, after a look at the files: one that is still there is never forgotten, or it would run again."""
        if now - self._pruned > _DAY:
            self._pruned = now
            self._known.prune(now - self._settings.keep_days * _DAY, self.triggers.present())

    def _take_up_killed(self, now: float) -> None:
        """Runs that somebody else began and nobody works on any more, found once at the beginning."""
        if self._killed is None:
            found = [
                self._ledger.journal.latest(name, (RunState.RUNNING,), parent="") for name in self.setup.everything
            ]
            self._killed = [one for one in found if one is not None and one.phase != "stopped"]
        for run in list(self._killed):
            if not self._free(f"{'pipeline' if run.kind == 'pipeline' else 'job'}/{run.subject}"):
                continue  # somebody is at it
            self._killed.remove(run)
            if self._ledger.journal.get(run.id).state is RunState.RUNNING:
                one = Occurrence(f"resume:{run.id}", now, {}, now, now, f"run {run.id} was not finished")
                if self._known.want(run.subject, RESUME, one):
                    self._say(run.subject, one, "wanted", one.title)

    def _free(self, lease: str) -> bool:
        """Whether nobody works on a job or pipeline: its lease can be had, if only for a moment."""
        owner = process_name()
        try:
            self._ledger.leases.acquire(lease, owner, 1.0)
        except Locked:
            return False
        self._ledger.leases.release(lease, owner)
        return True

    # --- deciding

    def _decide(self, now: float) -> None:
        due = self._known.wanted(until=now)
        if not due:
            return
        asks = self._agenda.asks
        subjects = self.setup.everything
        for verdict in verdicts(
            due,
            self._known.under_way(),
            subjects,
            now,
            self._settings.grace,
            lambda name, key: asks.get((name, key), ""),
        ):
            self._carry_out(verdict)

    def _carry_out(self, verdict: Verdict) -> None:
        one = verdict.one
        if verdict.state is OccurrenceState.ASKED:
            try:
                run = self.setup.ask(one, verdict.note)
            except LedgerError:
                raise
            except TrueupError as error:  # the pipeline was changed, and the parameters do not fit any more
                self._known.decide(one.subject, one.key, OccurrenceState.SKIPPED, str(error))
                self._say(one.subject, one, "skipped", str(error))
                return
            if self._known.decide(one.subject, one.key, OccurrenceState.ASKED, verdict.note, run):
                self._say(one.subject, one, "asked", f"{verdict.note}; trueup apply {run}")
            return
        if verdict.cancels:
            self._cancel(one.subject)
        if (
            self._known.decide(one.subject, one.key, verdict.state, verdict.note)
            and verdict.state is not OccurrenceState.FIRED
        ):
            self._say(one.subject, one, verdict.state.value, verdict.note)

    def _cancel(self, subject: str) -> None:
        """Stops what is under way of a job or pipeline; what waits for its turn is given up."""
        self._children.stop(subject, cancelled=True)
        for one in self._known.under_way():
            if one.subject == subject and not self._children.has(subject, one.key):
                self._known.end(subject, one.key, CANCELLED, note="a later one took its place")
                self._say(subject, one, CANCELLED, "a later one took its place")

    # --- starting

    def _start(self) -> bool:
        """Starts what was fired, the earliest first; returns whether something waits."""
        taken: list[OccurrenceRecord] = [child.one for child in self._children.running()]
        waits = False
        for one in sorted(self._known.under_way(), key=lambda one: (one.at, one.subject, one.key)):
            if self._children.has(one.subject, one.key):
                continue
            free = len(self._children) < self._settings.parallel and not any(
                self._in_the_way(one, other) for other in taken
            )
            if not free or time.monotonic() < self._not_before.get((one.subject, one.key), 0.0):
                waits = True
                self._tell_waiting(one)
            else:
                self._begin(one)
            taken.append(one)
        return waits

    def _tell_waiting(self, one: OccurrenceRecord) -> None:
        if (one.subject, one.key) not in self._waiting_told:
            self._waiting_told.add((one.subject, one.key))
            self._say(one.subject, one, "queued", "it waits for its turn")

    def _in_the_way(self, one: OccurrenceRecord, other: OccurrenceRecord) -> bool:
        """Whether an occurrence has to wait for another one."""
        subject, beside = self._subject(one.subject), self._subject(other.subject)
        if one.subject == other.subject:
            spec = subject.schedule
            return spec is None or spec.overlap is not Overlap.ALLOW or one.source != spec.timing
        return bool(subject.party.uses & beside.party.uses)

    def _subject(self, name: str) -> Subject:
        return self.setup.everything.get(name) or Subject(name)

    def _begin(self, one: OccurrenceRecord) -> None:
        record = self._run_of(one)
        if record is not None and record.asks:  # `trueup apply` is about to begin it
            return
        if record is not None and record.state is not RunState.RUNNING:  # it ended while nobody looked
            self._ended(one, record.state.value, record.id)
            return
        try:
            self._children.start(one, self.setup.command(one))
        except OSError as error:
            self._again(one, f"it could not be started: {error.strerror or error}")
            return
        self._waiting_told.discard((one.subject, one.key))
        self._run_event(one, "started", resumed=record is not None or one.source == RESUME)

    # --- ending

    def _see_what_ended(self) -> None:
        for child in self._children.reap():
            with child.log:
                self._settle(child)

    def _settle(self, child: Child) -> None:
        one, code = child.one, child.code
        record = self._run_of(one)
        over = record is not None and record.state is not RunState.RUNNING
        seconds = round(time.monotonic() - child.started, 3)
        if child.cancelled is not None and not over:
            if record is not None:
                self._ledger.journal.update(record.id, state=RunState.SUPERSEDED, ended=self._ledger.now())
            self._ended(one, CANCELLED, record.id if record else "", seconds, "a later one took its place")
        elif record is not None and over:
            self._ended(one, record.state.value, record.id, seconds, _error_of(record))
        elif code == ExitCode.CANCELLED:
            self._run_event(one, "stopped", seconds=seconds, note="it goes on when serve does")
        elif code == ExitCode.LOCKED:
            self._not_before[one.subject, one.key] = time.monotonic() + self._settings.patience
            self._tell_waiting(one)
        elif record is None and code in _OUTCOMES:
            self._ended(one, _OUTCOMES[ExitCode(code)].value, "", seconds)
        elif code is not None and (code < 0 or code == ExitCode.BUG):
            self._again(
                one, f"it crashed ({_how(code)})" + (f": {words}" if (words := child.last_words()) else ""), record
            )
        else:
            self._failed(one, child.last_words() or f"it ended with {code}", record, seconds)

    def _again(self, one: OccurrenceRecord, why: str, record: RunRecord | None = None) -> None:
        """Tries a run again that ended without an end, a few times and ever later."""
        known = (one.subject, one.key)
        tried = self._attempts[known] = self._attempts.get(known, 0) + 1
        if tried >= self._settings.attempts:
            self._failed(one, f"{why}; given up after {tried} attempts", record)
            return
        self._not_before[known] = time.monotonic() + self._settings.patience * 2 ** (tried - 1)
        self._run_event(one, "crashed", note=f"{why}; it is tried again")

    def _failed(self, one: OccurrenceRecord, why: str, record: RunRecord | None, seconds: float | None = None) -> None:
        if record is not None and record.state is RunState.RUNNING:
            report = {**record.report, "error": {"type": "Crashed", "what": why}}
            self._ledger.journal.update(record.id, state=RunState.FAILED, report=report, ended=self._ledger.now())
        self._ended(one, RunState.FAILED.value, record.id if record else "", seconds, why)

    def _ended(
        self, one: OccurrenceRecord, outcome: str, run: str = "", seconds: float | None = None, note: str = ""
    ) -> None:
        self._known.end(one.subject, one.key, outcome, run, note)
        for memory in (self._attempts, self._not_before):
            memory.pop((one.subject, one.key), None)
        self._run_event(one, "ended", outcome=outcome, run=run, seconds=seconds, note=note)

    def _run_of(self, one: OccurrenceRecord) -> RunRecord | None:
        if one.source == RESUME:
            run_id = one.key.partition(":")[2]
            with suppress(TrueupError):
                return self._ledger.journal.get(run_id)
            return None
        return self._ledger.journal.latest(one.subject, parent=one.parent)

    # --- telling, waiting

    def _run_event(self, one: OccurrenceRecord, state: str, **more: object) -> None:
        told = {
            "event": "run",
            "subject": one.subject,
            "key": one.key,
            "at": one.at,
            "title": one.title,
            "state": state,
        }
        self._on_event({**told, **{name: value for name, value in more.items() if value not in (None, "")}})

    def _say(self, subject: str, one: Occurrence | OccurrenceRecord, state: str, note: str) -> None:
        told = {"subject": subject, "key": one.key, "at": one.at, "state": state, "title": one.title, "note": note}
        self._on_event({"event": "occurrence", **told})

    def _pause(self, now: float, waiting: bool) -> float:
        pauses = [self._settings.watch, self._check - (now - self._checked)]
        following = self._known.next_at(now)
        if following is not None:
            pauses.append(following - now)
        if self.triggers.polls or waiting or self._killed:
            pauses.append(self._settings.poll)
        return max(0.0, min(pauses))


def _as_occurrence(one: OccurrenceRecord) -> Occurrence:
    return Occurrence(one.key, one.at, one.params, one.nominal, max(one.until, one.at), one.title)


def _refreshes(setup: Setup) -> Iterator[float]:
    """How often the calendars want to be looked at."""
    for subject in setup.subjects.values():
        if subject.schedule is not None:
            driving = [subject.schedule.calendar] if subject.schedule.calendar else []
            yield from (one.refresh for one in (*driving, *(each.calendar for each in subject.schedule.except_)))


def _error_of(record: RunRecord) -> str:
    """What a run that failed says of it."""
    error = record.report.get("error", "")
    return str(error.get("what", "")) if isinstance(error, dict) else str(error)


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit {code}"
