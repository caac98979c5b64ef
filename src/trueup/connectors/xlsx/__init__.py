"""Tables in .xlsx workbooks: one sheet is read; cells are written into it, and nothing else of the workbook is touched."""

from trueup.connectors.xlsx.connector import CONNECTOR

__all__ = ["CONNECTOR"]
