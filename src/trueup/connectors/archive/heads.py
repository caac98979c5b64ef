"""Heads of snapshots, and what an archive says of itself: the two plain JSON files of the format. See docs/reference/archive-format.md."""

from __future__ import annotations

import json
import time
from calendar import timegm
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trueup.connectors.archive.objects import Damaged
from trueup.model.errors import Permanent
from trueup.model.repository import Snapshot

VERSION = 1
FOLDER = "snapshots"
REPOSITORY = "repository.json"
_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Object:
    """A tree or pack: its name in the archive and its size."""

    name: str
    size: int

    def to_json(self) -> dict[str, object]:
        """As it stands in a head."""
        return {"name": self.name, "size": self.size}


@dataclass(frozen=True, slots=True)
class Head:
    """A snapshot as its head tells it; `snapshot.id` is "" until it has been written."""

    snapshot: Snapshot
    repository: str
    root: str
    tree: Object
    packs: tuple[Object, ...]

    @property
    def objects(self) -> tuple[Object, ...]:
        """All it needs."""
        return (self.tree, *self.packs)


def encoded(head: Head) -> bytes:
    """The file, each object on a line of its own so that a shell can find them."""
    one = head.snapshot
    plain: dict[str, object] = {
        "format": "trueup snapshot",
        "version": VERSION,
        "repository": head.repository,
        "job": one.job,
        "source": one.source,
        "run": one.run,
        "host": one.host,
        "time": one.time,
        "root": head.root,
        "bytes": one.bytes,
        "files": one.files,
        "added": one.added,
        "complete": one.complete,
    }
    lines = [f"{json.dumps(key)}: {json.dumps(value)}," for key, value in plain.items()]
    packs = ",\n".join(json.dumps(pack.to_json()) for pack in head.packs)
    return "\n".join(
        [
            "{",
            *lines,
            '"tree":',
            json.dumps(head.tree.to_json()) + ",",
            '"packs": [',
            *([packs] if packs else []),
            "]",
            "}",
            "",
        ]
    ).encode()


def name_for(data: bytes, now: float) -> str:
    """The name of a head with these bytes that is stored now."""
    from blake3 import blake3

    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    return f"{FOLDER}/{stamp}-{blake3(data).hexdigest()[:_DIGITS]}.json"


def id_of(name: str) -> str:
    """A snapshot's id, out of its head's name."""
    return name.removeprefix(FOLDER + "/").removesuffix(".json")


def name_of(id_: str) -> str:
    """The name of a snapshot's head."""
    return f"{FOLDER}/{id_}.json"


def is_id(id_: str) -> bool:
    """Whether it could be one: what it says will be a file's name."""
    stamp, dash, digits = id_.partition("-")
    return (
        dash == "-"
        and len(stamp) == 16
        and stamp.isalnum()
        and len(digits) == _DIGITS
        and set(digits) <= set("0123456789abcdef")
    )


def stored_at(id_: str) -> float:
    """When a snapshot was stored, out of its id; 0.0 where that is not said."""
    try:
        return float(timegm(time.strptime(id_[:16], "%Y%m%dT%H%M%SZ")))
    except ValueError:
        return 0.0


def decoded(name: str, data: bytes, where: str) -> Head:
    """A head out of its file.

    Raises:
        Damaged: these are not the bytes that were written.
        Permanent: a later version of trueup wrote it.
    """
    from blake3 import blake3

    if blake3(data).hexdigest()[:_DIGITS] != id_of(name)[-_DIGITS:]:
        raise Damaged("its bytes are not those that were written")
    try:
        body = json.loads(data)
        later(body["version"], where)
        return _head(name, body)
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged("it is not the head of a snapshot") from error


def _head(name: str, body: Mapping[str, Any]) -> Head:
    snapshot = Snapshot(
        id=id_of(name),
        time=float(body["time"]),
        job=body["job"],
        source=body["source"],
        run=body["run"],
        host=body["host"],
        bytes=int(body["bytes"]),
        files=int(body["files"]),
        added=int(body["added"]),
        complete=bool(body["complete"]),
    )
    packs = tuple(_object(one, "packs/") for one in body["packs"])
    return Head(snapshot, str(body["repository"]), str(body["root"]), _object(body["tree"], "trees/"), packs)


def _object(body: Mapping[str, Any], folder: str) -> Object:
    name = str(body["name"])
    if not name.startswith(folder) or ".." in name:  # it becomes a path
        raise ValueError(name)
    return Object(name, int(body["size"]))


def later(version: object, where: str) -> None:
    """Raises `Permanent` where a later version of trueup is needed."""
    if not isinstance(version, int):
        raise ValueError("no version")
    if version > VERSION:
        raise Permanent(
            "the archive was written by a later version of trueup",
            where=where,
            why=f"its format is version {version}; this trueup knows {VERSION}",
            hint="upgrade trueup on this machine",
        )


@dataclass(frozen=True, slots=True)
class About:
    """repository.json."""

    id: str
    encrypted: bool
    recipients: tuple[str, ...]
    created: str

    def encoded(self) -> bytes:
        """The file."""
        body = {
            "format": "trueup archive",
            "version": VERSION,
            "id": self.id,
            "encrypted": self.encrypted,
            "recipients": list(self.recipients),
            "created": self.created,
        }
        return (json.dumps(body) + "\n").encode()


def about(data: bytes, where: str) -> About:
    """repository.json out of its file.

    Raises:
        Permanent: it is damaged, or from a later version.
    """
    try:
        body = json.loads(data)
        if body["format"] != "trueup archive":
            raise ValueError("another format")
        later(body["version"], where)
        return About(str(body["id"]), bool(body["encrypted"]), tuple(sorted(body["recipients"])), str(body["created"]))
    except (ValueError, KeyError, TypeError) as error:
        raise Permanent(
            "the archive's repository.json is damaged",
            where=where,
            why=str(error),
            hint="put it back from a copy of the archive, or write it again by hand: docs/reference/archive-format.md shows it",
        ) from error
