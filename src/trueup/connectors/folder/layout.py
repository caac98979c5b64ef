"""What the files of a folder hold, which of them are items, and which names new ones get."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from hashlib import blake2b

NAME_MAX = 255  # bytes, on every file system in use

# Lower case only, so that two UIDs never meet on a file system that ignores case; ASCII only, so that none can be normalised (NFC, NFD).
_SAFE_UID = re.compile(r"[a-z0-9][a-z0-9_@.-]{0,99}")
_UNSAFE = re.compile(r"[^a-z0-9]+")
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?")  # Windows and SMB shares
_SCRATCH = re.compile(r"\.trueup-[0-9a-f]{16}\.tmp")


@dataclass(frozen=True, slots=True)
class Layout:
    """What a folder holds.

    Attributes:
        noun: what people call a folder of items ("calendar").
        suffix: what the names of items end with.
    """

    noun: str
    suffix: str

    def is_item(self, name: str) -> bool:
        """Whether a file of this name is an item: ends with the suffix and is no hidden, lock or scratch file of an editor."""
        return name.endswith(self.suffix) and name[0] not in ".#~"

    def why_not_writable(self, href: str) -> str:
        """Why no item can be written under this href; "" where it can."""
        if "/" in href or "\0" in href or not self.is_item(href):
            return f"{href!r} cannot be the name of an item: it must be a plain file name that ends with {self.suffix}"
        try:
            size = len(href.encode())
        except UnicodeEncodeError:
            return f"{href!r} is not valid Unicode"
        return f"the name is {size} bytes long, {NAME_MAX} is the limit" if size > NAME_MAX else ""

    def new_href(self, uid: str) -> str:
        """The file name for a new item: the UID itself where every file system takes it and keeps it apart, else a readable part and a digest."""
        if _SAFE_UID.fullmatch(uid) and not _DEVICE.fullmatch(uid):
            return uid + self.suffix
        readable = _UNSAFE.sub("-", uid.lower())[:40].strip("-")
        key = blake2b(uid.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
        return f"{readable}-{key}{self.suffix}" if readable else f"{key}{self.suffix}"


def scratch() -> str:
    """A name for a temporary file: hidden, and recognisable as ours."""
    return f".trueup-{os.urandom(8).hex()}.tmp"


def is_scratch(name: str) -> bool:
    """Whether `scratch` made this name."""
    return _SCRATCH.fullmatch(name) is not None
