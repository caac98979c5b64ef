"""A mapping proposed from the header of a table."""

from __future__ import annotations

from collections.abc import Sequence


def propose(columns: Sequence[str]) -> dict[str, object]:
    """A mapping."""
    return {}
