"""Tables in .jsonl files: one JSON object a line."""

from trueup.connectors.jsonl.connector import CONNECTOR

__all__ = ["CONNECTOR"]
