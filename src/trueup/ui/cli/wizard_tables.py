"""What `trueup init` asks of tables: which column names a row, and which column is which property, proposed from the header."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.model.errors import TrueupError
from trueup.ui.cli.render.terminal import safe

if TYPE_CHECKING:
    from trueup.connectors.base import ConnectorType

Json = dict[str, Any]
_ANY = "?"  # a key that no table has: only its columns are looked at


def is_table(connector: ConnectorType) -> bool:
    """Whether a connector's collections are tables."""
    return getattr(connector, "holds", "items") == "rows"


def columns_of(connector: ConnectorType, name: str, given: Json, collection: str, folder: Path) -> Sequence[str]:
    """The columns of a table that a person named; () where they cannot be found out."""
    from trueup.config.stores import store_spec

    wanted = {"key": _ANY, **given} if any(one.name == "key" and one.required for one in connector.options) else given
    _, spec = store_spec(name, wanted, {connector.name: connector}, folder)
    if spec is None:
        return ()
    try:
        store = connector.open(name, spec.resolved(folder))
        try:
            found = store.open(collection)
            return () if found is None else found.capabilities.columns
        finally:
            store.close()
    except TrueupError as error:
        print(f"  Its columns cannot be read: {safe(str(error))}")
        return ()


def ask_key(columns: Sequence[str], line: Callable[..., str]) -> str:
    """Which column names a row."""
    from trueup.jobs.contacts.mapping.proposal import propose_key

    if columns:
        print(f"  columns: {safe(', '.join(columns))}")
    likely = propose_key(columns)
    if not likely:
        return line("  key (the column whose value names a row for ever)", required=True)
    return line(f"  key (the column whose value names a row for ever); Enter: {safe(likely)}") or likely


def ask_mapping(columns: Sequence[str], key: str, choose: Callable[..., str], line: Callable[..., str]) -> Json:
    """Which column is which property, as the header lets expect; a person says whether it is right."""
    from trueup.jobs.contacts.mapping.proposal import covered, propose
    from trueup.jobs.contacts.mapping.spec import Mapping

    proposed = propose(columns)
    if proposed:
        named, left, _ = covered(Mapping.from_options(proposed), columns)
        print("  Its columns look like this:")
        for name, held in named.items():
            print(f"    {name}: {safe(', '.join(held))}")
        left = [one for one in left if one != key]
        if left:
            print(f"    left out: {safe(', '.join(left))}")
        ways = [("yes", "write it like this"), ("no", "only the name; the rest is added by hand")]
        if choose("  Is that right?", ways) == "yes":
            return proposed
    return {"name": line("  the column of the full name", required=True)}
