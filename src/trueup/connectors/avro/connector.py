"""The avro connector's name, options and way in."""

from __future__ import annotations

from trueup.connectors.avro.table import AvroFormat
from trueup.connectors.tables.connector import FileConnector

SUFFIXES = (".avro",)

CONNECTOR = FileConnector("avro", "an .avro file, or a folder of them", lambda _: AvroFormat(SUFFIXES), SUFFIXES)
