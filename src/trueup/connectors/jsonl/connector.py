"""The jsonl connector's name, options and way in."""

from __future__ import annotations

from trueup.connectors.jsonl.table import JsonlFormat
from trueup.connectors.tables.connector import FileConnector

SUFFIXES = (".jsonl", ".ndjson")

CONNECTOR = FileConnector(
    "jsonl", "a .jsonl file with one JSON object a line, or a folder of them", lambda _: JsonlFormat(SUFFIXES), SUFFIXES
)
