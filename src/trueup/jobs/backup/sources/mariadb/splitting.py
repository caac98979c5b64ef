"""One dump, taken apart while it arrives: a file a table, so that one table can be restored, and what did not change is stored once.

mariadb-dump writes everything in one transaction to one stream. Its parts begin with comment lines, which are looked for only where they
can be: never in data (a line end in a value is written as \\n, and rows in binary as hexadecimal), never in a body of code (between DELIMITER
lines). Every file begins with the dump's own head and ends with its foot, so that each can be loaded by hand: `mariadb shop < orders.sql`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import BinaryIO

from trueup.jobs.backup.sources.mariadb.names import file_name, unquoted
from trueup.model.errors import Permanent, Transient

DATABASE, SEQUENCES, ROUTINES, VIEWS, EVENTS = (
    "database.sql",
    "sequences.sql",
    "routines.sql",
    "views.sql",
    "events.sql",
)
TABLES = "tables"

_LONGEST = 4096
_BUFFER = 1 << 18
_MARK = re.compile(
    rb"\n(?P<lead>--\n)?(?:"
    rb"-- Current Database: (?P<database>`.*`)"
    rb"|-- Table structure for table (?P<table>`.*`)"
    rb"|-- Sequence structure for (?P<sequence>`.*`)"
    rb"|-- (?P<view>Temporary (?:table|view) structure for view|Final view structure for view) `.*`"
    rb"|-- Dumping (?P<code>events|routines) for database '.*'"
    rb"|(?P<foot>/\*!40103 SET TIME_ZONE=@OLD_TIME_ZONE \*/;)"
    rb"|(?P<done>-- Dump completed).*"
    rb"|DELIMITER (?P<delimiter>\S+)"
    rb")(?=\n)"
)


class Splitter:
    """Takes a dump chunk by chunk.

    Args:
        folder: where the files go: "shop/tables/orders.sql" …
    """

    def __init__(self, folder: Path) -> None:
        self.tables: set[tuple[str, str]] = set()
        self.began = False
        self._folder = folder
        self._rest = b"\n"  # from the last line end on that may begin a mark
        self._head = bytearray()
        self._foot = bytearray()
        self._database = ""
        self._file: BinaryIO | None = None
        self._made: dict[Path, None] = {}
        self._in_code = False
        self._in_foot = False
        self._completed = False
        self._first = True

    def take(self, chunk: bytes) -> None:
        """The next bytes of the dump."""
        text = self._rest + chunk
        cut = text.rfind(b"\n")
        if cut < 0 or len(text) - cut > _LONGEST:  # in the middle of a long line: no mark is that long
            cut = len(text)
        elif text.endswith(b"\n--", 0, cut):  # may lead a mark
            cut -= 3
        self._pass(text, cut)
        self._rest = text[cut:]

    def finish(self) -> None:
        """The dump has ended.

        Raises:
            Transient: its completion line is missing.
        """
        self._pass(self._rest + b"\n", len(self._rest) + 1)
        self.close()
        if not self._completed:
            raise Transient(
                "the dump is not complete",
                why="its last line is not there: -- Dump completed",
                hint="it is taken again",
            )
        for path in self._made:
            with path.open("ab") as file:
                file.write(self._foot)

    def close(self) -> None:
        """Lets go of the file that is open."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _pass(self, text: bytes, end: int) -> None:
        """Writes text[:end] into the files of its parts; a mark's line is whole where its end is before `end`, or it is held back."""
        at = 0
        for mark in _MARK.finditer(text, 0, min(end + 1, len(text))):
            if mark.end() > end:
                break
            if self._in_code and mark["delimiter"] is None:
                continue
            self._put(text[at : mark.start() + 1])
            at = mark.start() + 1
            self._turn(mark)
        self._put(text[at:end])

    def _put(self, data: bytes) -> None:
        if self._first and data:
            data, self._first = data[1:], False  # the line end before the first line is ours
        if self._completed:
            return
        if self._in_foot:
            self._foot += data
        elif self._file is not None:
            self._file.write(data)
        elif not self._database:
            self._head += data
        elif data.strip():
            raise Permanent(
                "the dump has a part that is not understood", why=repr(data[:80]), hint="use a current mariadb-dump"
            )

    def _turn(self, mark: re.Match[bytes]) -> None:
        """A mark: the next part begins."""
        if (delimiter := mark["delimiter"]) is not None:
            self._in_code = delimiter != b";"
        elif mark["done"]:
            self._completed = True
            self._foot += b"-- Dump completed\n"
        elif mark["foot"]:
            self._in_foot = True
        elif name := mark["database"]:
            self.began = True
            self._database = unquoted(name.decode("utf-8", "surrogateescape"))
            self._open(DATABASE)
        elif name := mark["table"]:
            table = unquoted(name.decode("utf-8", "surrogateescape"))
            self.tables.add((self._database, table))
            self._open(f"{TABLES}/{file_name(table)}.sql")
        elif mark["sequence"]:
            self._open(SEQUENCES)
        elif mark["view"]:
            self._open(VIEWS)
        else:
            self._open(EVENTS if mark["code"] == b"events" else ROUTINES)

    def _open(self, name: str) -> None:
        """Goes on in that file of the present database."""
        self.close()
        path = self._folder / file_name(self._database) / name
        if path.name == DATABASE and path in self._made:  # the same database comes again, for its views
            path = Path(os.devnull)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._file = os.fdopen(os.open(path, flags, 0o600), "wb", _BUFFER)
        if path not in self._made and path != Path(os.devnull):
            self._made[path] = None
            self._file.write(self._head)
