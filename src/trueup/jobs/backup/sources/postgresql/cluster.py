"""A throw-away server: no TCP, a socket in a folder of its own, nothing durable; gone when the work is, however that ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trueup.core.supervision import Ended, child_env, run_child
from trueup.jobs.backup.sources.postgresql.address import Address
from trueup.jobs.backup.sources.postgresql.programs import Programs
from trueup.jobs.backup.sources.postgresql.session import connected
from trueup.model.errors import CannotDrill, StoreError
from trueup.model.repository import Watch

_PORT = "5432"  # a part of the socket's name, and nothing more
_PREFIX = "trueup-drill-"
_LOCK = "lock"

_SETTINGS = {
    "listen_addresses": "",
    "port": _PORT,
    "unix_socket_permissions": "0700",
    # Nothing here outlives the drill.
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "autovacuum": "off",
    "logging_collector": "off",
    "shared_buffers": "128MB",
    "maintenance_work_mem": "128MB",
    "max_locks_per_transaction": "1024",
    # In the data folder, where a killed server's are removed with it.
    "dynamic_shared_memory_type": "mmap",
}


class _Ended(Exception):
    """The server is to end."""


class _Running(Watch):
    """The server's watch: it may run until it is told to end."""

    def __init__(self) -> None:
        self.over = threading.Event()

    def moved(self, amount: int = 1) -> None:
        """A server that is idle is well."""

    def ok(self) -> None:
        if self.over.is_set():
            raise _Ended

    def left(self) -> float | None:
        return None


class Cluster:
    """A running throw-away server.

    Attributes:
        programs: its version.
        address: of its `postgres` database.
        data: where its files are.
    """

    def __init__(self, programs: Programs, address: Address, data: Path) -> None:
        self.programs = programs
        self.address = address
        self.data = data


@contextlib.contextmanager
def started(programs: Programs, superuser: str, scratch: Path, watch: Watch) -> Iterator[Cluster]:
    """A new, empty server.

    Args:
        programs: what it is made with.
        superuser: the name of its first role: that of the server that was dumped, so that the dump's grants by it can be repeated.
        scratch: an empty folder, for its data. Where the server's user cannot get there (root may not run a server), the data go to the
            folder for temporary files.
        watch: who looks after the work.

    Raises:
        CannotDrill: it cannot be made or started. What `watch.ok` raises.
    """
    user = service_user()
    with _place() as place:
        try:
            home = _given(scratch, user, watch) or place
            _own(place, user)
            data = home / "cluster"
            _initialised(programs, superuser, data, user, watch)
            address = Address({"host": str(place), "port": _PORT, "user": superuser, "dbname": "postgres"})
            with _serving(programs, data, place, user, address, watch):
                yield Cluster(programs, address, data)
        finally:
            shutil.rmtree(scratch / "cluster", ignore_errors=True)


def service_user() -> pwd.struct_passwd | None:
    """Who runs the server: PostgreSQL refuses root. None: we ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise CannotDrill("a PostgreSQL server may not run as root, and there is no user postgres or nobody to run it as")


def _as_user(user: pwd.struct_passwd | None) -> list[str]:
    """The words before a command that is to run as another user (setpriv(1))."""
    if user is None:
        return []
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--"]


def _own(folder: Path, user: pwd.struct_passwd | None) -> None:
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)


def _given(scratch: Path, user: pwd.struct_passwd | None, watch: Watch) -> Path | None:
    """The scratch folder as the server's own, where its user can get there."""
    _own(scratch, user)
    probe = run_child([*_as_user(user), "test", "-w", str(scratch)], watch=watch, env=child_env())
    return None if probe.code else scratch


def _run(arguments: Sequence[str], user: pwd.struct_passwd | None, watch: Watch, cwd: Path) -> Ended:
    return run_child([*_as_user(user), *arguments], watch=watch, env=child_env(), cwd=cwd)


