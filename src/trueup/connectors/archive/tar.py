"""Tar as an archive writes it: members of packs and trees, and the headers of entries that make restoring by hand exact.

POSIX.1-2017, pax: ustar interchange format and extended headers; sparse files as GNU tar's format 1.0 (GNU tar manual, "Storing Sparse Files").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from io import BufferedReader

from trueup.connectors.archive.objects import Damaged

BLOCK = 512
END = bytes(2 * BLOCK)
_USTAR_SIZE = 8 << 30
_USTAR_ID = 1 << 21
_KINDS = {"file": b"0", "hard": b"1", "link": b"2", "dir": b"5", "fifo": b"6"}
_MAGIC = b"ustar\x0000"


def _header(
    name: bytes,
    kind: bytes,
    size: int = 0,
    mode: int = 0o600,
    mtime: int = 0,
    ids: tuple[int, int] = (0, 0),
    link: bytes = b"",
) -> bytes:
    """One block; what does not fit its field is in the extended header before it."""
    name = name[:100]
    numbers = b"%07o\0%07o\0%07o\0%011o\0%011o\0" % (
        mode,
        ids[0] if ids[0] < _USTAR_ID else 0,
        ids[1] if ids[1] < _USTAR_ID else 0,
        size if size < _USTAR_SIZE else 0,
        mtime if 0 <= mtime < _USTAR_SIZE else 0,
    )
    tail, total = _tail(kind, link[:100])
    return b"%s%s%06o\0 %s" % (name.ljust(100, b"\0"), numbers, sum(name) + sum(numbers) + total, tail)


@lru_cache(maxsize=16)
def _tail(kind: bytes, link: bytes) -> tuple[bytes, int]:
    """The block from its kind on, and what that adds to the sum, with the sum's own place as blanks."""
    tail = kind + link.ljust(100, b"\0") + _MAGIC
    return tail.ljust(BLOCK - 156, b"\0"), sum(tail) + 8 * 32


def padding(size: int) -> bytes:
    """What fills the last block of a content of `size` bytes."""
    return bytes(-size % BLOCK)


def member(name: str, size: int) -> bytes:
    """The header of a plain member with a short name: a part, or a file of a tree."""
    return _header(name.encode(), b"0", size)


def named(name: bytes, size: int) -> bytes:
    """The header of a plain member with any name."""
    records = _records({b"path": name}) if len(name) > 100 else b""
    return (_extended(records) if records else b"") + _header(name, b"0", size)


def _records(values: Mapping[bytes, bytes]) -> bytes:
    """Records of an extended header: "length key=value", the length counting itself."""
    out = []
    for key, value in values.items():
        rest = len(key) + len(value) + 3
        length = rest + len(str(rest))
        length = rest + len(str(length))
        out.append(b"%d %s=%s\n" % (length, key, value))
    return b"".join(out)


def _extended(records: bytes) -> bytes:
    return _extension(len(records)) + records + padding(len(records))


@lru_cache(maxsize=64)
def _extension(size: int) -> bytes:
    """The header of an extended header."""
    return _header(b"././@PaxHeader", b"x", size)


def _seconds(mtime: int) -> bytes:
    """Nanoseconds as pax writes times."""
    return b"%s%d.%09d" % (b"-" if mtime < 0 else b"", *divmod(abs(mtime), 1_000_000_000))


