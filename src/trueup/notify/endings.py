"""What is put into the outbox when a run begins and ends: told once, not every night anew; but never forgotten either.

What was told stands with the job in the ledger, and moves on in the same transaction as the messages: a call that comes twice puts nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from trueup.core.ledger import Ledger
from trueup.core.ledger.outbox import Message
from trueup.notify import text
from trueup.notify.reading import BACKUP, Ending, read
from trueup.notify.spec import HEARTBEAT, NotifySpec, label

FACT = "notify"
"""The name under which the ledger remembers what a job has told (core/ledger/facts.py)."""

REMIND = 20 * 3600.0
"""Seconds after which a failure that lasts is told again. Less than a day: tonight's run may end a little sooner than last night's."""

_REMEMBERED = 100  # runs
_FAILURES = 30  # of a digest

Json: TypeAlias = dict[str, Any]
Put: TypeAlias = Callable[[Iterable[str], str, tuple[str, str]], None]


def began(ledger: Ledger, job: str, spec: NotifySpec, run: Mapping[str, Any], now: float | None = None) -> None:
    """A run has begun: the watcher is to know. `run` has its "id"."""
    if spec.heartbeat is not None:
        now = ledger.now() if now is None else now
        _putter(ledger, job, spec, str(run["id"]), now)(
            [HEARTBEAT], "start", ("", f"trueup: {job}: run {run['id']} began")
        )


def ended(ledger: Ledger, job: str, spec: NotifySpec, run: Mapping[str, Any], now: float | None = None) -> None:
    """A run has ended for good, after the last retry; a run that was never started (`state` "missed") as well.

    Repeating it for one of the job's last hundred endings puts nothing. A run that waited for a word ends again when it got it.

    Args:
        ledger: where messages wait.
        job: whose run.
        spec: whom to tell.
        run: {"id", "state", "report"}; also "plan", for what guards said, and "kind": see `reading.read`.
        now: the time; None: the ledger's.
    """
    ending = read(run)
    if ending is None:
        return
    now = ledger.now() if now is None else now
    with ledger.transaction("notify.ended"):
        ledger.facts.merge(job, FACT, {})  # takes the lock
        memory = ledger.facts.get(job, FACT) or {}
        mark = f"{ending.run}/{ending.state}"
        if mark in memory.get("runs", ()):
            return
        put = _putter(ledger, job, spec, mark, now)
        told = _failed if ending.troubles else _well
        memory["trouble"] = told(job, spec, ending, memory.get("trouble"), put, now)
        memory["runs"] = [*memory.get("runs", ()), mark][-_REMEMBERED:]
        memory["kind"] = ending.kind
        _count(memory, job, ending, now)
        ledger.facts.put(job, FACT, memory)
    digest(ledger, job, spec, now)


def digest(ledger: Ledger, job: str, spec: NotifySpec, now: float) -> None:
    """Puts the summary that is due, if one is; also where nothing ran."""
    if spec.digest is None:
        return
    from trueup.core.schedules import latest
    from trueup.model.schedule import ScheduleSpec

    due = latest(ScheduleSpec(cron=spec.digest.cron, zone=spec.digest.zone), now)
    since = (ledger.facts.get(job, FACT) or {}).get("period", {}).get("since")
    if since is not None and since <= now and (due is None or since >= due):
        return
    with ledger.transaction("notify.digest"):
        ledger.facts.merge(job, FACT, {})
        memory = ledger.facts.get(job, FACT) or {}
        period = memory.get("period")
        if period is None or period["since"] > now:  # the first look at it, or a clock that went back
            memory["period"] = {"since": now}
        elif due is not None and period["since"] < due:
            to = [one for one in spec.channels() if one.startswith("failure/" if spec.failure else "success/")]
            put = _putter(ledger, job, spec, f"until {due:.0f}", now)
            put(to, "digest", text.digest(job, period, now, str(memory.get("kind", BACKUP))))
            memory["period"] = {"since": now}
        ledger.facts.put(job, FACT, memory)


def _failed(job: str, spec: NotifySpec, ending: Ending, trouble: Json | None, put: Put, now: float) -> Json:
    """Tells what is new, or that it lasts; returns what is to be remembered of it."""
    runs = 1 if trouble is None else trouble["runs"] + 1
    since = now if trouble is None else trouble["since"]
    told = None if trouble is None else trouble["told"]
    words = text.failure(job, ending)
    if trouble is None or set(ending.causes) - set(trouble.get("causes", ())):
        put(_of(spec, "failure"), "failure", words)
        told = now
    elif not 0 <= now - trouble["told"] < REMIND:
        put(_of(spec, "failure"), "reminder", text.reminder(job, ending, since, now, runs))
        told = now
    put([HEARTBEAT], "fail", words)
    return {"since": since, "causes": ending.causes, "told": told, "runs": runs}


def _well(job: str, spec: NotifySpec, ending: Ending, trouble: Json | None, put: Put, now: float) -> None:
    """Tells that all is well again, where it was not."""
    if trouble is not None and spec.recovery:
        put(_of(spec, "failure"), "recovery", text.recovery(job, ending, trouble["since"], trouble["runs"]))
    words = text.success(job, ending)
    put(_of(spec, "success"), "success", words)
    put([HEARTBEAT], "success", words)


def _count(memory: Json, job: str, ending: Ending, now: float) -> None:
    """Keeps what the next digest is made of."""
    period = memory.setdefault("period", {"since": now})
    name = "bad" if ending.troubles else "good"
    period[name] = period.get(name, 0) + 1
    period["done"] = list(ending.done)[: text.MOST_LINES]
    if ending.troubles:
        title = text.failure(job, ending)[0].removeprefix(f"trueup: {job}: ")
        period["failures"] = [*period.get("failures", ()), [now, title]][-_FAILURES:]


def _of(spec: NotifySpec, group: str) -> list[str]:
    return [name for name in spec.channels() if name.startswith(f"{group}/")]


def _putter(ledger: Ledger, job: str, spec: NotifySpec, mark: str, now: float) -> Put:
    """Puts a text into several channels, under keys that begin with `mark`; channels that are not configured are left out."""
    channels = spec.channels()

    def put(names: Iterable[str], kind: str, words: tuple[str, str]) -> None:
        for name in names:
            if name in channels:
                ledger.outbox.put(Message(0, job, name, f"{mark}/{kind}", kind, label(channels[name]), *words, now))

    return put
