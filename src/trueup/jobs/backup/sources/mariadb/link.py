"""One connection to a server that is looked after: it cannot hang for longer than the watch allows."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from trueup.jobs.backup.sources.mariadb.address import Address
from trueup.jobs.backup.sources.mariadb.faults import fault
from trueup.model.errors import Permanent
from trueup.model.repository import Watch

if TYPE_CHECKING:
    from pymysql.connections import Connection

CONNECT_SECONDS = 10.0
_TICK = 0.2
_PULSE_SECONDS = 2.0
_WORKS = frozenset({"sending data", "executing"})

# Nothing that a session or a server may be set to changes what a checksum says.
_SETTINGS = (
    "SET SESSION sql_mode = ''",
    "SET SESSION time_zone = '+00:00'",
    "SET SESSION lock_wait_timeout = 60",
    "SET SESSION wait_timeout = 86400",
    "SET SESSION net_write_timeout = 3600",
    "SET SESSION group_concat_max_len = 1048576",
)
_OPTIONAL = (  # MariaDB
    "SET SESSION max_statement_time = 0",
    "SET SESSION idle_transaction_timeout = 0",
    "SET SESSION sql_quote_show_create = 1",
)


class Link:
    """A connection; the watch is asked five times a second while an answer is waited for.

    Args:
        address: the server.
        watch: who looks after it.
        what: what it is for, as an error begins.

    Attributes:
        number: of the last error that the server gave; 0 for none.

    Raises:
        LoginRefused, Transient, Permanent: it cannot be opened.
    """

    def __init__(self, address: Address, watch: Watch, what: str) -> None:
        self.number = 0
        self._where = address.shown
        self._what = what
        self._watch = watch
        self._stopped: BaseException | None = None
        pymysql = _library()
        with self._told():
            plain = _socket(address)
            self._handle = plain.dup()  # TLS takes the socket itself away
            try:
                self._connection: Connection[Any] = pymysql.connect(
                    host=address.host or None,
                    user=address.user or None,
                    password=address.password,
                    database=address.database or None,
                    charset="utf8mb4",
                    autocommit=True,
                    connect_timeout=CONNECT_SECONDS,
                    defer_connect=True,
                    ssl={key.removeprefix("ssl_"): value for key, value in address.tls} or None,
                )
                with self._guarded():
                    self._connection.connect(plain)
            except BaseException:
                plain.close()
                self._handle.close()
                raise
        for setting in _SETTINGS:
            self.rows(setting)
        for setting in _OPTIONAL:
            with contextlib.suppress(Permanent):
                self.rows(setting)

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of an answer.

        Raises:
            Transient, LoginRefused, Permanent: what the server said. What the watch raises: the connection is gone then.
        """
        with self._told(), self._guarded(), self._connection.cursor() as cursor:
            cursor.execute(sql, values or None)
            found = list(cursor.fetchall())
        self._watch.moved()
        return found

    def value(self, sql: str, values: Sequence[object] = ()) -> Any:
        """The first column of the first row; None where there is none."""
        found = self.rows(sql, values)
        return found[0][0] if found else None

    @property
    def id(self) -> int:
        """The server's number for this connection."""
        return int(self._connection.thread_id())

    def abort(self) -> None:
        """Ends it while another thread waits for an answer: that gets an error."""
        with contextlib.suppress(OSError):
            self._handle.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Gives it back."""
        with contextlib.suppress(Exception):
            self._connection.close()
        self._handle.close()

    def __enter__(self) -> Link:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """Ends the connection where the watch raises while an answer is waited for."""
        done = threading.Event()

        def guard() -> None:
            while not done.wait(_TICK):
                try:
                    self._watch.ok()
                except BaseException as error:
                    self._stopped = error
                    self.abort()
                    break

        self._watch.ok()
        thread = threading.Thread(target=guard, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """The server's errors in words, and what the watch raised instead of "connection lost"."""
        from pymysql.err import MySQLError

        try:
            yield
        except (MySQLError, OSError, EOFError) as error:
            if self._stopped is not None:
                raise self._stopped from None
            self.number, said = _parts(error)
            raise fault(
                self.number, said, self._what, self._where
            ) from None  # PyMySQL's traceback shows no secret, and helps nobody


@contextlib.contextmanager
def pulse(link: Link, address: Address, watch: Watch) -> Iterator[None]:
    """While the server works on a long query of a connection, tells the watch that it does.

    The server does not say how far a query is; but it says whether a connection's thread works (its state), or waits for a lock or for the network. A
    server that is frozen says nothing, and one whose answer was lost on the way says that the thread sleeps.
    """
    over = threading.Event()

    def beat() -> None:
        with contextlib.suppress(Exception), Link(address, _Silent(watch), "could not look at the server") as other:
            while not over.wait(_PULSE_SECONDS):
                for number, _user, _host, _database, command, _time, state, *_ in other.rows("SHOW PROCESSLIST"):
                    if number == link.id and command == "Query" and str(state or "").lower() in _WORKS:
                        watch.moved()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(_TICK)


class _Silent(Watch):
    """Looks after a connection whose answers say nothing about the work."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def moved(self, amount: int = 1) -> None:
        """Not this."""

    def left(self) -> float | None:
        """See `Watch`."""
        return self._watch.left()

    def ok(self) -> None:
        """See `Watch`."""
        self._watch.ok()


def _library() -> Any:
    try:
        import pymysql
    except ImportError:
        raise Permanent("PyMySQL is not installed", hint="pip install 'trueup[mariadb]'") from None
    return pymysql


def _socket(address: Address) -> socket.socket:
    if not address.socket:
        plain = socket.create_connection((address.host, address.port), CONNECT_SECONDS)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    else:
        plain = socket.socket(socket.AF_UNIX)
        try:
            plain.settimeout(CONNECT_SECONDS)
            plain.connect(address.socket)
        except BaseException:
            plain.close()
            raise
    plain.settimeout(None)
    return plain


def _parts(error: Exception) -> tuple[int, str]:
    """The number and the words of an error of the library, or of the system."""
    cause = getattr(error, "original_exception", error)
    if type(cause).__module__ == "ssl":
        return 2026, str(cause)
    if isinstance(error, socket.gaierror):
        return 2005, "there is no such host"
    if isinstance(error, OSError):
        return 2003, (error.strerror or str(error)).lower()
    if len(error.args) >= 2 and isinstance(error.args[0], int):
        return error.args[0], str(error.args[1])
    return 0, str(error)


def pause(watch: Watch, seconds: float) -> None:
    """Waits, and asks the watch meanwhile."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        watch.ok()
        time.sleep(_TICK)
