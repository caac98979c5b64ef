"""What any orchestrator calls: jobs and pipelines of a configuration as plain functions of small JSON.

An engine may call each of them twice, also at the same time, and its worker may die inside one or between two: what is done is in the
ledger, and a repeated call goes on from there or answers what is known. Nothing large passes through the engine: items and plans stay in
the ledger.

- A job: `begin_job`, `read`, `plan`, `guard` (`approve`, `reject`, `waiting`), `start_apply`, `apply_batch`, `verify`, `report`,
  `next_round`, `end_job`; `run_rest` for all that is left.
- A pipeline: `describe`, `begin_pipeline`, `decide`, `run_function`, `start_step` and `end_step`, `end_map`, `end_pipeline`.
- A start by a schedule, before all that: `due`, and where a person is asked `allow_start`, `refuse_start`.
- To show: `plan_markdown`, `link`. To decide on a repeat: `retryable`. Around calls of a worker that may be asked to stop: `stoppable`.

The first argument is always the absolute path of trueup.yaml.
"""

from trueup.engines.calls.approval import approve, guard, reject, waiting
from trueup.engines.calls.description import describe
from trueup.engines.calls.errors import retryable
from trueup.engines.calls.functions import run_function
from trueup.engines.calls.jobs import begin_job, end_job, next_round, report
from trueup.engines.calls.phases import apply_batch, plan, read, start_apply, verify
from trueup.engines.calls.pipelines import begin_pipeline, decide, end_map, end_pipeline, end_step, start_step
from trueup.engines.calls.rest import run_rest
from trueup.engines.calls.showing import link, plan_markdown
from trueup.engines.calls.starts import allow_start, due, refuse_start
from trueup.engines.calls.stopping import asked_to_stop, stoppable

__all__ = [
    "allow_start",
    "apply_batch",
    "approve",
    "asked_to_stop",
    "begin_job",
    "begin_pipeline",
    "decide",
    "describe",
    "due",
    "end_job",
    "end_map",
    "end_pipeline",
    "end_step",
    "guard",
    "link",
    "next_round",
    "plan",
    "plan_markdown",
    "read",
    "refuse_start",
    "reject",
    "report",
    "retryable",
    "run_function",
    "run_rest",
    "start_apply",
    "start_step",
    "stoppable",
    "verify",
    "waiting",
]
