"""Temporal: jobs and pipelines as workflows, on trueup's own worker or inside a person's own workflow.

How it maps:

| trueup | Temporal |
|---|---|
| job, pipeline | a workflow type of that name on the task queue `trueup` |
| phase, step | an activity: `read work/team`, `plan`, `guard`, `apply work/team` (one a batch), `verify work/team`, `report`, the step's name |
| `for_each` | as many activities (or child workflows) side by side as `parallel` says |
| `when`, `needs` | decided in the workflow when all that is needed has ended |
| step of kind job or pipeline | a child workflow |
| parameters | the workflow's input, one JSON object |
| `retry`, `timeout` | retry policy, time limits; a worker's death is no attempt |
| awaiting approval | the search attribute TrueupState, the current details; the signals `approve` and `reject`, or `trueup apply RUN` |
| schedule | a Temporal schedule `trueup/NAME`, made and compared by `deploy` and `status` |
| progress, plan | queries `progress` and `plan`, the update `show_plan` |

Correctness is not Temporal's: it is the ledger's (PostgreSQL, where there are several workers) and the preconditions' at the
targets. An activity may come twice. `trueup.engines.temporal` may be imported by workflow code: it loads nothing impure.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trueup.engines.temporal.engine import ENGINE
    from trueup.engines.temporal.own import activities, apply, plan, run_job, run_pipeline
    from trueup.engines.temporal.workflows import Trueup

__all__ = ["ENGINE", "Trueup", "activities", "apply", "plan", "run_job", "run_pipeline"]

_HOMES = {"ENGINE": "engine", "Trueup": "workflows"}


def __getattr__(name: str) -> object:
    """Imports what is asked for, when it is asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"trueup.engines.temporal.{_HOMES.get(name, 'own')}"), name)
