"""Contacts for the contract suite: plain ones, and ones that stores are known to stumble over."""

from __future__ import annotations

import base64

from tests.contract import bodies
from tests.contract.bodies import escape, fold
from trueup.core.contentlines import parse, unescape
from trueup.jobs.contacts import ContactsKind

KIND = ContactsKind()
SUFFIX = ".vcf"
ODD_UIDS = [*bodies.ODD_UIDS, "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"]
PHOTO = base64.b64encode(bytes(range(256)) * 80).decode()
# What a server may set anew whenever it stores a card.
_REWRITTEN = {"PRODID", "REV", "X-RADICALE-NAME"}


def card(uid: str, title: str = "Ann Example", *more: str, version: str = "3.0") -> bytes:
    """A card with further lines inside."""
    lines = [f"VERSION:{version}", f"UID:{escape(uid)}", f"FN:{escape(title)}", "N:Example;Ann;;;", *more]
    return "".join(fold(line) + "\r\n" for line in ["BEGIN:VCARD", *lines, "END:VCARD"]).encode()


def item(uid: str, title: str = "Ann Example") -> bytes:
    return card(uid, title)


def uid(data: bytes | None) -> str:
    return _value(data, "UID")


def title(data: bytes | None) -> str:
    return _value(data, "FN")


def _value(data: bytes | None, name: str) -> str:
    assert data is not None, "the item is gone"
    [found] = parse(data).components("VCARD")
    return unescape(found.value(name))


def same(a: bytes, b: bytes) -> bool:
    """Equal but for folding, the order of lines, and what servers set anew.

    Asked twice: line by line, and as the product compares (which must not take a rewrite for an edit).
    """
    return lines(a) == lines(b) and KIND.same(a, b)


def lines(data: bytes) -> list[str]:
    """The lines of a card in an order of their own, parameters too."""
    [found] = parse(data).components("VCARD")
    kept = [line for line in found.lines() if line.name not in _REWRITTEN]
    return sorted(f"{line.group.upper()} {line.name} {sorted(line.params)} {line.value}" for line in kept)


BODIES: dict[str, tuple[str, bytes]] = {
    "plain": ("plain@example.org", card("plain@example.org")),
    "unicode": ("unicode@example.org", card("unicode@example.org", "Grüße, 日本語; 🎉 e\u0301 — ‮abc")),
    "escapes": (
        "escapes@example.org",
        card("escapes@example.org", "a\\b;c,d", "NOTE:one\\ntwo\\, three\\; four \\\\ five"),
    ),
    "long line": ("long@example.org", card("long@example.org", "Long", "NOTE:" + "äbcdefgh " * 2000 + "end")),
    "many of one kind": (
        "many@example.org",
        card(
            "many@example.org",
            "Many",
            *("TEL;TYPE=CELL:+49 30 1234567", "TEL;TYPE=WORK:+49 30 7654321", "EMAIL;TYPE=HOME:ann@example.org"),
            *("EMAIL;TYPE=WORK:ann@example.com", "ADR;TYPE=HOME:;;Main Street 1;Springfield;;12345;Germany"),
        ),
    ),
    "groups of lines": (
        "labels@example.org",
        card(
            "labels@example.org",
            "Labelled",
            *("item1.URL:https://example.org/ann", "item1.X-ABLabel:_$!<HomePage>!$_"),
            *(
                "item2.TEL:+49 30 1",
                "item2.X-ABLabel:Boat",
                "X-SOCIALPROFILE;TYPE=mastodon:https://example.social/@ann",
            ),
        ),
    ),
    "photo": ("photo@example.org", card("photo@example.org", "Photo", f"PHOTO;ENCODING=b;TYPE=JPEG:{PHOTO}")),
    "version 4": (
        "v4@example.org",
        card(
            "v4@example.org",
            "Newer",
            *("KIND:individual", "BDAY:--0412", "GENDER:F", "TEL;VALUE=uri;TYPE=home:tel:+49-30-1"),
            version="4.0",
        ),
    ),
    "a group": (
        "group@example.org",
        card("group@example.org", "Friends", "KIND:group", "MEMBER:urn:uuid:plain@example.org", version="4.0"),
    ),
}
