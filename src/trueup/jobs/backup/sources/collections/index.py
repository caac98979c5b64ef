"""`items.jsonl`: one JSON object a line for each item of a snapshot.

store, collection   where it was; `collection_title` is what people call that
href, etag          as the store named it
uid, title, starts  as one glance tells; "" where the item could not be understood
kind                "calendar" or "contacts"
component           "VEVENT", "VTODO", "VJOURNAL", "VCARD"; "" for none
digest              BLAKE2b of all fields in normal form; "" where the item could not be understood
sum, size           BLAKE2b of its bytes, and how many there are
file                its file in the data
schedules           a server that mails people would be given less of it than there is
why                 why it could not be understood
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from trueup.model.capabilities import Capabilities
from trueup.model.errors import ItemRefused, Permanent, TrueupError
from trueup.model.items import digest
from trueup.model.ports import Kind

ITEMS = "items.jsonl"

_COMPONENT = re.compile(rb"^BEGIN:(VEVENT|VTODO|VJOURNAL|VCARD)\r?$", re.MULTILINE | re.IGNORECASE)
_UNSAFE = re.compile(r"[^A-Za-z0-9._@-]+")
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)  # Windows and SMB shares


@dataclass(frozen=True, slots=True)
class Item:
    """One line; see above."""

    store: str
    collection: str
    collection_title: str
    href: str
    etag: str | None
    uid: str
    title: str
    starts: str
    kind: str
    component: str
    digest: str
    sum: str
    size: int
    file: str
    schedules: bool = False
    why: str = ""

    @property
    def shown(self) -> str:
        """What people call it."""
        title = f"“{self.title[:80]}”" if self.title else self.href.rpartition("/")[2] or self.href
        return f"{title} ({self.starts})" if self.starts else title

    @property
    def place(self) -> str:
        """Where it was."""
        return f"{self.store}/{self.collection}"

    def line(self) -> str:
        """As it is kept."""
        return json.dumps({name: getattr(self, name) for name in self.__slots__}, separators=(",", ":")) + "\n"


class Kinds:
    """What items mean, whatever they are.

    Args:
        item_kind: see `SourceContext.item_kind`; None: nothing is understood.
    """

    def __init__(self, item_kind: Callable[[str], Kind] | None) -> None:
        self._item_kind = item_kind
        self._known: dict[str, Kind | None] = {}

    def get(self, name: str) -> Kind | None:
        """A kind by its name; None where this installation does not know it."""
        if name not in self._known:
            self._known[name] = self._find(name)
        return self._known[name]

    def _find(self, name: str) -> Kind | None:
        try:
            return self._item_kind(name) if self._item_kind is not None else None
        except (TrueupError, LookupError):
            return None

    def understood(self, name: str, data: bytes) -> dict[str, object]:
        """What an `Item` says of a body beside its place."""
        kind = self.get(name)
        nothing: dict[str, object] = {"uid": "", "title": "", "starts": "", "digest": "", "schedules": False}
        if kind is None:
            return {**nothing, "why": f"nothing here knows what {name} are"}
        try:
            glance = kind.glance(data)
            return {
                "uid": glance.uid,
                "title": glance.title,
                "starts": glance.starts,
                "digest": normal_digest(kind, data),
                "schedules": kind.storable(data, Capabilities(schedules=True), invite=False)
                != kind.storable(data, Capabilities(), invite=False),
                "why": "",
            }
        except ItemRefused as error:
            return {**nothing, "why": error.why or error.what}


def normal_digest(kind: Kind, data: bytes) -> str:
    """A digest that is the same for all bodies that are equal in normal form.

    Raises:
        ItemRefused: it cannot be understood.
    """
    fields = kind.fields(data)
    text = json.dumps(sorted([*key, field.normal] for key, field in fields.items()))
    return blake2b(text.encode("ascii"), digest_size=16).hexdigest()


def kind_of(data: bytes) -> str:
    """Which kind of item a body is, by its first line."""
    return "contacts" if data[:64].lstrip(b"\xef\xbb\xbf \t\r\n").upper().startswith(b"BEGIN:VCARD") else "calendar"


def component_of(data: bytes) -> str:
    """The first component that counts."""
    found = _COMPONENT.search(data)
    return found[1].decode().upper() if found else ""


def items(about: Path) -> Iterator[Item]:
    """The items of a snapshot.

    Raises:
        Permanent: the list is not there or damaged, or names a file outside of the data.
    """
    try:
        with open(about / ITEMS, encoding="ascii") as lines:
            for line in lines:
                item = item_of(json.loads(line))
                if any(one in ("", ".", "..") for one in item.file.split("/")) or "\0" in item.file:
                    raise ValueError(f"{item.file!r} is no path below the data")
                yield item
    except (OSError, ValueError, TypeError) as error:
        raise Permanent(
            "the snapshot's list of items cannot be read",
            where=ITEMS,
            why=str(error),
            hint="check the repository; another snapshot may be whole",
        ) from error


def item_of(found: Mapping[str, object]) -> Item:
    """An item from its JSON; what a later version added is not looked at.

    Raises:
        TypeError: something is missing, or of the wrong type.
    """
    item = Item(**{name: found[name] for name in Item.__dataclass_fields__ if name in found})  # type: ignore[arg-type]
    if not all(
        isinstance(one, str) for one in (item.store, item.collection, item.href, item.uid, item.title, item.file)
    ):
        raise TypeError("a text is expected")
    return item


class Names:
    """Names for files that every file system takes and keeps apart, one for each text."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def get(self, text: str, key: str) -> str:
        """A name as like the text as can be: with a digest of the key where it is changed, too long, or differs from another only in case.

        Args:
            text: what it is called.
            key: what is different for each.
        """
        plain = _UNSAFE.sub("-", text).strip(".-")[:100]
        if not plain or plain != text or _DEVICE.fullmatch(plain) or plain.lower() in self._taken:
            plain = f"{plain[:60]}-{digest(key.encode('utf-8', 'surrogatepass'))[:16]}".lstrip("-")
        self._taken.add(plain.lower())
        return plain
