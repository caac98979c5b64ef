"""Sessions and transactions, the same on SQLite and PostgreSQL.

A thread has one session (connection) of its own. A statement outside a transaction commits by itself; writing is only done inside
`Database.transaction`, which nests: the outermost one commits. What differs between the two databases is behind `Dialect`.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol, TypeAlias, TypeVar
from weakref import WeakSet

from trueup.core.ledger.line import Action, Line
from trueup.model.diagnostics import Diagnostic
from trueup.model.errors import Bug, LedgerError

T = TypeVar("T")
Row: TypeAlias = tuple[Any, ...]

CHUNK = 500  # values in one IN (…): far below the limits of both databases, and few different statements to prepare


class Dialect(Protocol):
    """What differs between databases.

    Attributes:
        name: for people.
        where: path or address, without a password.
        types: the schema's names of column types ("$id") in this database's words.
        begin: the statement that opens a writing transaction.
        queues: whether only one writes at a time: the threads of a process then wait in line (`line`).
        relaxed: the statements that open one whose commit need not outlive a power cut, and those that come after it, whatever became of it.
        errors: the exceptions its driver raises.
    """

    name: str
    where: str
    types: Mapping[str, str]
    begin: str
    queues: bool
    relaxed: tuple[tuple[str, ...], tuple[str, ...]]
    errors: tuple[type[Exception], ...]

    def connect(self) -> Any:
        """A new connection that commits every statement by itself (raises LedgerError)."""
        ...

    def sql(self, statement: str) -> str:
        """A statement with `?` for parameters in the driver's own style."""
        ...

    def error(self, error: Exception) -> LedgerError:
        """The driver's error in words."""
        ...

    def lost(self, connection: Any, error: Exception) -> bool:
        """Whether the connection broke, so that a new one may help."""
        ...

    def lock_schema(self, database: Database) -> None:
        """Keeps others from migrating until the end of the transaction."""
        ...

    def tables(self, database: Database) -> set[str]:
        """The names of the tables there are."""
        ...

    def committed(self, database: Database, inserted: Mapping[str, int]) -> None:
        """Told after every commit how many rows were inserted in bulk, by table."""
        ...

    def faults(self, database: Database) -> Iterable[str]:
        """The database's own check of itself, in its own words."""
        ...

    def warnings(self, database: Database) -> Iterable[Diagnostic]:
        """What may go wrong later: rights, room."""
        ...

    def clock(self, database: Database) -> float:
        """The time all users of the ledger agree on, seconds since 1970."""
        ...

    def now(self, database: Database) -> tuple[str, tuple[float, ...]]:
        """The same as an expression in a statement, and its parameters."""
        ...


class Session:
    """One thread's connection and where it is.

    Attributes:
        depth: how many transactions are open, one inside another.
        failed: an inner one failed: the outermost may only roll back.
        inserted: rows that the open transaction inserted in bulk, by table.
        listings: collections whose listing is in this connection's temporary table; a new connection has none.
    """

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.depth = 0
        self.failed = False
        self.inserted: Counter[str] = Counter()
        self.listings: set[int] = set()
        self.pid = os.getpid()

    def close(self) -> None:
        """Closes the connection, except in a forked child: it is the parent's."""
        if self.pid == os.getpid():
            self.connection.close()

    def __del__(self) -> None:
        self.close()


