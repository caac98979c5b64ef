"""The embedded engine: jobs and pipelines on this machine, a loop over the graph on top of the ledger, with threads.

Its limit, by choice: one process, no queue between machines, no cluster. Beyond that, the same configuration runs on an
engine that has those.

- `run_job`, `plan_job`, `apply_run`, `plan_undo`: a job as a graph of phases.
- `run_pipeline` on a `Host`: a pipeline as a graph of steps.
- `stop_on_signals`: Ctrl-C and SIGTERM as a request to stop.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trueup.core.pipeline_runs import Resume
    from trueup.engines.embedded.attempts import Host, RunJob
    from trueup.engines.embedded.job import apply_run, plan_job, plan_undo, run_job
    from trueup.engines.embedded.pipeline import run_pipeline
    from trueup.engines.embedded.stop import Stop, stop_on_signals

__all__ = [
    "Host",
    "Resume",
    "RunJob",
    "Stop",
    "apply_run",
    "plan_job",
    "plan_undo",
    "run_job",
    "run_pipeline",
    "stop_on_signals",
]

_HOMES = {
    "Host": "trueup.engines.embedded.attempts",
    "Resume": "trueup.core.pipeline_runs",
    "RunJob": "trueup.engines.embedded.attempts",
    "Stop": "trueup.engines.embedded.stop",
    "run_pipeline": "trueup.engines.embedded.pipeline",
    "stop_on_signals": "trueup.engines.embedded.stop",
}


def __getattr__(name: str) -> object:
    """Imports what is asked for, when it is asked for: a job's run has no use for all that pipelines are made of."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "trueup.engines.embedded.job")), name)
