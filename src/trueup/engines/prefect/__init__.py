"""trueup's jobs and pipelines as Prefect 3 flows."""

from trueup.engines.prefect.graphs import flow_of, flows
from trueup.engines.prefect.units import apply_batch, guard, plan, read, report, verify

__all__ = ["apply_batch", "flow_of", "flows", "guard", "plan", "read", "report", "verify"]
