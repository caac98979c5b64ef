"""The embedded engine: jobs and pipelines on this machine, a loop over the graph on top of the ledger, with threads.

Its limit, by choice: one process, no queue between machines, no cluster. Beyond that, the same configuration runs on an
engine that has those.

- `run_job`, `plan_job`, `apply_run`, `plan_undo`: a job as a graph of phases.
- `run_pipeline` on a `Host`: a pipeline as a graph of steps.
- `stop_on_signals`: Ctrl-C and SIGTERM as a request to stop.
"""

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
