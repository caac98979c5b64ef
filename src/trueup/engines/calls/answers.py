"""What calls answer: JSON small enough for any engine's payload; all of it stays in the ledger."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

SHOWN = 20
"""Entries of a list in an answer; `trueup history RUN` shows all."""

_LONG = ("left", "overlaps", "diagnostics")
_HEADER = (
    *(
        "run",
        "job",
        "created",
        "counts",
        "guards",
        "complete",
        "applyable",
        "errored",
        "creates",
        "diagnostics",
        "hash",
    ),
)


def small(report: Mapping[str, Any]) -> Json:
    """A report with its long lists cut; "more" says how many entries were left out, by list."""
    result: Json = json.loads(json.dumps(report))  # plain values, as an engine would hand them on
    more = {}
    for name in _LONG:
        value = result.get(name)
        if isinstance(value, list) and len(value) > SHOWN:
            result[name] = value[:SHOWN]
            more[name] = len(value) - SHOWN
    return {**result, "more": more} if more else result


def header(plan: Mapping[str, Any]) -> Json:
    """What `plan` answers."""
    return small({key: plan[key] for key in _HEADER if key in plan})
