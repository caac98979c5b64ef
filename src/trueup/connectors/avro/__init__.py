"""Tables in .avro files."""

from trueup.connectors.avro.connector import CONNECTOR

__all__ = ["CONNECTOR"]
