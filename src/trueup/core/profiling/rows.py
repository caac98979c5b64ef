"""Rows of tables as records: a body is one JSON object, its members the columns."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence


def columns(data: bytes) -> Mapping[str, Sequence[str]]:
    """The columns of a row as connectors of tables hand it out.

    Args:
        data: a JSON object; texts and nulls, and what a table has beside them.

    Returns:
        By column its value as a text; nothing for null.

    Raises:
        ValueError: the body is no such object.
    """
    row = json.loads(data)
    if not isinstance(row, dict):
        raise ValueError("the row is no JSON object")
    return {
        name: [] if value is None else [value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)]
        for name, value in row.items()
    }
