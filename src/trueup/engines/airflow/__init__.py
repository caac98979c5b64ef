"""Apache Airflow 3: the jobs and pipelines of a configuration as DAGs, and their phases as operators for DAGs of your own.

    from trueup.engines.airflow import dags            # dags/trueup_dags.py: all of them
    globals().update(dags("trueup.yaml"))

    from trueup.engines.airflow import run_job, run_pipeline, plan, apply      # in a DAG of yours

| trueup | Airflow |
|---|---|
| job, pipeline | a DAG of the same name, tagged "trueup" |
| phase | a task; `read`, `apply`, `verify` are mapped (`expand`), with readable names |
| step | a task; of kind job or pipeline a task group; with `for_each` mapped |
| `when` | a task before the step that skips it or not |
| parameters | `Param`s with their JSON schema |
| blocked by a guard | `approve`, under "Required actions" |
| schedule | a timetable; `after`: an asset |
| rate limits | the ledger's, over all workers; a pool for each store, made by `deploy` |
| retry | `retries`; what repeating cannot mend fails at once |

Airflow hands on ids and short answers only (XCom); everything else is in trueup's ledger, so a task may be repeated at any time.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trueup.engines.airflow.engine import ENGINE
    from trueup.engines.airflow.generated import dags
    from trueup.engines.airflow.job import DEFAULTS
    from trueup.engines.airflow.native import apply, plan, run_job, run_pipeline

__all__ = ["DEFAULTS", "ENGINE", "apply", "dags", "plan", "run_job", "run_pipeline"]

_HOMES = {"dags": "generated", "ENGINE": "engine", "DEFAULTS": "job"}


def __getattr__(name: str) -> Any:
    """Imports what is asked for when it is asked for; in the package `trueup.engines.airflow` `import airflow` still is Airflow."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'native')}"), name)
