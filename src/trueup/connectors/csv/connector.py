"""The csv connector's name, options and way in."""

from __future__ import annotations

from collections.abc import Mapping

from trueup.connectors.base import Option
from trueup.connectors.csv.table import CsvFormat
from trueup.connectors.tables.connector import FileConnector
from trueup.model.errors import ConfigError

SUFFIXES = (".csv", ".tsv", ".txt")
WORDS = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}


def _format(options: Mapping[str, object]) -> CsvFormat:
    said = str(options.get("delimiter") or "")
    delimiter = WORDS.get(said.lower(), said)
    if len(delimiter) > 1 or delimiter in ('"', "\r", "\n"):
        raise ConfigError(f"`delimiter` must be one character, not {said!r}", hint="as: delimiter: ';' or tab")
    encoding = str(options.get("encoding") or "")
    if encoding:
        import codecs

        try:
            encoding = codecs.lookup(encoding).name
            "".encode(encoding)  # no codec of bytes to bytes
        except LookupError:
            raise ConfigError(f"there is no `encoding` {encoding!r}", hint="as: utf-8, cp1252, iso-8859-15") from None
    return CsvFormat(SUFFIXES, delimiter, encoding, header=options.get("header") is not False)


CONNECTOR = FileConnector(
    "csv",
    "a .csv file of rows, or a folder of them",
    _format,
    SUFFIXES,
    (
        Option(
            "delimiter", "str", help="what stands between values (`;`, tab …); found out where only one can be meant"
        ),
        Option(
            "encoding", "str", help="utf-8, utf-16, cp1252 …; without it a byte order mark is heeded, else UTF-8 holds"
        ),
        Option(
            "header",
            "bool",
            default=True,
            help="the first row names the columns; off: they are called 1, 2, 3 …",
        ),
    ),
)
