"""Folders for the tests of backups: odd ones, and what a repository does with them, done by `cp`."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from trueup.core.supervision import Deadline
from trueup.jobs.backup.sources.path import records
from trueup.model.backup import SourceContext, SourceSpec

NOBODY = 65534


def patient() -> Deadline:
    """A watch that waits for ever."""
    return Deadline("the test")


def refuse(*_: object) -> None:
    raise AssertionError("a folder needs neither secrets nor stores")


def context(root: Path) -> SourceContext:
    """The context of a source called `files`, in a trueup folder of its own."""
    cache = root / ".trueup" / "backup" / "office" / "files"
    return SourceContext(root, cache, refuse, refuse, refuse)  # type: ignore[arg-type]


ACL = struct.pack(
    "<I" + "HHI" * 5,
    *(2, 0x01, 6, 2**32 - 1, 0x02, 4, 1234, 0x04, 4, 2**32 - 1, 0x10, 4, 2**32 - 1, 0x20, 0, 2**32 - 1),
)
"""One that lets user 1234 read: its owner, a user, the group, the mask, others (linux/posix_acl_xattr.h)."""

TICK_NS = 20_000_000
"""More than the coarsest tick of a kernel's clock (10 ms at HZ=100): what `records.RACY_NS` may be where every file system's clock is fine."""


def spec(path: Path | str, **options: object) -> SourceSpec:
    return SourceSpec("files", "path", {"path": str(path), **options})


def new_folder(parent: Path, stem: str) -> Path:
    """An empty folder that was not there."""
    path = next(one for number in range(1000) if not (one := parent / f"{stem}-{number}").exists())
    path.mkdir(parents=True)
    return path


def copied(tree: Path, to: Path) -> Path:
    """The tree as a repository would restore it, without what only a running system has."""
    subprocess.run(["cp", "-a", "--sparse=always", f"{tree}/.", str(to)], check=True)
    return to


def odd_tree(root: Path) -> None:
    """All that a folder may hold and that may go wrong with it."""
    (root / "docs" / "deep" / "er").mkdir(parents=True)
    (root / "docs" / "letter.txt").write_text("Dear all,\n")
    (root / "docs" / "deep" / "er" / "plan.odt").write_bytes(os.urandom(70_000))
    (root / "docs-old").mkdir()  # sorts before "docs/…" by its bytes, and after it in a walk
    (root / "docs-old" / "x").write_text("x")
    (root / "empty").write_bytes(b"")
    (root / "empty folder").mkdir()
    (root / "umlaut-ä-日本-🎉").write_text("utf-8")
    (root / "new\nline and \x1b[31m").write_text("odd")
    (root / " * [x] ? \\ ").write_text("special to a shell")
    (root / ("n" * 255)).write_text("long name")
    Path(os.fsdecode(os.fsencode(root) + b"/latin-\xe4\xff.txt")).write_text("not utf-8")
    (root / "loop").symlink_to("loop")
    (root / "up").symlink_to("..")
    (root / "dangling").symlink_to("nowhere/at all")
    (root / "out").symlink_to("/etc/passwd")
    (root / "one").write_text("hard")
    os.link(root / "one", root / "two")
    os.link(root / "one", root / "docs" / "three")
    with open(root / "sparse", "wb") as file:
        file.write(b"begin")
        file.truncate(5_000_000)
        file.seek(3_000_000)
        file.write(b"middle")
    os.mkfifo(root / "fifo")
    server = socket.socket(socket.AF_UNIX)
    with contextlib.chdir(root):  # a socket's whole path may have 108 bytes
        server.bind("sock")
    server.close()
    (root / "script").write_text("#!/bin/sh\n")
    (root / "script").chmod(0o4755)
    (root / "secret").write_text("s")
    (root / "secret").chmod(0o600)
    for path in (root / "docs", root / "docs" / "letter.txt", root / "script"):
        with contextlib.suppress(OSError):
            os.setxattr(path, "user.colour", b"blue\0\xff")
    with contextlib.suppress(OSError):
        os.setxattr(root / "docs" / "letter.txt", "system.posix_acl_access", ACL)
        os.setxattr(root / "docs-old", "system.posix_acl_default", ACL)
    os.utime(root / "docs" / "letter.txt", ns=(1, 1_234_567_890_123_456_789))
    os.utime(root / "empty folder", ns=(1, 987_654_321_000_000_001))


def age(root: Path) -> None:
    """Returns when nothing in a tree is racy any more. The kernel alone sets ctime, so there is nothing for it but to wait."""
    newest = max(
        os.lstat(os.path.join(folder, name)).st_ctime_ns for folder, _, files in os.walk(root) for name in (".", *files)
    )
    time.sleep(max(0.0, (newest + records.RACY_NS * 1.5 - time.time_ns()) / 1e9))


@contextlib.contextmanager
def full_disk(size: int) -> Iterator[None]:
    """Files cannot become larger than that, which fails as a full disk does, in the middle of a write."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@contextlib.contextmanager
def somebody_else() -> Iterator[None]:
    """As a user who may not read everything; where the tests run as one already, as that."""
    if os.geteuid() != 0:
        yield
        return
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def open_up(path: Path) -> None:
    """Lets any user go down to a folder of the tests."""
    for one in (path, *path.parents):
        with contextlib.suppress(OSError):
            one.chmod(one.stat().st_mode | 0o755)
