"""Tables and queries of PostgreSQL, MariaDB, MySQL and SQLite."""

from trueup.connectors.sql.connector import CONNECTOR

__all__ = ["CONNECTOR"]
