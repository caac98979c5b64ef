"""Trees of an archive: the names and metadata of a snapshot's files, and what it is about. See docs/reference/archive-format.md."""

from __future__ import annotations

import base64
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from io import BufferedReader
from json.encoder import encode_basestring_ascii as quoted
from pathlib import Path
from typing import Any

from trueup.connectors.archive import tar
from trueup.connectors.archive.heads import Head
from trueup.connectors.archive.objects import CHUNK, Codec, Damaged, Reader, Sealer, buffered, compressor, summed
from trueup.connectors.archive.places import Place, told
from trueup.model.errors import Permanent
from trueup.model.repository import Watch

_LINES = 1000
_WAITING = 4 << 20
"""Bytes of a tree that wait in memory; more are in a temporary file. 20,000 entries are some 2 MB."""

ROOT = "."
"""The path of the root itself, where it is a folder."""


@dataclass(slots=True)
class Node:
    """One entry of a tree, not to be changed (a frozen one takes three times as long to make).

    `kind` is "file", "dir", "link", "fifo", "socket" or "device"; the rest is as in the format's document.
    """

    path: str
    kind: str
    size: int = 0
    mode: int = 0
    uid: int = 0
    gid: int = 0
    mtime: int = 0
    body: int = 0
    parts: Sequence[str] = ()
    packs: Sequence[int] = ()
    sum: str = ""
    link: str | None = None
    hard: str | None = None
    sparse: Sequence[tuple[int, int]] | None = None
    xattrs: Mapping[str, bytes] | None = None


def header(node: Node) -> bytes:
    """A node's header in a tar; b"" where it is only recorded."""
    if node.kind in ("socket", "device"):
        return b""
    return tar.entry_header(
        node.path.encode("utf-8", "surrogateescape"),
        "hard" if node.hard is not None else node.kind,
        node.body,
        node.mode,
        node.mtime,
        (node.uid, node.gid),
        link=(node.hard or node.link or "").encode("utf-8", "surrogateescape"),
        xattrs=node.xattrs,
        sparse=None if node.sparse is None else (node.size, node.sparse),
    )


def line(node: Node, head: int) -> str:
    """A node's line; `head` is the length of its header."""
    parts = '","'.join(node.parts)
    text = (
        f'{{"head":{head},"body":{node.body},"parts":[{parts and chr(34) + parts + chr(34)}],"packs":[{",".join(map(str, node.packs))}],'
        f'"path":{quoted(node.path)},"type":"{node.kind}","size":{node.size},"mode":{node.mode},"uid":{node.uid},"gid":{node.gid},"mtime":{node.mtime}'
    )
    if node.sum:
        text += f',"sum":"{node.sum}"'
    if node.link is not None:
        text += f',"link":{quoted(node.link)}'
    if node.hard is not None:
        text += f',"hard":{quoted(node.hard)}'
    if node.sparse is not None:
        text += f',"sparse":{json.dumps([list(one) for one in node.sparse], separators=(",", ":"))}'
    if node.xattrs:
        values = {name: base64.b64encode(value).decode() for name, value in node.xattrs.items()}
        text += f',"xattrs":{json.dumps(values, separators=(",", ":"))}'
    return text + "}\n"


def node(text: bytes) -> Node:
    """A node out of its line.

    Raises:
        Damaged: it is none.
    """
    try:
        one: dict[str, Any] = json.loads(text)
        xattrs = one.get("xattrs")
        return Node(
            path=_safe(one["path"]),
            kind=one["type"],
            size=one["size"],
            mode=one["mode"],
            uid=one["uid"],
            gid=one["gid"],
            mtime=one["mtime"],
            body=one["body"],
            parts=one["parts"],
            packs=one["packs"],
            sum=one.get("sum", ""),
            link=one.get("link"),
            hard=_safe(one["hard"]) if "hard" in one else None,
            sparse=[(offset, length) for offset, length in one["sparse"]] if "sparse" in one else None,
            xattrs={name: base64.b64decode(value) for name, value in xattrs.items()} if xattrs else None,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"a line of its tree is wrong ({error})") from error


def _safe(path: str) -> str:
    """A path that stays below the root, or the root itself: who can write to the place could have made the tree."""
    if path == ROOT:
        return path
    if not path or path.startswith("/") or "\0" in path or any(one in ("", ".", "..") for one in path.split("/")):
        raise ValueError("a path outside of the root")
    return path


