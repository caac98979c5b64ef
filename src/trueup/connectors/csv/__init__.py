"""Tables in .csv files: any delimiter, any encoding, each found out or said, and kept when they are written."""

from trueup.connectors.csv.connector import CONNECTOR

__all__ = ["CONNECTOR"]
