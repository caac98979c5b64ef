"""What the kinds of databases do differently: how they are reached, how they quote, and what their errors mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from trueup.model.errors import Permanent, StoreError


class Exists(Exception):
    """A row with this key is there already."""


class Refused(Exception):
    """The database will not take a row like this; says why."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, whether it must have a value, whether the database alone makes its values, and whether they are bytes."""

    name: str
    required: bool = False
    generated: bool = False
    binary: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """What a table or query looks like.

    Attributes:
        columns: in their order.
        primary: the columns of the primary key.
        unique: the columns of every unique key, the primary one with them.
        versioned: rows have a version of their own (xmin of PostgreSQL).
        writable: it is a table, and may be written.
    """

    columns: tuple[Column, ...]
    primary: tuple[str, ...] = ()
    unique: tuple[frozenset[str], ...] = ()
    versioned: bool = False
    writable: bool = True


class Database(Protocol):
    """One database, connected when it is first asked. May be used from one thread at a time."""

    name: str
    mark: str  # where a value goes

    def literal(self, sql: str) -> str:
        """SQL in which nothing stands for a value."""
        ...

    def quoted(self, name: str) -> str:
        """A name as SQL has it; "schema.table" as two."""
        ...

    def quoted_name(self, name: str) -> str:
        """The name of a column as SQL has it."""
        ...

    def text(self, column: str) -> str:
        """SQL that gives a column as a text (or what `plain` makes one of)."""
        ...

    def tables(self) -> list[str]:
        """The tables of the database that the user may see."""
        ...

    def shape(self, table: str) -> Shape | None:
        """What a table looks like; None where there is none."""
        ...

    def query_shape(self, query: str) -> Shape:
        """What a query gives."""
        ...

    def rows(self, sql: str, values: Sequence[object] = ()) -> Iterator[Sequence[Any]]:
        """The rows of a SELECT as they come. Raises StoreError."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """What happens within is committed at its end, or not at all.

        Raises:
            Lost: whether it was committed is not known.
        """
        ...

    def savepoint(self) -> AbstractContextManager[None]:
        """What happens within is taken back where it fails, and what happened before is not."""
        ...

    def execute(self, sql: str, values: Sequence[object]) -> int:
        """Runs one statement; how many rows it changed.

        Raises:
            Exists, Refused: for the reason that the database gives.
            StoreError: it is gone.
        """
        ...

    def locking(self) -> str:
        """What is put behind a SELECT so that nobody changes the rows before the transaction ends."""
        ...

    def still(self) -> str:
        """A text that is another one whenever anything in the database may have changed; "": it cannot tell."""
        ...

    def younger_than(self, column: str, seconds: float) -> str:
        """SQL that says whether a time was less than so long ago, by the database's clock."""
        ...

    def close(self) -> None:
        """Gives the connection back."""
        ...


class BadValue(Permanent):
    """A value in a query is none of its column's type: no row can have it."""


class Lost(StoreError):
    """The connection was lost while a transaction was being committed: it may have taken effect."""
