"""Which folder a source means, and what of it is trueup's own."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from trueup.core.patterns import Patterns, literal
from trueup.jobs.backup.sources.path.walk import LeaveOut, Seen, single, walk
from trueup.jobs.backup.sources.path.words import failure, open_root, shown
from trueup.model.backup import SourceContext, SourceSpec
from trueup.model.errors import ConfigError, Permanent

UNREADABLE = ("fail", "warn")
_LEDGER = ("", "-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class Place:
    """A folder (or a single file), with links in its path followed.

    Attributes:
        path: absolute.
        is_dir: whether it is a folder.
        state: its inode, mtime and ctime (ns): another one when something came or went in it.
        exclude: patterns of what is left out, trueup's own folders among them.
        own: trueup's own folders inside it, relative.
        one_file_system: other file systems are not entered.
        warn: what cannot be read is noted, and is no failure.
    """

    path: Path
    is_dir: bool
    state: tuple[int, int, int]
    exclude: tuple[str, ...]
    own: tuple[str, ...]
    one_file_system: bool
    warn: bool

    @contextmanager
    def walk(self) -> Iterator[Iterator[Seen]]:
        """Goes through it, see `walk.walk`; what is excluded is left out.

        Raises:
            Permanent, Transient: it cannot be listed.
        """
        folder = self.path if self.is_dir else self.path.parent
        fd = open_root(folder, "the folder cannot be read")
        try:
            device = os.fstat(fd).st_dev if self.one_file_system else None
            entries = walk(fd, leave_out(self.exclude), device) if self.is_dir else single(fd, self.path.name)
            with closing(entries):
                yield _guarded(entries, self.path)
        finally:
            os.close(fd)


def _guarded(entries: Iterator[Seen], path: Path) -> Iterator[Seen]:
    try:
        yield from entries
    except OSError as error:  # the root itself: anything below is told in `Seen`
        raise failure("the folder cannot be read", str(path), error) from error


def leave_out(exclude: tuple[str, ...]) -> LeaveOut:
    """What these patterns say, as a walk asks for it."""
    patterns = Patterns(exclude)
    if not patterns:
        return lambda *_: False
    matches = patterns.matches
    return lambda path, name, _: matches(path, name)


def place_of(spec: SourceSpec, context: SourceContext, spool: Path | None = None) -> Place:
    """The place a source means.

    Raises:
        ConfigError: its options do not fit.
        Permanent, Transient: there is nothing, or nothing that can be backed up.
    """
    option = spec.options.get("path")
    if not isinstance(option, str) or not option:
        raise ConfigError(f"source {spec.name} does not say which folder", hint="set `path` to a folder or a file")
    unreadable = spec.options.get("unreadable", "fail")
    if unreadable not in UNREADABLE:
        raise ConfigError(f"`unreadable` of source {spec.name} is {unreadable!r}", hint='it is "fail" or "warn"')
    path = context.root / os.path.expanduser(option)
    try:
        real = Path(os.path.realpath(path, strict=True))
        about = os.stat(real)
    except OSError as error:
        raise failure(f"{shown(option)} of source {spec.name} cannot be backed up", str(path), error) from error
    is_dir = stat.S_ISDIR(about.st_mode)
    if not is_dir and not stat.S_ISREG(about.st_mode):
        raise Permanent(
            f"{shown(option)} of source {spec.name} cannot be backed up",
            where=shown(str(real)),
            why="it is neither a folder nor a regular file",
        )
    own = tuple(_own(real, context, spool)) if is_dir else ()
    exclude = spec.options.get("exclude", ())
    given = (exclude,) if isinstance(exclude, str) else tuple(str(one) for one in exclude)
    return Place(
        path=real,
        is_dir=is_dir,
        state=(about.st_ino, about.st_mtime_ns, about.st_ctime_ns),
        exclude=(*given, *(literal(one) for one in own)) if is_dir else (),
        own=own,
        one_file_system=bool(spec.options.get("one_file_system", False)),
        warn=unreadable == "warn",
    )


def _own(root: Path, context: SourceContext, spool: Path | None) -> Iterator[str]:
    """What changes because of the backup itself, and would be backed up for ever anew."""
    kept = next((one for one in context.cache.parents if one.name == ".trueup"), context.cache)
    found = {kept, *context.own, *([spool] if spool else [])}
    if context.ledger and "://" not in context.ledger:
        # Reading the ledger's files would take away the locks that trueup itself has on them (howtocorrupt.html, 2.2, of SQLite).
        beside = Path(context.ledger).parent.name == ".trueup"
        found |= {Path(context.ledger).parent} if beside else {Path(context.ledger + end) for end in _LEDGER}
    below = {os.path.relpath(real, root) for one in found if (real := Path(os.path.realpath(one))).is_relative_to(root)}
    for one in sorted(below - {"."}):
        if not any(one.startswith(other + "/") for other in below):
            yield one
