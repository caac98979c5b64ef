"""`files.jsonl`: one JSON object a line for each entry of a tree, in the order of the walk.

    path        below the root; ASCII JSON, bytes that are not UTF-8 as lone surrogates (PEP 383)
    type        "file", "dir", "link", "fifo", "socket", "device"
    mode        permission bits with set-uid, set-gid and sticky
    uid, gid, user, group
    size        bytes of a file
    mtime_ns
    link        target of a symbolic link
    hardlink    names of the same file have the same text here; only where there are several
    xattrs      user.* and POSIX ACLs, values in base64; only where there are some
    device      ["char" or "block", major, minor]
    sum         BLAKE3 of a file's content
    dev, ino, ctime_ns   by which a later walk sees that nothing changed
    racy        it was modified so recently that a change right afterwards would not be seen by its times
    changed     it is new or has other content than at the capture before
    volatile    it changed while it was read, twice: its content cannot be vouched for
    unread      it could not be read
    mount       another file system begins here, which is not part of the backup

The order is that of the paths with `/` as the lowest character, so that two such files, or one and a walk, can be merged line by line.
"""

from __future__ import annotations

import base64
import grp
import json
import os
import pwd
import stat
from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted
from pathlib import Path
from typing import Any

from trueup.core.patterns import Patterns, literal
from trueup.jobs.backup.sources.path.walk import Seen, walk
from trueup.model.backup import MANIFEST
from trueup.model.errors import Permanent

FILES = "files.jsonl"
RACY_NS = 2_000_000_000
_SUM = len(',"sum":""}') + 64
"""Characters of a line from its sum to its end, where nothing follows that."""

Record = dict[str, Any]

encode = json.JSONEncoder(separators=(",", ":")).encode

_TYPES = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "dir",
    stat.S_IFLNK: "link",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}
_ACLS = ("system.posix_acl_access", "system.posix_acl_default")


def key(path: str) -> str:
    """What paths are sorted by."""
    return path.replace("/", "\0")


def type_of(about: os.stat_result) -> str:
    """The type as a record names it."""
    return _TYPES.get(about.st_mode & 0o170000, "device")


def record_of(seen: Seen, about: os.stat_result, now_ns: int) -> Record:
    """All that is kept of an entry, without its content's sum."""
    kind = type_of(about)
    record: Record = {"path": seen.path, "type": kind}
    _set_rights(record, about)
    if kind == "link":
        with suppress(OSError):  # replaced meanwhile: `settle` finds that
            record["link"] = os.readlink(seen.name, dir_fd=seen.folder)
    elif kind == "device":
        which = "block" if stat.S_ISBLK(about.st_mode) else "char"
        record["device"] = [which, os.major(about.st_rdev), os.minor(about.st_rdev)]
    if kind in ("file", "dir"):
        seen.attributes = attributes(seen.folder, seen.name)
        if found := kept(seen.attributes):
            record["xattrs"] = found
    if seen.mount:
        record["mount"] = True
    set_identity(record, about, now_ns)
    return record


def renewed(record: Record, about: os.stat_result, attributes: dict[str, str]) -> None:
    """Puts rights and attributes into the record of a file that was changed since it was first looked at."""
    _set_rights(record, about)
    record.pop("xattrs", None)
    if attributes:
        record["xattrs"] = attributes


def _set_rights(record: Record, about: os.stat_result) -> None:
    record["mode"] = stat.S_IMODE(about.st_mode)
    record["uid"], record["gid"] = about.st_uid, about.st_gid
    record["user"], record["group"] = _user(about.st_uid), _group(about.st_gid)
    record.pop("hardlink", None)
    if record["type"] != "dir" and about.st_nlink > 1:
        record["hardlink"] = f"{about.st_dev}:{about.st_ino}"


def set_identity(record: Record, about: os.stat_result, now_ns: int) -> None:
    """Puts size, times and inode into a record."""
    if record["type"] == "file":
        record["size"] = about.st_size
    record["mtime_ns"] = about.st_mtime_ns
    record["dev"], record["ino"], record["ctime_ns"] = about.st_dev, about.st_ino, about.st_ctime_ns
    if max(about.st_mtime_ns, about.st_ctime_ns) > now_ns - RACY_NS:
        record["racy"] = True
    else:
        record.pop("racy", None)


def unchanged(record: Record, about: os.stat_result) -> bool:
    """Whether the entry is still the one that was recorded: any change of it moves its ctime on, or gives it another inode.

    Devices are not compared: their numbers are handed out anew when a snapshot or a network drive is mounted again.
    """
    return (
        record.get("ctime_ns") == about.st_ctime_ns
        and record.get("mtime_ns") == about.st_mtime_ns
        and record.get("ino") == about.st_ino
        and record.get("type") == type_of(about)
        and record.get("size", about.st_size) == about.st_size
    )


def chained(before: int, record: Record) -> int:
    """By what `unchanged` compares, over all entries of a list up to this one; comparable within one process."""
    values = (record.get("ino"), record.get("mtime_ns"), record.get("ctime_ns"), record.get("size"))
    return hash((before, record["path"], record["type"], *values))


def chained_of(before: int, path: str, about: os.stat_result) -> int:
    """The same of an entry as it is."""
    kind = type_of(about)
    values = (about.st_ino, about.st_mtime_ns, about.st_ctime_ns, about.st_size if kind == "file" else None)
    return hash((before, path, kind, *values))


