"""PostgreSQL, by psycopg 3. Values come and go as the server's own texts, so that every type is written as it is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from typing import TYPE_CHECKING, Any

from trueup.connectors.sql.database import BadValue, Column, Exists, Lost, Refused, Shape
from trueup.connectors.tables.connector import missing_package
from trueup.model.errors import LoginRefused, Permanent, StoreError, Transient

if TYPE_CHECKING:
    import psycopg

CONNECT_SECONDS = 10
# The same texts whoever asks, and wherever.
_SETTINGS = "-c timezone=UTC -c datestyle=ISO -c intervalstyle=iso_8601 -c extra_float_digits=1 -c bytea_output=hex"
_TABLES = """
SELECT CASE WHEN n.nspname = 'public' THEN c.relname ELSE n.nspname || '.' || c.relname END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%%'
AND has_table_privilege(c.oid, 'SELECT') ORDER BY 1"""
_COLUMNS = """
SELECT a.attname, a.attnotnull, a.attgenerated <> '' OR a.attidentity = 'a', c.relkind
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""
_KEYS = """
SELECT i.indisprimary, array_agg(a.attname::text ORDER BY k.place)
FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(number, place)
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
WHERE i.indrelid = %s::regclass AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL GROUP BY i.indexrelid, i.indisprimary"""


class PostgreSql:
    """Implements `database.Database`."""

    name = "PostgreSQL"
    mark = "%s"

    def __init__(self, url: str, what: str) -> None:
        self._url, self._what = url, what
        self._connection: psycopg.Connection[Any] | None = None
        self._numbers = count(1)

    def literal(self, sql: str) -> str:
        return sql.replace("%", "%%")

    def quoted(self, name: str) -> str:
        return ".".join(_name(one) for one in name.split(".", 1))

    def quoted_name(self, name: str) -> str:
        return _name(name)

    def text(self, column: str) -> str:
        return f"{_name(column)}::text"

    def tables(self) -> list[str]:
        return [str(row[0]) for row in self.rows(_TABLES)]

    def shape(self, table: str) -> Shape | None:
        name = self.quoted(table).replace("%%", "%")
        if next(self.rows("SELECT to_regclass(%s) IS NULL", (name,)))[0]:
            return None
        columns = list(self.rows(_COLUMNS, (name,)))
        keys = list(self.rows(_KEYS, (name,)))
        kind = columns[0][3] if columns else "r"
        kind = kind.decode() if isinstance(kind, bytes) else kind
        return Shape(
            tuple(Column(row[0], row[1], row[2]) for row in columns),
            next((tuple(names) for primary, names in keys if primary), ()),
            tuple(frozenset(names) for _, names in keys),
            versioned=kind in ("r", "m"),
            writable=kind in ("r", "p", "f"),
        )

    def query_shape(self, query: str) -> Shape:
        with self._meaning(), self._opened().transaction(), self._opened().cursor() as cursor:
            cursor.execute(f"SELECT * FROM ({self.literal(query)}) AS q LIMIT 0", ())
            return Shape(tuple(Column(one.name) for one in cursor.description or ()), writable=False)

    def rows(self, sql: str, values: Sequence[object] = ()) -> Iterator[Sequence[Any]]:
        import psycopg

        with self._meaning():
            connection = self._opened()
            inside = connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE
            if inside:
                yield from connection.execute(sql, values)
                return
            # A cursor at the server: the rows of a large table come in parts.
            with connection.transaction(), connection.cursor(name=f"trueup_{next(self._numbers)}") as cursor:
                cursor.itersize = 5000
                cursor.execute(sql, values)
                yield from cursor

    @contextmanager
    def transaction(self) -> Iterator[None]:
        import psycopg

        connection = self._opened()
        with self._meaning():
            connection.execute("BEGIN")
        try:
            yield
            try:
                connection.execute("COMMIT")
            except psycopg.OperationalError as error:
                raise Lost(f"the connection to {self._what} was lost at the commit", why=_first(error)) from error
            except psycopg.Error as error:
                raise self._meant(error) from error
        finally:
            if connection.closed:
                self._connection = None
            elif connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                with suppress(psycopg.Error):
                    connection.execute("ROLLBACK")

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        connection = self._opened()
        connection.execute("SAVEPOINT row")
        try:
            yield
        except BaseException:
            if not connection.closed:
                connection.execute("ROLLBACK TO SAVEPOINT row")
            raise
        connection.execute("RELEASE SAVEPOINT row")

    def execute(self, sql: str, values: Sequence[object]) -> int:
        import psycopg

        try:
            return self._opened().execute(sql, values).rowcount
        except psycopg.errors.UniqueViolation as error:
            raise Exists(_first(error)) from error
        except (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.RaiseException) as error:
            raise Refused(_first(error)) from error
        except (psycopg.errors.SyntaxErrorOrAccessRuleViolation, psycopg.NotSupportedError) as error:
            raise Refused(_first(error)) from error
        except psycopg.Error as error:
            raise self._meant(error) from error

    def locking(self) -> str:
        return " FOR UPDATE"

    def still(self) -> str:
        return ""

    def younger_than(self, column: str, seconds: float) -> str:
        return f"{column} > clock_timestamp() - interval '{seconds} seconds'"

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # --- inside

    def _opened(self) -> psycopg.Connection[Any]:
        if self._connection is not None and not self._connection.closed:
            return self._connection
        try:
            import psycopg
        except ImportError:
            raise missing_package("psycopg", self._what) from None
        try:
            self._connection = psycopg.connect(
                self._url,
                autocommit=True,
                connect_timeout=CONNECT_SECONDS,
                client_encoding="utf8",
                application_name="trueup",
                options=_SETTINGS,
            )
        except psycopg.Error as error:
            why = _first(error)
            kind = LoginRefused if "authentication failed" in why or "no password supplied" in why else Transient
            raise kind(
                f"could not connect to {self._what}", why=why, hint="check `url`, and that the server runs"
            ) from None
        return self._connection

    @contextmanager
    def _meaning(self) -> Iterator[None]:
        import psycopg

        try:
            yield
        except psycopg.Error as error:
            raise self._meant(error) from error

    def _meant(self, error: psycopg.Error) -> StoreError:
        import psycopg

        gone = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        if gone and self._connection is not None and self._connection.closed:
            self._connection = None
        kind = Transient if gone else BadValue if isinstance(error, psycopg.DataError) else Permanent
        return kind(f"could not use {self._what}", why=_first(error))


def _name(name: str) -> str:
    return '"' + name.replace("%", "%%").replace('"', '""') + '"'


def _first(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
