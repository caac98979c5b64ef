"""Folders that are hard to keep, and a picture of a folder to compare it by."""

from __future__ import annotations

import hashlib
import os
import random
import stat
from collections.abc import Mapping
from pathlib import Path

SECOND = 1_000_000_000
# Whole microseconds: what the pax format keeps of a time (POSIX.1-2017, pax, "mtime"), and every file system under test.
BEGIN = 1_500_000_000 * SECOND + 123_456_000

ODD_NAMES = (
    b"star*", b"quest?on", b"[bracket]", b"back\\slash", b"two\nlines", b" blank ", b"-dash", b"--all", b"!bang", b"#hash",
    b"comma,comma", b"$HOME", b"quote'\"", "caf\u00e9".encode(), "cafe\u0301".encode(), b"caf\xe9", b"\xff\xfe", b".hidden", b"tab\t",
    b"percent%2C", b"{brace}", b"x" * 255,
)  # fmt: skip


def nasty(folder: Path, seed: int = 1) -> None:
    """Links, hard links, modes, times, odd names, holes, empty folders and files, deep paths."""
    noise = random.Random(seed)
    odd = folder / "odd"
    odd.mkdir(parents=True)
    for number, name in enumerate(ODD_NAMES):
        Path(os.fsdecode(os.path.join(os.fsencode(odd), name))).write_bytes(
            b"%d " % number + noise.randbytes(number * 7)
        )
    (folder / "odd" / "fol[der]*" / "in ner").mkdir(parents=True)
    (folder / "odd" / "fol[der]*" / "in ner" / "f?le").write_bytes(noise.randbytes(100))
    (folder / "odd" / "folder").mkdir()
    (folder / "odd" / "folder" / "other").write_bytes(b"not meant by fol[der]*")
    (folder / "empty" / "folder").mkdir(parents=True)
    (folder / "empty" / "file").touch()
    (folder / "empty" / "file").chmod(0o600)
    (folder / "script.sh").write_bytes(b"#!/bin/sh\n")
    (folder / "script.sh").chmod(0o750)
    (folder / "read only").write_bytes(b"fixed")
    (folder / "read only").chmod(0o444)
    (folder / "locked").mkdir()
    (folder / "locked" / "inside").write_bytes(b"inside")
    (folder / "large").write_bytes(noise.randbytes(3_000_000))
    (folder / "again").write_bytes((folder / "large").read_bytes())
    os.link(folder / "script.sh", folder / "hard link")
    (folder / "link").symlink_to("script.sh")
    (folder / "link to folder").symlink_to("odd")
    (folder / "link to nowhere").symlink_to("/not/there\n")
    with (folder / "hole").open("wb") as file:
        file.seek(1_000_000)
        file.write(b"end")
        file.truncate(5_000_000)
    deep = folder.joinpath(*(f"level{number}" for number in range(20)))
    deep.mkdir(parents=True)
    (deep / "bottom").write_bytes(b"down here")
    (folder / "locked").chmod(0o555)
    age(folder)


def age(folder: Path) -> None:
    """Times of the past on everything, the folder included; no two are the same."""
    paths = [os.path.join(where, one) for where, folders, files in os.walk(folder) for one in (*folders, *files)]
    for number, path in enumerate([*sorted(paths, reverse=True), str(folder)]):
        moment = BEGIN + number * SECOND
        os.utime(path, ns=(moment, moment), follow_symlinks=False)


def picture(folder: Path) -> Mapping[str, object]:
    """What a folder is: for every path in it (relative; "." is itself) type, mode, owner, time, content, and the names of the same file."""
    result: dict[str, object] = {}
    same: dict[int, list[str]] = {}
    paths = [os.path.join(where, one) for where, folders, files in os.walk(folder) for one in (*folders, *files)]
    for path in [str(folder), *sorted(paths)]:
        name = os.path.relpath(path, folder)
        about = os.lstat(path)
        content: object = None
        if stat.S_ISLNK(about.st_mode):
            content = os.readlink(path)
        elif stat.S_ISREG(about.st_mode):
            with open(path, "rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            same.setdefault(about.st_ino, []).append(name)
        mode = 0 if stat.S_ISLNK(about.st_mode) else stat.S_IMODE(about.st_mode)
        names = same.get(about.st_ino, []) if stat.S_ISREG(about.st_mode) else []
        result[name] = (
            stat.S_IFMT(about.st_mode),
            mode,
            about.st_uid,
            about.st_gid,
            round(about.st_mtime_ns / 1000),
            content,
            names,
        )
    return result


def differences(expected: Mapping[str, object], found: Mapping[str, object]) -> list[str]:
    """Where two pictures differ."""
    names = sorted({*expected, *found})
    return [
        f"{one!r}: {expected.get(one)} became {found.get(one)}" for one in names if expected.get(one) != found.get(one)
    ]


def content(folder: Path) -> dict[str, bytes]:
    """The regular files of a folder."""
    return {str(one.relative_to(folder)): one.read_bytes() for one in sorted(folder.rglob("*")) if one.is_file()}
