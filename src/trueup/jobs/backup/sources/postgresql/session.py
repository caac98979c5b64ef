"""A connection in one transaction, whose answers depend on nobody's settings, and which cannot hang for ever."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from trueup.jobs.backup.sources.postgresql.address import Address
from trueup.jobs.backup.sources.postgresql.faults import explained
from trueup.model.repository import Watch

if TYPE_CHECKING:
    from psycopg import Connection

CONNECT_TIMEOUT = 20
LOCK_TIMEOUT = "60s"

_SETTINGS = {
    # How values look as text.
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "iso_8601",
    "TimeZone": "UTC",
    "extra_float_digits": "3",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "xmlbinary": "base64",
    "quote_all_identifiers": "off",
    # Names always come with their schema, and functions of a user's are found by nobody by accident (CVE-2018-1058).
    "search_path": "",
    # A policy that hides rows from us must be an error (as in pg_dump).
    "row_security": "off",
    "statement_timeout": "0",
    "lock_timeout": LOCK_TIMEOUT,
    # The transaction waits for pg_dump.
    "idle_in_transaction_session_timeout": "0",
    "jit": "off",
}

_TICK = 0.2


class Session:
    """One transaction on one database: read only, repeatable read.

    Attributes:
        address: where.
        version: the server's, as 150018.
    """

    def __init__(self, address: Address, connection: Connection[Any], watch: Watch) -> None:
        self.address = address
        self.version = connection.info.server_version
        self._connection = connection
        self._watch = watch

    @property
    def major(self) -> int:
        """The server's major version."""
        return self.version // 10000

    def rows(self, query: str, values: Sequence[object] | None = None, *, what: str) -> list[tuple[Any, ...]]:
        """A query's answer.

        Args:
            query: SQL, with %s for values.
            values: None: a % in the query is a %.
            what: the work, for the error.
        """
        with explained(what, str(self.address)):
            answer = self._connection.execute(self._encoded(query), values).fetchall()
        self._watch.moved(1 + len(answer))
        self._watch.ok()
        return answer

    def row(self, query: str, values: Sequence[object] | None = None, *, what: str) -> tuple[Any, ...]:
        """The first row of a query's answer, that has one."""
        return self.rows(query, values, what=what)[0]

    def _encoded(self, query: str) -> bytes:
        """As the server takes it: names in it came from the server in the same encoding."""
        return query.encode(self._connection.info.encoding)

    def do(self, query: str, *, what: str) -> None:
        """A statement without an answer."""
        with explained(what, str(self.address)):
            self._connection.execute(self._encoded(query))
        self._watch.moved()
        self._watch.ok()


@contextmanager
def connected(address: Address, watch: Watch, *, autocommit: bool = False) -> Iterator[Connection[Any]]:
    """An open connection, closed afterwards; while it is open it is ended as soon as `watch.ok` raises, even if the server is silent.

    Raises:
        LoginRefused, Transient, Permanent: there is no connection. Whatever `watch.ok` raises.
    """
    import psycopg

    left = watch.left()
    timeout = CONNECT_TIMEOUT if left is None else max(2, min(CONNECT_TIMEOUT, int(left)))
    more: dict[str, str | int] = {"connect_timeout": timeout, "application_name": "trueup", "client_encoding": "UTF8"}
    with explained(f"could not connect to the database {address.database or 'of the address'}", str(address)):
        connection = psycopg.connect(address.conninfo(**more), password=address.password or None, autocommit=autocommit)
    try:
        with _looked_after(connection, watch):
            yield connection
    finally:
        connection.close()


@contextmanager
def administering(address: Address, watch: Watch, what: str) -> Iterator[Connection[Any]]:
    """A connection whose statements count at once, for what no transaction can do.

    Args:
        address, watch: as `connected`.
        what: the work, for the error.
    """
    with connected(address, watch, autocommit=True) as connection, explained(what, str(address)):
        yield connection


@contextmanager
def session(address: Address, watch: Watch) -> Iterator[Session]:
    """A transaction whose snapshot is that of the moment this returns."""
    import psycopg

    with connected(address, watch) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with explained("could not begin a transaction", str(address)):
            settings = _SETTINGS
            if connection.info.parameter_status("server_encoding") == "SQL_ASCII":
                # Such a database keeps bytes of any encoding and converts nothing: every byte is a character of this one.
                settings = {**_SETTINGS, "client_encoding": "LATIN1"}
            for name, value in settings.items():
                # Local to the transaction: a pooler between us and the server may give its connections to others.
                connection.execute("SELECT pg_catalog.set_config(%s, %s, true)", (name, value))
        yield Session(address.pinned(connection.info), connection, watch)


@contextmanager
def _looked_after(connection: Connection[Any], watch: Watch) -> Iterator[None]:
    """Asks `watch.ok` beside the work: a query waits for the server for as long as that is silent."""
    over = threading.Event()
    raised: list[BaseException] = []

    def look() -> None:
        while not over.wait(_TICK):
            try:
                watch.ok()
            except BaseException as error:  # it belongs to the other thread
                raised.append(error)
                _cut(connection)
                return

    thread = threading.Thread(target=look, name="postgresql-watch", daemon=True)
    thread.start()
    try:
        yield
    except Exception:
        if raised:
            raise raised[0] from None
        raise
    finally:
        over.set()
        thread.join()


def _cut(connection: Connection[Any]) -> None:
    """Asks the server to stop what it does, and hangs up."""
    import psycopg

    with suppress(psycopg.Error, OSError):
        connection.cancel_safe(timeout=2)
    with suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(connection.fileno())) as wire:
        wire.shutdown(socket.SHUT_RDWR)
