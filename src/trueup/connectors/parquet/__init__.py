"""Tables in .parquet files."""

from trueup.connectors.parquet.connector import CONNECTOR

__all__ = ["CONNECTOR"]
