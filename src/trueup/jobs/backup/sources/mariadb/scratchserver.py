"""A throw-away MariaDB server for a restore drill: on a socket, without a network, gone afterwards however it goes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trueup.core.supervision import Deadline, child_env, run_child
from trueup.jobs.backup.sources.mariadb import programs
from trueup.jobs.backup.sources.mariadb.address import Address
from trueup.jobs.backup.sources.mariadb.link import Link
from trueup.model.errors import CannotDrill, Permanent, StoreError, TrueupError
from trueup.model.repository import Watch

_READY_SECONDS = 60.0
_STOP_SECONDS = 15.0
_TICK = 0.05
_PREFIX = "trueup-drill-"
_IN_USE = "in-use"
_ROOM = "make room; or set `scratch` to a disk with room, in folders that the user mysql may pass through (chmod o+x)"
_LITTLE_ROOM = 32 << 20
# What would only make a server slower that nobody needs to survive.
_QUICK = (
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0",
    "--innodb-buffer-pool-size=128M",
    "--innodb-fast-shutdown=2",
    "--skip-log-bin",
    "--sync-binlog=0",
    "--performance-schema=OFF",
    "--max-allowed-packet=1G",
    "--event-scheduler=OFF",
)


@dataclass(frozen=True, slots=True)
class Scratch:
    """A throw-away server: its address, the folder of its data, and one for private files."""

    address: Address
    data: Path
    private: Path

    def require_room(self) -> None:
        """Raises CannotDrill where its disk is full: what it refuses then says nothing about the dump."""
        if shutil.disk_usage(self.data).free < _LITTLE_ROOM:
            raise CannotDrill("there is no room to try a restore", where=str(self.data), hint=_ROOM)


class _Over(Exception):
    """The server is not needed any more."""


@contextlib.contextmanager
def running(scratch: Path, lower_case: int, watch: Watch) -> Iterator[Scratch]:
    """Starts a server; ends it and removes its files afterwards.

    Args:
        scratch: a folder with room.
        lower_case: lower_case_table_names of the source: names must be kept as they were.
        watch: who looks after the work.

    Raises:
        CannotDrill: there is no server program, or it does not start.
    """
    if (error := missing()) is not None:
        raise CannotDrill("a MariaDB dump cannot be tried here", why=error.what, hint=error.hint)
    install, server = _programs()
    with _folder(scratch) as folder, tempfile.TemporaryDirectory(prefix="trueup-") as short:
        _give(Path(short))
        common = [f"--datadir={folder / 'data'}", f"--lower-case-table-names={lower_case}", *_as_user()]
        _install(install, common, folder, watch)
        address = Address("", 0, str(Path(short) / "s"), "root", "", "")
        args = [server, "--no-defaults", *common, f"--socket={address.socket}", "--skip-networking"]
        args += [f"--pid-file={folder / 'pid'}", f"--tmpdir={folder}", f"--secure-file-priv={folder}", *_QUICK]
        with _Server(args, folder) as process:
            process.wait_for(address, watch)
            yield Scratch(address, folder, Path(short))


def missing() -> Permanent | None:
    """The program that a throw-away server needs and that is not there; None: all are."""
    try:
        _programs()
    except Permanent as error:
        return error
    return None


def _programs() -> tuple[str, str]:
    install = programs.find(("mariadb-install-db", "mysql_install_db"), None, programs.SERVER_HINT)
    return install, programs.find(("mariadbd", "mysqld"), None, programs.SERVER_HINT)


def _as_user() -> list[str]:
    return [f"--user={_user()}"] if os.geteuid() == 0 else []


def _user() -> str:
    """Nobody's server runs as root."""
    return "mysql" if any(entry.pw_name == "mysql" for entry in pwd.getpwall()) else "nobody"


def _give(folder: Path) -> None:
    if os.geteuid() == 0:
        shutil.chown(folder, _user())


@contextlib.contextmanager
def _folder(scratch: Path) -> Iterator[Path]:
    """A folder for the data: in the scratch place, or, where another user cannot get there, in the system's temporary one.

    It is marked as in use by a lock, which ends with us however we end: what a kill left there is removed by the next drill.
    """
    reachable = os.geteuid() != 0 or all(one.stat().st_mode & 0o001 for one in (scratch, *scratch.absolute().parents))
    place = scratch if reachable else Path(tempfile.gettempdir())
    _sweep(place)
    with contextlib.ExitStack() as stack:
        try:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=_PREFIX, dir=place)))
            fcntl.flock(stack.enter_context((folder / _IN_USE).open("w")), fcntl.LOCK_EX)
            _give(folder)
        except OSError as error:
            why = error.strerror or str(error)
            raise CannotDrill("a restore cannot be tried", where=str(place), why=why, hint=_ROOM) from error
        yield folder


def _sweep(place: Path) -> None:
    """Removes folders of drills that were killed."""
    for mark in place.glob(f"{_PREFIX}*/{_IN_USE}"):
        with contextlib.suppress(OSError), mark.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(mark.parent, ignore_errors=True)


def _install(program: str, common: list[str], folder: Path, watch: Watch) -> None:
    args = [
        program,
        "--no-defaults",
        *common,
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        "--skip-name-resolve",
    ]
    log = folder / "install.log"
    ended = run_child(args, watch=watch, env=child_env(), cwd=folder, stdout=log)
    if ended.code:
        said = programs.last_words(log.read_text(errors="replace") + ended.stderr)
        raise CannotDrill("a throw-away MariaDB could not be made", where=str(folder), why=said, hint=_ROOM)


class _Server:
    """The process, supervised in a thread of its own."""

    def __init__(self, args: list[str], folder: Path) -> None:
        self._args = args
        self._log = folder / "server.log"
        self._over = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        def check() -> None:
            if self._over.is_set():
                raise _Over

        with contextlib.suppress(_Over, TrueupError):
            run_child(
                [*self._args, f"--log-error={self._log}"],
                watch=Deadline("the throw-away server", check=check),
                env=child_env(),
                grace=_STOP_SECONDS,
            )
        self._ended.set()

    def wait_for(self, address: Address, watch: Watch) -> None:
        """Returns when it answers."""
        until = time.monotonic() + _READY_SECONDS
        while time.monotonic() < until and not self._ended.is_set():
            watch.ok()
            if Path(address.socket).exists():
                with contextlib.suppress(StoreError), Link(address, watch, "the throw-away server does not answer"):
                    return
            time.sleep(_TICK)
        said = programs.last_words(self._log.read_text(errors="replace")) if self._log.exists() else ""
        raise CannotDrill("a throw-away MariaDB did not start", why=said, hint=_ROOM)

    def __enter__(self) -> _Server:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
