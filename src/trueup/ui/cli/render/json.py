"""What programs get: one document, or a line for each thing that happens."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from trueup.model.errors import TrueupError


def document(value: Any) -> str:
    """The one document of `--json`."""
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)


def plan_document(header: Mapping[str, Any], changes: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """A plan with its changes as one document, piece by piece: a plan of a million changes does not fit into memory twice."""
    yield document(header).rstrip("}\n ") + ',\n  "changes": ['
    for number, change in enumerate(changes):
        yield (",\n    " if number else "\n    ") + line(change)
    yield "\n  ]\n}\n"


def line(value: Any) -> str:
    """A line of `--json-lines`."""
    return json.dumps(value, ensure_ascii=False, default=str)


def wanted(arguments: Sequence[str]) -> bool:
    """Whether a command line asks for JSON; for errors, which may come before it has been understood."""
    return any(one in ("--json", "--json-lines") for one in arguments)


def error(error: TrueupError, arguments: Sequence[str]) -> str:
    """An error for programs: {"error": …, "exit_code": …}, with every finding where there are several."""
    found = [one.to_json() for one in getattr(error, "diagnostics", ())]
    value = {"error": {**error.to_json(), "findings": found}, "exit_code": int(error.exit_code)}
    return line({"event": "error", **value}) if "--json-lines" in arguments else document(value)