class TreeWriter:
    """Makes a tree while the files are read. What it is about comes first in it and is known last: the entries wait, compressed.

    Args:
        level: of zstd.
    """

    def __init__(self, level: int) -> None:
        self._zstd = compressor(level).compressobj()
        self._waiting = tempfile.SpooledTemporaryFile(_WAITING, prefix="trueup-tree-")  # noqa: SIM115
        self._number = 0
        self._lines: list[str] = []
        self._headers: list[bytes] = []

    def add(self, node: Node) -> None:
        """Adds an entry."""
        head = header(node)
        self._headers.append(head)
        self._lines.append(line(node, len(head)))
        if len(self._lines) >= _LINES:
            self._flush()

    def _flush(self) -> None:
        for end, data in (("jsonl", "".join(self._lines).encode()), ("headers", b"".join(self._headers))):
            member = tar.member(f"tree/{self._number:06d}.{end}", len(data))
            self._wait(b"".join((member, data, tar.padding(len(data)))))
        self._number += 1
        self._lines.clear()
        self._headers.clear()

    def _wait(self, data: bytes) -> None:
        self._keep(self._zstd.compress(data))

    def _keep(self, data: bytes) -> None:
        try:
            self._waiting.write(data)
        except OSError as error:
            raise told(error, "the list of a snapshot's files cannot be kept", tempfile.gettempdir()) from error

    def end(self, about: Path, sealer: Sealer) -> None:
        """That was all: the tree is written.

        Args:
            about: the folder with what the snapshot is about.
            sealer: takes the tree.
        """
        if self._lines or not self._number:
            self._flush()
        self._wait(tar.END)
        self._keep(self._zstd.flush())
        self._about(about, sealer)
        self._waiting.seek(0)
        while piece := self._waiting.read(CHUNK):
            sealer.frame(piece)
        sealer.end()

    def close(self) -> None:
        """Gives back what it waits in."""
        self._waiting.close()

    def _about(self, folder: Path, sealer: Sealer) -> None:
        for directory, folders, names in os.walk(folder):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(directory, name)
                try:
                    _about_file(path, "about/" + os.path.relpath(path, folder), sealer)
                except OSError as error:
                    raise told(error, "what a snapshot is about cannot be read", path) from error


def _about_file(path: str, name: str, sealer: Sealer) -> None:
    with open(path, "rb", buffering=0) as file:
        left = size = os.fstat(file.fileno()).st_size
        sealer.write(tar.named(os.fsencode(name), size))
        while left:
            piece = file.read(min(left, CHUNK))
            if not piece:
                what = "what a snapshot is about cannot be read"
                raise Permanent(what, where=path, why="it became shorter meanwhile")
            sealer.write(piece)
            left -= len(piece)
        sealer.write(tar.padding(size))


class Tree:
    """Reads the tree of a snapshot.

    Raises, while it is read:
        Damaged: it is not what was written.
        Gone: it is not there.
        Permanent: there is no key, or a wrong one.
    """

    def __init__(self, place: Place, codec: Codec, head: Head, watch: Watch) -> None:
        self._place = place
        self._codec = codec
        self._name = head.tree.name
        self._watch = watch

    def _members(self) -> Iterator[tuple[str, int, BufferedReader]]:
        raw = Reader(self._codec, summed(self._place.pieces(self._name, self._watch), self._name), self._watch)
        with closing(raw), buffered(raw) as file:
            for name, size in tar.members(file):
                yield os.fsdecode(name), size, file
            raw.drain()

    def about(self, into: Path) -> None:
        """Writes the about folder's content."""
        for name, size, file in self._members():
            if not name.startswith("about/"):
                return
            try:
                path = into / _safe(name.removeprefix("about/"))
            except ValueError as error:
                raise Damaged(str(error)) from error
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as out:
                for piece in content(file, size):
                    out.write(piece)

    def nodes(self) -> Iterator[Node]:
        """Its entries, a folder before what is in it."""
        for name, size, file in self._members():
            if name.startswith("tree/") and name.endswith(".jsonl"):
                for text in tar.exactly(file, size).splitlines():
                    yield node(text)
                self._watch.moved()
                self._watch.ok()
            else:
                for _ in content(file, size):
                    pass


def content(file: BufferedReader, size: int) -> Iterator[bytes]:
    """The content of a member."""
    while size:
        piece = tar.exactly(file, min(size, CHUNK))
        size -= len(piece)
        yield piece
