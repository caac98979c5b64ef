"""The avro connector's name, options and way in."""

from __future__ import annotations

from trueup.connectors.avro.table import AvroTable
from trueup.connectors.tables.connector import FileConnector
from trueup.connectors.tables.formats import PlainFormat

SUFFIXES = (".avro",)

CONNECTOR = FileConnector(
    "avro",
    "an .avro file, or a folder of them",
    lambda _: PlainFormat(SUFFIXES, AvroTable, faithful=False, fixed=True),
    SUFFIXES,
)