class Database:
    """Runs statements; see the module's text.

    Attributes:
        on_write: called with "before:<label>" and "after:<label>" around the commit of every writing transaction (crash tests).
        now: the clock, seconds since 1970.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.on_write: Callable[[str], None] | None = None
        self.now: Callable[[], float] = time.time
        self._local = threading.local()
        self._sessions: WeakSet[Session] = WeakSet()
        self._inherited: list[Session] = []  # a forked child keeps its parent's sessions alive and untouched
        self._guard = threading.Lock()
        self._line = (os.getpid(), Line())
        self._closed = False

    @property
    def session(self) -> Session:
        """This thread's session; opened when first asked for."""
        if self._closed:
            raise Bug("the ledger is used after it was closed", where=self.dialect.where)
        found: Session | None = getattr(self._local, "session", None)
        if found is not None and found.pid == os.getpid():
            return found
        if found is not None:
            self._inherited.append(found)
        session = Session(self.dialect.connect())
        with self._guard:
            self._sessions.add(session)
        self._local.session = session
        return session

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        """All rows of a query."""
        return self._run(lambda cursor: cursor.execute(self.dialect.sql(statement), values).fetchall())  # type: ignore[no-any-return]

    def row(self, statement: str, values: Sequence[Any] = ()) -> Row | None:
        """The first row of a query, or None."""
        found = self.rows(statement, values)
        return found[0] if found else None

    def value(self, statement: str, values: Sequence[Any] = ()) -> Any:
        """The first column of a query's only row."""
        return self.rows(statement, values)[0][0]

    def rows_in(self, statement: str, values: Iterable[Any], before: Sequence[Any] = ()) -> list[Row]:
        """All rows of a query whose `(@)` stands for a list of any length; `before` are the parameters in front of it."""
        return [row for part in chunks(values) for row in self.rows(_expand(statement, part), (*before, *part))]

    def write(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Runs a statement inside a transaction; returns the number of rows it touched."""
        self._in_transaction()
        return self._run(lambda cursor: cursor.execute(self.dialect.sql(statement), values).rowcount)  # type: ignore[no-any-return]

    def returned(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        """Runs a statement inside a transaction; returns the rows of its RETURNING."""
        self._in_transaction()
        return self.rows(statement, values)

    def write_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Runs a statement once for each row of parameters, inside a transaction."""
        self._in_transaction()
        if rows:
            if statement.startswith("INSERT INTO "):
                self.session.inserted[statement.split(maxsplit=3)[2]] += len(rows)
            self._run(lambda cursor: cursor.executemany(self.dialect.sql(statement), rows))

    def write_in(self, statement: str, values: Iterable[Any], before: Sequence[Any] = ()) -> int:
        """As `rows_in`, for a statement that writes; returns the number of rows touched."""
        return sum(self.write(_expand(statement, part), (*before, *part)) for part in chunks(values))

    @contextmanager
    def transaction(self, label: str, *, durable: bool = True) -> Iterator[None]:
        """Everything inside is committed together, or nothing is.

        An error inside an inner transaction spoils the outermost too, even when the caller catches it: half of what the inner one
        did must not be committed.

        Args:
            label: what it is, for `on_write`.
            durable: a commit that returned survives a power cut. Without that it costs no flush of the disk; inside another one it is what
                the other is.
        """
        with self._in_line(), self._transaction(label, durable):
            yield

    def commit(self, label: str, do: Callable[[], T], *, durable: bool = True) -> T:
        """As `transaction` around `do`, which is short and does nothing but read and write here: it may be done in another thread, together
        with what others commit at the same moment, and again where that was rolled back.

        Returns:
            What `do` does; raises what it raises.
        """
        if not self.dialect.queues or self.session.depth:
            with self.transaction(label, durable=durable):
                return do()
        return self.line.pass_through(Action(do, label, durable), self._commit_together)  # type: ignore[no-any-return]

    @property
    def line(self) -> Line:
        """The threads that want to write."""
        if self._line[0] != os.getpid():  # a forked child: whoever stood in line is not here
            self._line = (os.getpid(), Line())
        return self._line[1]

    @contextmanager
    def _transaction(self, label: str, durable: bool) -> Iterator[None]:
        begin, end = ((self.dialect.begin,), ()) if durable else self.dialect.relaxed
        with self._nest(begin, end):
            outermost = self.session.depth == 1
            yield
            if outermost and not self.session.failed:
                self._hook("before", label)
        if outermost:
            self._hook("after", label)
            inserted, self.session.inserted = self.session.inserted, Counter()
            self.dialect.committed(self, inserted)

    @contextmanager
    def scratch(self) -> Iterator[None]:
        """A transaction on temporary tables only: it takes no lock on the ledger and is no write of it."""
        with self._nest(("BEGIN",)):
            yield

    def close(self) -> None:
        """Closes the sessions of all threads."""
        self._closed = True
        with self._guard:
            for session in list(self._sessions):
                session.close()
        self._local = threading.local()

    def _in_line(self) -> AbstractContextManager[Any]:
        """Where the database has one writer at a time: this thread's place in front of it."""
        return self.line.lock if self.dialect.queues and not self.session.depth else nullcontext()

    def _commit_together(self, group: Sequence[Action]) -> None:
        """Does actions in one transaction; each in its own where one of them fails."""
        if len(group) > 1:
            try:
                with self._transaction(group[0].label, any(one.durable for one in group)):
                    for one in group:
                        one.result = one.do()
            except Exception:
                pass  # whose fault it is shows below
            else:
                for one in group:
                    one.done = True
                return
        for one in group:
            try:
                with self._transaction(one.label, one.durable):
                    one.result = one.do()
            except Exception as error:
                one.error = error
            one.done = True

    @contextmanager
    def _nest(self, begin: Sequence[str], end: Sequence[str] = ()) -> Iterator[None]:
        outermost = self.session.depth == 0
        for statement in begin if outermost else ():
            self._run(lambda cursor, statement=statement: cursor.execute(statement))  # type: ignore[misc]
        session = self.session
        session.depth += 1
        try:
            yield
            if session.depth == 1:
                self._commit(session)
        except BaseException:
            session.failed = True
            if session.depth == 1:
                self._roll_back(session)
            raise
        finally:
            session.depth -= 1
            session.failed = session.failed and session.depth > 0
            if outermost and end:
                self._restore(session, end)

    def _restore(self, session: Session, end: Sequence[str]) -> None:
        try:
            for statement in end:
                session.connection.cursor().execute(statement)
        except self.dialect.errors:
            self._discard(session)  # it must not go on as it is

    def _commit(self, session: Session) -> None:
        if session.failed:
            raise Bug("a transaction of the ledger went on after an error inside it", where=self.dialect.where)
        self._run(lambda cursor: cursor.execute("COMMIT"))

    def _roll_back(self, session: Session) -> None:
        try:
            session.connection.cursor().execute("ROLLBACK")
        except self.dialect.errors:
            # Some errors (disk full, a lost server) have rolled back already; a connection in doubt is not used again.
            self._discard(session)

    def _run(self, action: Callable[[Any], Any]) -> Any:
        """Does it on this thread's session; outside a transaction a lost connection is replaced once."""
        for last in (False, True):
            session = self.session
            try:
                return action(session.connection.cursor())
            except self.dialect.errors as error:
                lost = self.dialect.lost(session.connection, error)
                if lost and session.depth == 0:
                    self._discard(session)
                    # A listing under way was in the lost connection: to go on without it would look like an empty collection.
                    if not last and not session.listings:
                        continue
                raise self.dialect.error(error) from error
        raise AssertionError

    def _discard(self, session: Session) -> None:
        if getattr(self._local, "session", None) is session:
            del self._local.session
        session.close()

    def _in_transaction(self) -> None:
        if self.session.depth == 0:
            raise Bug("a write to the ledger outside a transaction", where=self.dialect.where)

    def _hook(self, when: str, label: str) -> None:
        if self.on_write is not None:
            self.on_write(f"{when}:{label}")


def chunks(values: Iterable[Any]) -> Iterator[list[Any]]:
    """The values in lists of at most CHUNK."""
    all_values = list(values)
    for start in range(0, len(all_values), CHUNK):
        yield all_values[start : start + CHUNK]


def storable(text: str) -> str:
    """The text with what a database cannot hold (NUL, half of a surrogate pair) written as an escape: for what people read."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def _expand(statement: str, part: Sequence[Any]) -> str:
    return statement.replace("(@)", f"({', '.join('?' * len(part))})")