def _initialised(programs: Programs, superuser: str, data: Path, user: pwd.struct_passwd | None, watch: Watch) -> None:
    arguments = [
        *(programs.path("initdb"), "--pgdata", str(data), "--username", superuser, "--no-sync", "--encoding=UTF8"),
        *("--locale=C", "--auth-local=trust", "--auth-host=reject"),
    ]
    ended = _run(arguments, user, watch, Path("/"))
    if ended.code:
        raise _refused("could not make a throw-away server", ended.stderr)


def _refused(what: str, text: str) -> CannotDrill:
    lines = [one for one in text.splitlines() if one.strip()] or [""]
    told = [one for one in lines if "error" in one.lower() or "FATAL" in one or "No space" in one] or lines[-1:]
    full = "No space left" in text
    return CannotDrill(what, why=told[0], hint="room for the restored database and its indexes" if full else "")


@contextlib.contextmanager
def _serving(
    programs: Programs, data: Path, place: Path, user: pwd.struct_passwd | None, address: Address, watch: Watch
) -> Iterator[None]:
    running = _Running()
    settings = {**_SETTINGS, "unix_socket_directories": str(place)}
    arguments = [programs.path("postgres"), "-D", str(data), *(f"--{name}={value}" for name, value in settings.items())]
    ended: list[Any] = []

    def serve() -> None:
        with contextlib.suppress(_Ended):
            try:
                ended.append(_run(arguments, user, running, Path("/")).stderr)
            except StoreError as error:
                ended.append(str(error))

    thread = threading.Thread(target=serve, name="postgresql-drill", daemon=True)
    thread.start()
    try:
        _wait(address, ended, watch)
        yield
    finally:
        running.over.set()
        thread.join()


def _wait(address: Address, ended: Sequence[str], watch: Watch) -> None:
    while True:
        watch.ok()
        with contextlib.suppress(StoreError), connected(address, watch):
            return
        if ended:
            raise _refused("could not start a throw-away server", ended[0])
        time.sleep(0.05)


@contextlib.contextmanager
def _place() -> Iterator[Path]:
    """A folder for the socket (whose path has at most 107 bytes, unix(7)), locked for as long as we live, and gone afterwards."""
    temporary = Path(tempfile.gettempdir())
    sweep(temporary)
    place = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        with (place / "new").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            (place / "new").rename(place / _LOCK)
            yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Removes what a drill that was killed has left: folders of ours that nobody holds any more."""
    for one in folder.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError), (one / _LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(one, ignore_errors=True)


def folder_size(folder: Path) -> int:
    """Bytes of the files in a folder and below it; what vanishes meanwhile is passed over."""
    total = 0
    for path, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.stat(os.path.join(path, name)).st_size
    return total


def literal(value: str) -> str:
    """A text as SQL takes it."""
    escaped = value.replace("'", "''").replace("\\", "\\\\")
    return f" E'{escaped}'" if "\\" in value else f"'{escaped}'"


def creation(name: str, properties: Mapping[str, Any], major: int, *, plain: bool = False) -> str:
    """CREATE DATABASE for a database like the one that was dumped.

    Args:
        name: quoted.
        properties: its part of the manifest.
        major: of the server it is made on.
        plain: with the locale C, which is everywhere.
    """
    collate, ctype = ("C", "C") if plain else (properties["collate"], properties["ctype"])
    text = f"CREATE DATABASE {name} TEMPLATE template0 ENCODING {literal(properties['encoding'])}"
    text += f" LC_COLLATE {literal(collate)} LC_CTYPE {literal(ctype)}"
    if major < 15:
        return text
    provider = "c" if plain else properties["provider"]
    text += f" LOCALE_PROVIDER {({'i': 'icu', 'b': 'builtin'}).get(provider, 'libc')}"
    if provider in "ib" and properties["locale"]:
        text += f" {'ICU_LOCALE' if provider == 'i' else 'BUILTIN_LOCALE'} {literal(properties['locale'])}"
    return text
