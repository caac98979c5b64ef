"""The jsonl connector's name, options and way in."""

from __future__ import annotations

from trueup.connectors.jsonl.table import JsonlTable
from trueup.connectors.tables.connector import FileConnector
from trueup.connectors.tables.formats import PlainFormat

SUFFIXES = (".jsonl", ".ndjson")

CONNECTOR = FileConnector(
    "jsonl",
    "a .jsonl file with one JSON object a line, or a folder of them",
    lambda _: PlainFormat(SUFFIXES, JsonlTable, faithful=True, fixed=False),
    SUFFIXES,
)
