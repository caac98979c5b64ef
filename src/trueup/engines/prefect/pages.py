"""Addresses of pages in Prefect's screen."""

from __future__ import annotations

from typing import Any

from prefect.runtime import flow_run
from prefect.utilities.urls import url_for


def page_of_run() -> str:
    """The page of the present flow run; "" where the server has no screen."""
    return page("flow-run", flow_run.id)


def page(kind: str, of: Any) -> str:
    """The page of a "flow-run", "deployment", "automation" by its id; "" where the server has no screen."""
    return url_for(kind, obj_id=of) or ""
