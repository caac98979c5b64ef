"""One call of trueup from a task of Airflow: what is tried again, what is not, and what the task's log says."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, Any

from trueup.engines.base import Json

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger("trueup.airflow")

EVENT = "trueup"
"""The key in a DAG run's `conf` that says what trueup started it for: {"parent": "RUN/step[3]"}."""

RETRIES = 3
"""How often Airflow repeats a task whose process died, or whose store or ledger was away. Its own default is 0."""

RETRY_SECONDS = 10.0

_killed = Event()
"""Set where Airflow asks this task's process to end."""


def call(function: str, config: str, *given: Any, **named: Any) -> Any:
    """Calls `trueup.engines.calls.FUNCTION` and returns what it returns.

    Raises:
        AirflowFailException: it failed, and repeating it cannot help (configuration, login, a stale plan): the task fails at once.
        TrueupError: it failed for now; Airflow's retries repeat it.
    """
    from trueup.engines import calls

    with failing(), calls.stoppable(_killed.is_set):
        return getattr(calls, function)(config, *given, **named)


def stop() -> None:
    """What is under way in this task's process ends soon; Airflow's retry goes on with it."""
    _killed.set()


@contextmanager
def failing() -> Iterator[None]:
    """Tells errors of trueup in the task's log, and makes those that repeating cannot mend final.

    Raises:
        AirflowFailException, TrueupError: as `call`.
    """
    from airflow.sdk.exceptions import AirflowFailException

    from trueup.engines import calls
    from trueup.model.errors import TrueupError

    try:
        yield
    except TrueupError as error:
        tell(error)
        if calls.retryable(error):
            raise
        raise AirflowFailException(str(error)) from error


def answered(context: Context, found: Json, *, again: bool = True) -> Json:
    """Tells the errors that a call answers instead of raising them, since everything else goes on without what they are about.

    Args:
        context: the task's.
        found: the answer, with "error" or "errors".
        again: the call may be repeated.

    Raises:
        Transient: it may pass, and Airflow has tries left. After the last one everything else goes on without it.
    """
    from trueup.model.errors import LoginRefused, Permanent, SecretMissing, Transient

    final = {one.__name__ for one in (LoginRefused, Permanent, SecretMissing)}
    for error in [one for one in (found.get("error"), *found.get("errors", ())) if one]:
        tell(error)
        if again and error["type"] not in final and context["ti"].try_number <= context["ti"].max_tries:
            raise Transient(error["what"], where=error["where"], why=error["why"], hint=error["hint"])
    return found


def tell(error: BaseException | Json) -> None:
    """Writes an error to the task's log: what, where, why, and what to do."""
    plain = {"what": f"{type(error).__name__}: {error}"}
    found = error if isinstance(error, dict) else error.to_json() if hasattr(error, "to_json") else plain
    for part in ("what", "where", "why", "hint"):
        if found.get(part):
            log.error("%-5s %s", part, found[part])


def key_of(context: Context, unit: str) -> str:
    """The id of what a task begins: the same when Airflow repeats the task, another one when a person clears it to run it again.

    https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/dag-run.html#re-run-dag
    """
    run = context["dag_run"]
    return "/".join(("airflow", run.dag_id, run.run_id, str(run.clear_number or 0), unit))


def page_of(context: Context) -> str:
    """The address of the DAG run's page."""
    from urllib.parse import quote

    from airflow.sdk import conf

    run = context["dag_run"]
    base = str(conf.get("api", "base_url", fallback="") or "http://localhost:8080").rstrip("/")
    return f"{base}/dags/{run.dag_id}/runs/{quote(run.run_id, safe='')}"


def conf_of(context: Context) -> Json:
    """What trueup said when it started this DAG run; empty where a person or a schedule did."""
    found = (context["dag_run"].conf or {}).get(EVENT)
    return found if isinstance(found, dict) else {}


def counted(report: Json) -> str:
    """A report in one line: "done: 3 create, 1 delete"."""
    counts = ", ".join(f"{number} {action}" for action, number in sorted(report.get("counts", {}).items()))
    return f"{report.get('state', '')}: {counts or 'nothing to do'}"
