"""Kinds of sources, by the key they have in `trueup.yaml`; each is imported when one is first needed."""

from __future__ import annotations

from importlib import import_module

from trueup.model.backup import SourceKind
from trueup.model.errors import NotFound

NAMES = ("postgresql", "mariadb", "sqlite", "path", "collections", "command", "ledger")

TITLES = {
    "postgresql": "PostgreSQL",
    "mariadb": "MariaDB",
    "sqlite": "SQLite",
    "path": "folder",
    "collections": "calendars and contacts",
    "command": "command",
    "ledger": "trueup's ledger",
}
"""What people call them."""


def kind_of(name: str) -> SourceKind:
    """The kind of that name.

    Raises:
        NotFound: this trueup knows none (a snapshot of a later version).
    """
    if name not in NAMES:
        raise NotFound(f"there is no kind of source `{name}`", hint="update trueup on this machine")
    found: SourceKind = import_module(f"{__name__}.{name}").KIND
    return found
