"""Schedules whose times nobody can work out from a cron expression: a calendar drives them, holidays keep them from starting, others move them.

A DAG of trueup's own (`trueup_calendars`) reads the calendars and keeps the moments to come in a Variable of Airflow for each job and
pipeline, for everybody to see (Admin, Variables). The timetable reads the Variable, in the scheduler and the DAG processor; neither ever
speaks to a calendar. A DAG run that such a moment starts asks the calendar once more what it stands for: the event may have been moved or
deleted a second ago.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from trueup.engines.airflow.base import TrueupOperator
from trueup.engines.airflow.calling import failing, key_of
from trueup.engines.base import Json
from trueup.model.occurrence import Occurrence
from trueup.model.schedule import Collide, ScheduleSpec

if TYPE_CHECKING:
    from airflow.sdk import Context

AHEAD = 30 * 86_400.0
"""How far the list of moments reaches, in seconds."""
BEHIND = 3600.0
"""What passed a moment ago stays listed: a scheduler that was away takes it up."""
MOST = 200
"""Moments of one job or pipeline."""
LEAST_REFRESH = 60.0
"""Seconds between two looks at a calendar at least: a DAG run each."""


def follows(spec: ScheduleSpec) -> bool:
    """Whether the moments of a schedule are listed."""
    return spec.calendar is not None or bool(spec.except_) or spec.collide is Collide.SHIFT


def refresh(specs: Iterable[ScheduleSpec]) -> float:
    """Seconds between two looks at the calendars."""
    sources = [
        source
        for spec in specs
        for source in ([spec.calendar] if spec.calendar else []) + [one.calendar for one in spec.except_]
    ]
    return max(LEAST_REFRESH, min((one.refresh for one in sources), default=300.0))


def variable_of(config: str, subject: str) -> str:
    """The name of the Variable with the moments of a job or pipeline."""
    folder = re.sub(r"[^A-Za-z0-9]+", "_", config.rpartition("/")[0].rpartition("/")[2])
    return f"trueup_{folder}_{sha256(config.encode()).hexdigest()[:6]}_{subject}"


class Follow(TrueupOperator):
    """Reads the calendars that drive a job or pipeline, and puts the moments to come into its Variable.

    A calendar that cannot be read changes nothing, and the task is tried again.

    Args:
        subject: the job or pipeline.
    """

    template_fields: Sequence[str] = ("config", "subject")

    def __init__(self, *, subject: str, **more: Any) -> None:
        super().__init__(**more)
        self.subject = subject

    def execute(self, context: Context) -> Json:
        """See `moments`."""
        from airflow.sdk import Variable

        now = time.time()
        with failing():
            found = list(moments(self.config, self.subject, now - BEHIND, now + AHEAD).values())[:MOST]
        for one in found:
            self.log.info("%s  %s  %s", _iso(one["at"]), one["title"] or self.subject, one["note"])
        listed = [{**{key: one[key] for key in ("key", "title", "note")}, "at": _iso(one["at"])} for one in found]
        name, text = variable_of(self.config, self.subject), json.dumps(listed, indent=1, ensure_ascii=False)
        if Variable.get(name, default=None) != text:
            Variable.set(name, text, description=f"When trueup starts {self.subject}; kept by the DAG trueup_calendars")
            self.log.info("%s: changed", name)
        return {"moments": len(listed)}


def moments(config: str, subject: str, first: float, last: float) -> dict[int, Json]:
    """The occurrences that run, by the second that each has to itself: a DAG has one run for a moment, and two events may begin at the
    same one. Reads calendars.

    Raises:
        Transient: a calendar cannot be read.
    """
    from trueup.engines.calls.opened import opened
    from trueup.model.errors import Transient

    with opened(config) as app:
        found = app.upcoming(first, last, [subject])
    if why := found["problems"].get(subject):
        raise Transient(f"when {subject} starts cannot be told", why=str(why), hint="trueup doctor")
    return by_second([one for one in found["occurrences"] if not one["skipped"]])


def by_second(occurrences: Iterable[Mapping[str, Any]]) -> dict[int, Json]:
    """Occurrences by second, those of one second after each other."""
    taken: dict[int, Json] = {}
    for one in sorted(occurrences, key=lambda one: (one["at"], one["key"])):
        second = round(one["at"])
        while second in taken:
            second += 1
        taken[second] = {**one, "at": second}
    return taken


def listed(config: str, subject: str, after: float, before: float) -> list[Occurrence]:
    """The moments of a window as the Variable has them; none where it is not there yet. For the scheduler and the DAG processor."""
    from airflow import settings
    from airflow.models.variable import Variable
    from sqlalchemy import select  # type: ignore[import-not-found,unused-ignore]

    # A session of its own: the scheduler's may not be committed here, which `Variable.get` does.
    with settings.NonScopedSession() as session:
        row = session.scalar(select(Variable).where(Variable.key == variable_of(config, subject)))
        text = row.get_val() if row is not None else "[]"
    found = [(datetime.fromisoformat(one["at"]).timestamp(), one) for one in json.loads(text)]
    return [
        Occurrence(one["key"], at, nominal=at, title=one["title"])
        for at, one in sorted(found, key=lambda pair: pair[0])
        if after < at <= before
    ]


def occurrence(context: Context, config: str, subject: str) -> Json | None:
    """What the moment that started a DAG run stands for, by a new look at the calendar; None: a person or program started it.

    Raises:
        AirflowSkipException: nothing any more, or something whose parameters are wrong.
    """
    run = context["dag_run"]
    if run.run_type != "scheduled" or run.data_interval_start is None:
        return None
    at = run.data_interval_start.timestamp()
    with failing():
        found = moments(config, subject, at - BEHIND, at + BEHIND).get(round(at))
    if found is None:
        raise AirflowSkipException(f"what was to start {subject} at {_iso(at)} was moved or deleted")
    if found["problem"]:
        raise AirflowSkipException(f"{found['title'] or subject} does not start: {found['problem']}")
    return found


def key_for(context: Context, unit: str, found: Mapping[str, Any] | None) -> str:
    """The key of what a DAG run begins: an event that was moved after it had started its run does not start another one."""
    if found is None:
        return key_of(context, unit)
    run = context["dag_run"]
    return "/".join(("airflow", run.dag_id, "occurrence", str(found["key"]), str(run.clear_number or 0), unit))


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
