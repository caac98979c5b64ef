"""Prefect 3: the jobs and pipelines of a configuration as flows, and in flows of your own.

    trueup engine prefect deploy        deployments, schedules, limits and automations, made equal to trueup.yaml
    trueup engine prefect worker        a process worker, and the keeper of what Prefect does not do by itself

    from trueup.engines.prefect import run_job, run_pipeline, plan, apply      # in a flow of yours

| trueup | Prefect |
|---|---|
| job, pipeline | a flow of the same name, with one deployment, tagged "trueup" |
| phase, step | a task; `read`, `apply`, `verify` and steps with `for_each` are mapped |
| step of kind job or pipeline | a sub-flow |
| `when` | the step's task ends as "Skipped" |
| parameters | the flow's, with types |
| blocked by a guard | suspended; Resume asks yes or no |
| schedule | the deployment's; scheduled runs made one by one where Prefect cannot say when |
| `after` | an automation |
| limits of a store | a global concurrency limit, beside the ledger's own |
| a killed process | automations mark it as crashed and start the same flow run again |

Prefect hands on ids and short answers only, and persists no results: everything else is in trueup's ledger, so a flow may be started from
its top at any time.
"""

from trueup.engines.prefect.engine import PrefectEngine
from trueup.engines.prefect.graphs import flow_of, flows
from trueup.engines.prefect.native import apply, plan, run_job, run_pipeline

ENGINE = PrefectEngine()

__all__ = ["ENGINE", "apply", "flow_of", "flows", "plan", "run_job", "run_pipeline"]
