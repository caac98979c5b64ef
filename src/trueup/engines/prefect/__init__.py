"""trueup's jobs and pipelines as Prefect 3 flows."""

from trueup.engines.prefect.engine import PrefectEngine
from trueup.engines.prefect.graphs import flow_of, flows
from trueup.engines.prefect.units import apply_batch, guard, plan, read, report, verify

ENGINE = PrefectEngine()

__all__ = ["ENGINE", "apply_batch", "flow_of", "flows", "guard", "plan", "read", "report", "verify"]
