"""What a kind of file must do to be a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from trueup.connectors.tables.rows import Record, Row


@dataclass(slots=True)
class Edits:
    """What is to be done to a file.

    Attributes:
        changed: by the row's place in the file (its number among those that were read, from 0): what is there now; None: deleted.
        added: rows for the end.
        span: of a place: where its bytes are, in files of text.
    """

    changed: dict[int, Row | None] = field(default_factory=dict)
    added: list[Row] = field(default_factory=list)
    span: Callable[[int], tuple[int, int]] = lambda place: (0, 0)


class Table(Protocol):
    """One file as it is at one moment. Errors of the whole file are StoreErrors; `columns` is empty where the file is."""

    @property
    def columns(self) -> tuple[str, ...]: ...

    def records(self) -> Iterator[Record]:
        """Every row in its order, those that cannot be read with the reason."""
        ...

    def fit(self, row: Mapping[str, str | None], before: Mapping[str, str | None] | None) -> Row:
        """A row as it will be read back when it was written.

        Args:
            row: what is to be written.
            before: what is there; None: it is new.

        Raises:
            Unfit: it cannot be written.
        """
        ...

    def rewrite(self, new: BinaryIO, edits: Edits) -> None:
        """Writes the whole file anew, with these edits; every other row as it is.

        Raises:
            Unfit: the file cannot be written without losing something.
            OSError: it cannot be written.
        """
        ...

    def notes(self) -> Iterator[tuple[str, str]]:
        """What `doctor` tells of how the file was understood: what, and why."""
        ...


class Format(Protocol):
    """A kind of file.

    Attributes:
        suffixes: what its files' names end with; the first is that of new ones.
        faithful: what was written is read back just so.
        fixed: a file has columns, and no row any other.
        marks: digest of the options by which a file is read: where they change, it is read again.
    """

    @property
    def suffixes(self) -> tuple[str, ...]: ...

    @property
    def faithful(self) -> bool: ...

    @property
    def fixed(self) -> bool: ...

    @property
    def marks(self) -> str: ...

    def open(self, file: BinaryIO, path: str, what: str) -> Table:
        """Looks at a file's beginning.

        Args:
            file: open for reading, not buffered, at its beginning.
            path: its path, for messages.
            what: what people call it ("the table of crm").

        Raises:
            Permanent, Transient: it is none of this kind, or a package is missing.
        """
        ...


@dataclass(frozen=True, slots=True)
class PlainFormat:
    """Implements `Format` for a kind of file that is read in one way only.

    Attributes:
        table: what makes a table of a file, as `Format.open` does.
    """

    suffixes: tuple[str, ...]
    table: Callable[[BinaryIO, str, str], Table]
    faithful: bool
    fixed: bool
    marks: str = ""

    def open(self, file: BinaryIO, path: str, what: str) -> Table:
        """See `Format.open`."""
        return self.table(file, path, what)