def xattrs(folder: int, name: str) -> dict[str, str]:
    """User attributes and ACLs of a file in a folder, in base64; empty where there are none, or the file system has no such thing."""
    return kept(attributes(folder, name))


def attributes(folder: int, name: str) -> dict[str, bytes]:
    """All its extended attributes that can be read (xattr(7))."""
    return _attributes(f"/proc/self/fd/{folder}/{name}", follow_symlinks=False)


def xattrs_of(fd: int) -> dict[str, str]:
    """User attributes and ACLs of an open file."""
    return kept(_attributes(fd, follow_symlinks=True))


def _attributes(path: str | int, *, follow_symlinks: bool) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with suppress(OSError, AttributeError):  # ENOTSUP, or not Linux; or it vanished, which `settle` finds
        for one in os.listxattr(path, follow_symlinks=follow_symlinks):
            with suppress(OSError):
                found[one] = os.getxattr(path, one, follow_symlinks=follow_symlinks)
    return found


def kept(found: Mapping[str, bytes]) -> dict[str, str]:
    """Those of some attributes that a record has."""
    names = sorted(one for one in found if one.startswith("user.") or one in _ACLS) if found else ()
    return {one: base64.b64encode(found[one]).decode() for one in names}


@lru_cache(maxsize=4096)
def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


@lru_cache(maxsize=4096)
def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return ""


def records(about: Path) -> Iterator[Record]:
    """The records of an about folder, one after the other.

    Raises:
        Permanent: the file is not there or damaged, or names something outside of the tree.
    """
    try:
        with open(about / FILES, encoding="ascii") as lines:
            for line in lines:
                record = json.loads(line)
                check_path(record["path"])
                yield record
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Permanent(
            "the snapshot's list of files cannot be read",
            where=FILES,
            why=str(error),
            hint="check the repository; another snapshot may be whole",
        ) from error


def manifest_of(about: Path) -> Record:
    """The manifest of an about folder.

    Raises:
        Permanent: it is not there, or damaged.
    """
    try:
        found = json.loads((about / MANIFEST).read_text(encoding="utf-8"))
        if isinstance(found.get("root"), str) and isinstance(found.get("own", []), list):
            return dict(found)
        why = "it does not say what was backed up"
    except (OSError, ValueError, AttributeError) as error:
        why = str(error)
    raise Permanent("the snapshot's manifest cannot be read", where=MANIFEST, why=why)


def restored(about: Path, root: int) -> Generator[Seen]:
    """What a repository gave back, without what is trueup's own: an about folder that lay in the tree may be among it.

    Args:
        about: the snapshot's about folder.
        root: a descriptor of the folder with the data.
    """
    own = Patterns(literal(str(one)) for one in manifest_of(about).get("own", []))
    return walk(root, lambda path, name, _: own.matches(path, name))


def check_path(path: str) -> None:
    """Refuses (ValueError) what is no plain path below a folder: a list that was tampered with must not lead anywhere else."""
    if not path or "\0" in path or any(one in ("", ".", "..") for one in path.split("/")):
        raise ValueError(f"{path!r} is no path below the folder")


class Prior:
    """The records of an earlier capture, merged with a walk: `take` is asked with rising paths. One that is damaged has no more to say."""

    def __init__(self, file: Path) -> None:
        self._lines: Iterator[str] = iter(())
        self.there = False
        self._file = None
        with suppress(OSError):
            self._file = open(file, encoding="ascii")  # noqa: SIM115
            self._lines = self._file
            self.there = True
        self._line = ""
        self._advance()

    def close(self) -> None:
        """Gives the file back."""
        if self._file is not None:
            self._file.close()

    @property
    def ended(self) -> bool:
        """Whether nothing is left (at the beginning: whether there was anything at all)."""
        return self._record() is None

    def same(self, seen: Seen, about: os.stat_result) -> str:
        """The line of an entry that is as it was, with nothing to be said of it but what it is; "": ask `take`. Without reading JSON: most are."""
        kind = type_of(about)
        line = self._line
        if not line.startswith(f'{{"path":{quoted(seen.path)},"type":"{kind}",'):
            return ""
        known = (
            f'"mtime_ns":{about.st_mtime_ns},"dev":{about.st_dev},"ino":{about.st_ino},"ctime_ns":{about.st_ctime_ns}'
        )
        if kind == "file":
            found = line.endswith(f',"size":{about.st_size},{known}', 0, -_SUM) and line.startswith(
                ',"sum":"', len(line) - _SUM
            )
        else:
            found = line.endswith(f",{known}}}") and '"mount":' not in line
        if not found:
            return ""
        self._advance()
        return line

    def take(self, path: str) -> tuple[Record, str] | None:
        """The record of a path and its line, if there is one."""
        wanted = key(path)
        while (record := self._record()) is not None and (its := key(record["path"])) <= wanted:
            line = self._line
            self._advance()
            if its == wanted:
                return record, line
        return None

    def _record(self) -> Record | None:
        """What the next line says."""
        if not self._line:
            return None
        try:
            record = json.loads(self._line)
            if isinstance(record["path"], str):
                return dict(record)
        except (ValueError, KeyError, TypeError):
            pass
        self._line, self._lines = "", iter(())
        return None

    def _advance(self) -> None:
        try:
            self._line = next(self._lines, "").rstrip("\n")
        except (ValueError, OSError):
            self._line, self._lines = "", iter(())
