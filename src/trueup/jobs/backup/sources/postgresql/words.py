"""Numbers and names for people."""

from __future__ import annotations


def size(count: int) -> str:
    """Bytes, as "1.5 GB"."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.4g} TB"


def rows(count: int) -> str:
    """As "1,204 rows"."""
    return f"{count:,} row{'' if count == 1 else 's'}"


def listed(names: list[str], most: int = 5) -> str:
    """Some names, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def identifier(name: str) -> str:
    """A name as SQL takes it, always quoted."""
    return '"' + name.replace('"', '""') + '"'


def table(schema: str, name: str) -> str:
    """A table's name for people and as a key: schema.name, without quotes."""
    return f"{schema}.{name}"
