"""Rows for the contract suite: plain ones, and ones that tables are known to stumble over. Their columns are `id`, `name` and `note`."""

from __future__ import annotations

import json
from typing import ClassVar

from tests.contract import bodies

SUFFIX = ""
KEY = ("id",)
ODD_UIDS = [*bodies.ODD_UIDS, "0049", "1e5", "NULL", "true", "=1+2", "+49301234", "-", "2026-11-26", "007.10"]


def item(uid: str, title: str = "Ann Example", note: str = "x") -> bytes:
    return json.dumps({"id": uid, "name": title, "note": note}, ensure_ascii=False).encode()


def uid(data: bytes | None) -> str:
    return _row(data)["id"]


def title(data: bytes | None) -> str:
    return _row(data)["name"]


def _row(data: bytes | None) -> dict[str, str]:
    assert data is not None, "the item is gone"
    found = json.loads(data)
    assert isinstance(found, dict)
    return found


def same(a: bytes, b: bytes) -> bool:
    """Equal but for what a kind of table cannot tell apart: null and blank, and the order of columns."""
    return {key: one or "" for key, one in _row(a).items()} == {key: one or "" for key, one in _row(b).items()}


BODIES: dict[str, tuple[str, bytes]] = {
    "plain": ("plain", item("plain")),
    "unicode": ("unicode", item("unicode", "Grüße, 日本語; 🎉 e\u0301 — ‮abc")),
    "delimiters": ("delimiters", item("delimiters", "a,b;c\td|e \"quoted\" 'single'")),
    "lines": ("lines", item("lines", "one\ntwo\n\nfour")),
    "leading zeros": ("zeros", item("zeros", "0049", "+49 30 1234")),
    "numbers": ("numbers", item("numbers", "1.50", "1e5")),
    "words": ("words", item("words", "NULL", "true")),
    "blanks around": ("blanks", item("blanks", "  two  ")),
    "formula": ("formula", item("formula", "=1+2", "@SUM(A1)")),
    "blank": ("blank", item("blank", "", "")),
    "quote alone": ("quote", item("quote", '"', '"a')),
    "markup": ("markup", item("markup", "<b>&amp;</b> ]]>")),
    "long": ("long", item("long", "äbcdefgh " * 3000)),
}


class Few:
    """The same with fewer of each, for tables that share their code with others."""

    SUFFIX = SUFFIX
    BODIES: ClassVar[dict[str, tuple[str, bytes]]] = {
        name: BODIES[name] for name in ("unicode", "lines", "leading zeros", "numbers", "blank", "markup", "long")
    }
    ODD_UIDS: ClassVar[list[str]] = ["with blank and  two", "a/b/../c", "umlaut-ä-and-日本語-🎉", "CON", "0049", "=1+2"]
    item = staticmethod(item)
    uid = staticmethod(uid)
    title = staticmethod(title)
    same = staticmethod(same)
