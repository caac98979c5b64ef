"""MariaDB and MySQL, by PyMySQL. Values come and go as the server's own texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from trueup.connectors.sql.database import Column, Exists, Lost, Refused, Shape
from trueup.connectors.tables.connector import missing_package
from trueup.model.errors import LoginRefused, Permanent, StoreError, Transient

if TYPE_CHECKING:
    from pymysql.connections import Connection

CONNECT_SECONDS = 10
READ_SECONDS = 600
_PORT = 3306
# Error numbers: MariaDB documentation, "MariaDB Error Code Reference".
_DUPLICATE = (1062, 1169, 1586)
_LOGIN = (1045, 1044, 1698)
_PASSING = (1040, 1205, 1213, 2002, 2003, 2006, 2013, 2055)


class MySql:
    """Implements `database.Database`."""

    name = "MariaDB/MySQL"
    mark = "%s"

    def __init__(self, url: str, what: str) -> None:
        self._url, self._what = url, what
        self._connection: Connection[Any] | None = None
        self._within = False

    def literal(self, sql: str) -> str:
        return sql.replace("%", "%%")

    def quoted(self, name: str) -> str:
        return ".".join(_name(one) for one in name.split(".", 1))

    def quoted_name(self, name: str) -> str:
        return _name(name)

    def text(self, column: str) -> str:
        return _name(column)

    def tables(self) -> list[str]:
        sql = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY 1"
        return [str(row[0]) for row in self.rows(sql)]

    def shape(self, table: str) -> Shape | None:
        schema, _, name = table.rpartition(".")
        here = "table_schema = COALESCE(%s, DATABASE()) AND table_name = %s"
        values = (schema or None, name)
        kinds = list(self.rows(f"SELECT table_type FROM information_schema.tables WHERE {here}", values))
        if not kinds:
            return None
        columns = self.rows(
            "SELECT column_name, is_nullable = 'NO', extra LIKE '%%GENERATED%%', data_type LIKE '%%blob' OR data_type LIKE '%%binary'"
            f" FROM information_schema.columns WHERE {here} ORDER BY ordinal_position",
            values,
        )
        found = tuple(Column(row[0], row[1] == "1", row[2] == "1", row[3] == "1") for row in columns)
        keys: dict[str, list[str]] = {}
        for index, column in self.rows(
            f"SELECT index_name, column_name FROM information_schema.statistics WHERE {here} AND non_unique = 0"
            " ORDER BY index_name, seq_in_index",
            values,
        ):
            keys.setdefault(index, []).append(column)
        return Shape(
            found,
            tuple(keys.get("PRIMARY", ())),
            tuple(frozenset(names) for names in keys.values()),
            writable=kinds[0][0] == "BASE TABLE",
        )

    def query_shape(self, query: str) -> Shape:
        with self._meaning(), self._opened().cursor() as cursor:
            cursor.execute(f"SELECT * FROM ({self.literal(query)}) AS q LIMIT 0", ())
            return Shape(tuple(Column(one[0]) for one in cursor.description or ()), writable=False)

    def rows(self, sql: str, values: Sequence[object] = ()) -> Iterator[Sequence[Any]]:
        from pymysql.cursors import Cursor, SSCursor

        # Unbuffered: the rows of a large table come in parts.
        kind = Cursor if self._within or " LIMIT " in sql else SSCursor
        with self._meaning(), self._opened().cursor(kind) as cursor:
            cursor.execute(sql, tuple(values))
            yield from cursor

    @contextmanager
    def transaction(self) -> Iterator[None]:
        import pymysql

        connection = self._opened()
        with self._meaning():
            connection.begin()
        self._within = True
        try:
            yield
            try:
                connection.commit()
            except (pymysql.OperationalError, pymysql.InterfaceError, OSError) as error:
                self._drop()
                raise Lost(f"the connection to {self._what} was lost at the commit", why=str(error)) from error
        except BaseException:
            with suppress(Exception):
                connection.rollback()
            raise
        finally:
            self._within = False

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        self.execute("SAVEPOINT row1", ())
        try:
            yield
        except BaseException:
            with suppress(Exception):
                self.execute("ROLLBACK TO SAVEPOINT row1", ())
            raise
        self.execute("RELEASE SAVEPOINT row1", ())

    def execute(self, sql: str, values: Sequence[object]) -> int:
        import pymysql

        try:
            with self._opened().cursor() as cursor:
                return int(cursor.execute(sql, tuple(values)))
        except (pymysql.IntegrityError, pymysql.DataError) as error:
            number = error.args[0] if error.args else 0
            raise (Exists if number in _DUPLICATE else Refused)(_said(error)) from error
        except pymysql.OperationalError as error:
            number = error.args[0] if error.args else 0
            if number in _PASSING or number in _LOGIN:
                raise self._meant(error) from error
            raise Refused(_said(error)) from error
        except (pymysql.ProgrammingError, pymysql.NotSupportedError) as error:
            raise Refused(_said(error)) from error
        except (pymysql.Error, OSError) as error:
            raise self._meant(error) from error

    def locking(self) -> str:
        return " FOR UPDATE"

    def still(self) -> str:
        return ""

    def younger_than(self, column: str, seconds: float) -> str:
        return f"{column} > NOW(6) - INTERVAL {seconds} SECOND"

    def close(self) -> None:
        self._drop()

    # --- inside

    def _opened(self) -> Connection[Any]:
        if self._connection is not None:
            return self._connection
        try:
            import pymysql
            from pymysql.converters import encoders
        except ImportError:
            raise missing_package("PyMySQL", self._what) from None
        parts = urlsplit(self._url)
        asked = parse_qs(parts.query)
        tls = {"ssl": {"ca": asked["ssl_ca"][0]}} if "ssl_ca" in asked else {}
        try:
            self._connection = pymysql.connect(
                host=parts.hostname or "localhost",
                port=parts.port or _PORT,
                user=unquote(parts.username or ""),
                password=unquote(parts.password or ""),
                database=unquote(parts.path.lstrip("/")) or None,
                unix_socket=asked.get("socket", [None])[0],
                charset="utf8mb4",
                conv=dict(encoders),  # nothing is made of the texts that come
                autocommit=True,
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                sql_mode="TRADITIONAL,NO_AUTO_VALUE_ON_ZERO",
                client_flag=pymysql.constants.CLIENT.FOUND_ROWS,
                **tls,
            )
        except (pymysql.Error, OSError) as error:
            number = error.args[0] if error.args else 0
            kind = LoginRefused if number in _LOGIN else Transient
            hint = "check `url`, and that the server runs"
            raise kind(f"could not connect to {self._what}", why=_said(error), hint=hint) from None
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            with suppress(Exception):
                self._connection.close()
            self._connection = None

    @contextmanager
    def _meaning(self) -> Iterator[None]:
        import pymysql

        try:
            yield
        except (pymysql.Error, OSError) as error:
            raise self._meant(error) from error

    def _meant(self, error: BaseException) -> StoreError:
        number = error.args[0] if error.args else 0
        passing = number in _PASSING or number == 0 or isinstance(error, OSError)
        if passing:
            self._drop()
        kind = Transient if passing else Permanent
        return kind(f"could not use {self._what}", why=_said(error))


def _name(name: str) -> str:
    return "`" + name.replace("%", "%%").replace("`", "``") + "`"


def _said(error: BaseException) -> str:
    return str(error.args[1]) if len(error.args) > 1 else str(error)
