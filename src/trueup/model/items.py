"""Items as a store shows them: a href, an etag and bytes; and what one glance at the bytes tells."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b


def digest(data: bytes) -> str:
    """The name of a body in the ledger: 32 hexadecimal characters of BLAKE2b over its bytes."""
    return blake2b(data, digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a listing.

    `etag` is None where the store gave none: then only a fetch can tell whether the item changed.
    """

    href: str
    etag: str | None


@dataclass(frozen=True, slots=True)
class Body:
    """The answer to a fetch of one href. `data` is None where the item is gone; `error` says why it could not be
    read."""

    href: str
    etag: str | None = None
    data: bytes | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Glance:
    """What is read off every fetched item, cheaply.

    Attributes:
        uid: the item's key, equal in every collection that holds it.
        title: what a person calls it.
        starts: when it begins, in the item's own zone, for people ("Mon 2026-11-16 09:00 Europe/Berlin"); "" for none.
    """

    uid: str
    title: str
    starts: str
