"""The keys of rows as hrefs: what names a row for ever, in letters that every system keeps apart, and that can be read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import unquote

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.@")
_BETWEEN = "/"


def quoted(key: str) -> str:
    """A key's value as a part of an href: what may be lost where case or form of letters is ignored is written as %XX of its UTF-8 bytes."""
    if _PLAIN.issuperset(key):
        return key
    return "".join(
        one if one in _PLAIN else "".join(f"%{byte:02x}" for byte in one.encode("utf-8", "surrogatepass"))
        for one in key
    )


def href_of(row: Mapping[str, str | None], key: Sequence[str]) -> str:
    """Where a row is, by the values of its key columns; "" where all of them are blank."""
    if len(key) == 1:
        return quoted(row.get(key[0]) or "")
    values = [row.get(name) or "" for name in key]
    return _BETWEEN.join(map(quoted, values)) if any(values) else ""


def key_of(href: str, key: Sequence[str]) -> dict[str, str] | None:
    """The values of the key columns that an href stands for; None where it is none of such a key."""
    parts = href.split(_BETWEEN) if len(key) > 1 else [href]
    if len(parts) != len(key) or not href:
        return None
    try:
        values = [unquote(one, errors="strict") for one in parts]
    except UnicodeDecodeError:
        return None
    return dict(zip(key, values, strict=True)) if [quoted(one) for one in values] == parts else None


def shown_key(href: str) -> str:
    """An href as people know the key."""
    return ", ".join(unquote(one, errors="replace") for one in href.split(_BETWEEN))
