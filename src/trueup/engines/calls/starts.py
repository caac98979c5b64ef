"""The calls about a run that a schedule starts, before it begins: what it would meet, and what `collide` makes of that."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from trueup.app import App
from trueup.core import asked, under_way
from trueup.engines.calls import definitions
from trueup.engines.calls.approval import waiting
from trueup.engines.calls.frame import alone
from trueup.engines.calls.opened import opened
from trueup.model.errors import NotFound
from trueup.model.run import ASKS, KEY, RunRecord, RunState
from trueup.model.schedule import Collide

if TYPE_CHECKING:
    from trueup.core.agenda import Subject

Json: TypeAlias = dict[str, Any]

LATE = 60.0
"""Seconds after which a run that begins late is made up for, or has waited: then it meets whatever is under way by now."""

_WELL = (RunState.DONE, RunState.PARTIAL, RunState.CONFLICT)


def due(
    config: str, name: str, at: float, key: str, params: Mapping[str, Any] | None = None, occurrence: str = ""
) -> Json:
    """What becomes of a run that a schedule starts; asked before `begin_job` or `begin_pipeline`, again and again while the answer is "wait".

    Args:
        config: the absolute path of trueup.yaml.
        name: the job or pipeline.
        at: the moment for which it is started, in seconds since 1970.
        key: by which the run will be known: the engine's own id of its run.
        params: of the pipeline.
        occurrence: the key of the occurrence, where the engine knows it; "": the moment says which.

    Returns:
        {"verdict", "note", "run", "until"}. "run": it may begin. "wait": not yet, `until` says from when on it makes sense to ask again
        (seconds since 1970; None: after a while). "skip": it is left out, `note` says why. "ask": `run` waits for a person's word
        (`allow_start`, `refuse_start`, `trueup apply RUN`). "failed": somebody let it begin elsewhere, and it failed.

    Raises:
        UsageError: a parameter does not fit.
    """
    with opened(config) as app:
        subject = _subjects(app).get(name)
        if subject is None or subject.schedule is None:
            return _answer("run")
        known = app.ledger.journal.latest(name, parent=KEY + key)
        if known is not None:
            return _standing(config, known)
        verdict = _verdict(app, subject, at, occurrence)
        if verdict["verdict"] == "ask":
            return {**verdict, "run": _ask(app, subject, KEY + key, params or {}, verdict["note"])}
        return verdict


def allow_start(config: str, run: str, who: str) -> Json:
    """A person lets a run begin that met another one.

    Returns:
        As `waiting`: "next" is "apply" where it may be begun here.
    """
    with opened(config) as app:
        asked.let_begin(app.ledger, run, who)
    return waiting(config, run)


def refuse_start(config: str, run: str, who: str) -> Json:
    """A person says no: the run ends as superseded, and nothing was done.

    Returns:
        {"run", "state"}.

    Raises:
        NotFound: it does not wait for anybody.
    """
    with opened(config) as app:
        record = app.ledger.journal.get(run)
        if not asked.let_go(app.ledger, run, who) and record.state is not RunState.SUPERSEDED:
            raise NotFound(f"run {run} does not wait for a word", why=f"it is {record.state.value.replace('_', ' ')}")
        return {"run": run, "state": RunState.SUPERSEDED.value}


def _subjects(app: App) -> dict[str, Subject]:
    """Every job and pipeline. Reading calendars takes much that nothing else here needs: it is imported here."""
    from trueup.upcoming import every_subject

    return {one.name: one for one in every_subject(app.config)}


def _standing(config: str, run: RunRecord) -> Json:
    """The verdict on what was asked about, or begun, before."""
    if ASKS not in run.report or run.state in _WELL:
        return _answer("run")
    if run.asks:
        return _answer("ask", run.asks, run=run.id)
    if run.state is RunState.SUPERSEDED:
        who = run.report.get("rejected_by")
        return _answer("skip", f"{who} refused it" if who else "a later run took its place", run=run.id)
    if run.state is RunState.FAILED:
        error = run.report.get("error") or ""
        return _answer("failed", str(error.get("what", "")) if isinstance(error, dict) else str(error), run=run.id)
    return _answer(
        "wait" if waiting(config, run.id)["next"] == "wait" else "run", f"run {run.id} is under way elsewhere"
    )


def _verdict(app: App, subject: Subject, at: float, occurrence: str) -> Json:
    assert subject.schedule is not None
    collide = subject.schedule.collide
    expected = None
    if collide is not Collide.QUEUE:
        from trueup.upcoming import expected_at

        expected = expected_at(app, subject.name, at, occurrence)
    if expected is not None and expected.skipped:
        return _answer("skip", expected.skipped)
    if expected is not None and collide is Collide.SHIFT and expected.at > max(at, app.ledger.now()) + 1:
        return _answer("wait", f"{expected.note}, {_clock(expected.at)}", until=expected.at)
    met = expected.asks if expected is not None else ""
    if not met:
        parties = {name: one.party for name, one in _subjects(app).items()}
        now = app.ledger.now()
        met = under_way.in_the_way(app.ledger, subject.name, parties, at if now - at < LATE else now)
    if not met:
        return _answer("run")
    if collide is Collide.ASK:
        return _answer("ask", f"it would meet {met}")
    return _answer("skip", f"it would meet {met}") if collide is Collide.SKIP else _answer("wait", f"waits for {met}")


def _ask(app: App, subject: Subject, parent: str, params: Mapping[str, Any], why: str) -> str:
    """The run that waits for a person; who is to hear of it does."""
    with alone(app, f"ask/{subject.name}/{parent}"), app.told(subject.name):
        known = app.ledger.journal.latest(subject.name, parent=parent)
        run = known.id if known is not None else _waiting(app, subject, parent, params, why)
        app.tell(subject.name, "ended", run)
        return run


def _waiting(app: App, subject: Subject, parent: str, params: Mapping[str, Any], why: str) -> str:
    if subject.pipeline is None:
        return asked.ask_about_job(app.ledger, subject.name, parent, why)
    pipelines = definitions.of_start(app, subject.name, parent)
    runs = definitions.runs_of(app, subject.name, pipelines, parent)
    return asked.ask_about_pipeline(runs, params, why)


def _answer(verdict: str, note: str = "", run: str = "", until: float | None = None) -> Json:
    return {"verdict": verdict, "note": note, "run": run, "until": until}


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
