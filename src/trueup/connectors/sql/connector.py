"""The sql connector's name, options and way in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trueup.connectors.base import Option
from trueup.connectors.sql.store import SqlStore
from trueup.model.errors import ConfigError

OPTIONS = (
    Option("url", "secret", required=True, help="postgresql://user:password@host/database, mysql://…, or sqlite:path"),
    Option("table", "str", help="the table, where the store is a single one; else collections are named by tables"),
    Option("query", "str", help="a SELECT that is read like a table, and never written"),
    Option("key", "words", help="the column, or list of columns, that names a row; without it the primary key"),
    Option(
        "updated_at", "str", help="the column with the time of a row's last change, which the database keeps by itself"
    ),
)


@dataclass(frozen=True, slots=True)
class SqlConnector:
    """Databases."""

    name: str = "sql"
    help: str = "tables of PostgreSQL, MariaDB, MySQL or SQLite, or a query"
    options: tuple[Option, ...] = OPTIONS
    holds: str = "rows"

    def open(self, name: str, options: Mapping[str, object]) -> SqlStore:
        """The store of a database; connects when it is first asked.

        Raises:
            ConfigError: options contradict each other.
        """
        table, query = str(options.get("table") or ""), str(options.get("query") or "")
        key = options.get("key") or ()
        assert isinstance(key, tuple | list)
        if table and query:
            raise ConfigError(f"`query` and `table` of {name} exclude each other", hint="leave one of them out")
        if query and not key:
            raise ConfigError(
                f"`key` of {name} is missing", hint="a query has no primary key: name the columns that name a row"
            )
        return SqlStore(
            name, str(options["url"]), table=table, query=query, key=key, updated=str(options.get("updated_at") or "")
        )


CONNECTOR = SqlConnector()
