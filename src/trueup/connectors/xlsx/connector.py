"""The xlsx connector's name, options and way in."""

from __future__ import annotations

from trueup.connectors.base import Option
from trueup.connectors.tables.connector import FileConnector
from trueup.connectors.xlsx.table import XlsxFormat

SUFFIXES = (".xlsx", ".xlsm")

CONNECTOR = FileConnector(
    "xlsx",
    "a sheet of an .xlsx workbook, or of each in a folder",
    lambda options: XlsxFormat(SUFFIXES, str(options.get("sheet") or "")),
    SUFFIXES,
    (Option("sheet", "str", help="the sheet's name; without it the first"),),
)
