"""The parquet connector's name, options and way in."""

from __future__ import annotations

from trueup.connectors.parquet.table import ParquetFormat
from trueup.connectors.tables.connector import FileConnector

SUFFIXES = (".parquet", ".pq")

CONNECTOR = FileConnector(
    "parquet", "a .parquet file, or a folder of them", lambda _: ParquetFormat(SUFFIXES), SUFFIXES
)