def entry_header(
    path: bytes,
    kind: str,
    body: int,
    mode: int,
    mtime: int,
    ids: tuple[int, int],
    *,
    link: bytes = b"",
    xattrs: Mapping[str, bytes] | None = None,
    sparse: tuple[int, Sequence[tuple[int, int]]] | None = None,
) -> bytes:
    """All that comes before the content of one entry in a tar.

    Args:
        path, mode, ids: of the entry; its owner as (uid, gid).
        kind: "file", "hard", "link", "dir" or "fifo".
        body: bytes of content.
        mtime: nanoseconds since 1970.
        link: where it points to, or the path it is the same file as.
        xattrs: extended attributes, as GNU tar and libarchive keep them.
        sparse: the file's size and where the content belongs in it: (offset, length).
    """
    name, table = path + b"/" if kind == "dir" else path, b""
    seconds = mtime // 1_000_000_000
    if (
        _plain(name, link, body, ids) and 10**9 <= seconds < 10**10 and not xattrs and sparse is None
    ):  # nearly every file
        record = b"30 mtime=%d.%09d\n" % (seconds, mtime % 1_000_000_000)
        return _extension(30) + record.ljust(BLOCK, b"\0") + _header(name, _KINDS[kind], body, mode, seconds, ids, link)
    values = {b"mtime": _seconds(mtime)}
    if sparse is not None:
        values |= {b"GNU.sparse.major": b"1", b"GNU.sparse.minor": b"0", b"GNU.sparse.name": name}
        values[b"GNU.sparse.realsize"] = b"%d" % sparse[0]
        table, name = _sparse_table(*sparse), b"GNUSparseFile.0/" + path[-80:]
        body += len(table)
    elif len(name) > 100:
        values[b"path"] = name
    if len(link) > 100:
        values[b"linkpath"] = link
    if body >= _USTAR_SIZE:
        values[b"size"] = b"%d" % body
    if max(ids) >= _USTAR_ID:
        values |= {key: b"%d" % one for key, one in zip((b"uid", b"gid"), ids, strict=True) if one >= _USTAR_ID}
    for key_, value in xattrs.items() if xattrs else ():
        escaped = key_.replace("%", "%25").replace("=", "%3D")  # as GNU tar does: a record's key ends at "="
        values[b"SCHILY.xattr." + escaped.encode("utf-8", "surrogateescape")] = value
    return _extended(_records(values)) + _header(name, _KINDS[kind], body, mode, seconds, ids, link) + table


def _plain(name: bytes, link: bytes, body: int, ids: tuple[int, int]) -> bool:
    """Whether all but the time fits into the header's own fields."""
    return len(name) <= 100 and len(link) <= 100 and body < _USTAR_SIZE and max(ids) < _USTAR_ID


def _sparse_table(size: int, segments: Sequence[tuple[int, int]]) -> bytes:
    """The map that a sparse file's content begins with, in GNU's format 1.0; it ends with an empty segment where the file ends with a hole."""
    ends = segments[-1][0] + segments[-1][1] if segments else 0
    full = [*segments, (size, 0)] if ends < size or not segments else list(segments)
    text = b"%d\n" % len(full) + b"".join(b"%d\n%d\n" % one for one in full)
    return text + padding(len(text))


def members(file: BufferedReader) -> Iterator[tuple[bytes, int]]:
    """The members of one of our packs or trees: (name, size); the content is to be read from `file` before the next, without its padding.

    Raises:
        Damaged: this is not such a tar.
    """
    long_name = b""
    while True:
        block = exactly(file, BLOCK)
        if block == bytes(BLOCK):
            return
        kind = block[156:157]
        try:
            size = int(block[124:135], 8)
            right = int(block[148:154], 8) == sum(block) - sum(block[148:156]) + 8 * 32
        except ValueError:
            right = False
        if not right or kind not in (b"0", b"x"):
            raise Damaged("it is not a tar as trueup writes it")
        if kind == b"x":
            long_name = _path(exactly(file, size))
            exactly(file, -size % BLOCK)
            continue
        yield long_name or block[:100].rstrip(b"\0"), size
        exactly(file, -size % BLOCK)
        long_name = b""


def _path(records: bytes) -> bytes:
    """The one record that `named` writes."""
    return records.partition(b"path=")[2][:-1]


def exactly(file: BufferedReader, size: int) -> bytes:
    """So many bytes.

    Raises:
        Damaged: there are fewer.
    """
    data = file.read(size)
    if len(data) != size:
        raise Damaged("it is cut off")
    return data
