"""The parquet connector's name, options and way in."""

from __future__ import annotations

from trueup.connectors.parquet.table import ParquetTable
from trueup.connectors.tables.connector import FileConnector
from trueup.connectors.tables.formats import PlainFormat

SUFFIXES = (".parquet", ".pq")

CONNECTOR = FileConnector(
    "parquet",
    "a .parquet file, or a folder of them",
    lambda _: PlainFormat(SUFFIXES, ParquetTable, faithful=False, fixed=True),
    SUFFIXES,
)
