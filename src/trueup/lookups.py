"""Files that rules look values up in: one value a line, or a column of a table."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trueup.model.errors import ConfigError

LARGEST = 5_000_000
"""Values that are kept in memory, about 100 bytes each."""


class FileLookup:
    """The values of a file, read when the first one is looked for.

    Args:
        root: the folder of trueup.yaml.
        given: {"file", "column"}, as in a rule's `lookup`.
    """

    def __init__(self, root: Path, given: Mapping[str, Any]) -> None:
        self._path = root / Path(str(given["file"])).expanduser()
        self._column = given.get("column")
        self._values: frozenset[str] | None = None

    def version(self) -> str:
        """Changes when the file does; told by its size and time, without reading it."""
        try:
            found = self._path.stat()
        except OSError:
            return ""
        return f"{self._path}:{found.st_size}:{found.st_mtime_ns}"

    def __contains__(self, value: object) -> bool:
        if self._values is None:
            self._values = frozenset(self._read())
            if len(self._values) > LARGEST:
                raise self._wrong(f"it has more than {LARGEST:,} values")
        return value in self._values

    def _read(self) -> Iterator[str]:
        try:
            with self._path.open(encoding="utf-8-sig", newline="") as lines:
                if self._path.suffix.lower() != ".csv" and self._column is None:
                    yield from (line.strip() for line in lines if line.strip())
                    return
                yield from self._cells(csv.reader(lines))
        except OSError as error:
            raise self._wrong(error.strerror or str(error)) from None
        except (UnicodeDecodeError, csv.Error) as error:
            raise self._wrong(f"it is no table in UTF-8: {error}") from None

    def _cells(self, rows: Iterator[list[str]]) -> Iterator[str]:
        head = next(rows, [])
        if self._column is not None and self._column not in head:
            raise self._wrong(f"it has no column {self._column}; it has {', '.join(head)[:200]}")
        at = head.index(self._column) if self._column is not None else 0
        for row in rows:
            if at < len(row) and row[at].strip():
                yield row[at].strip()

    def _wrong(self, why: str) -> ConfigError:
        return ConfigError(
            "a rule's `lookup` cannot be read", where=str(self._path), why=why, hint="mend the file, or the rule"
        )
