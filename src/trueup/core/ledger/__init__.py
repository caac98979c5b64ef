"""The ledger: the durable memory of all jobs, on SQLite or PostgreSQL. The only place with its SQL.

Every method commits by itself, or with the outermost `Ledger.transaction` around it. A ledger may be used by many threads and processes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from trueup.core.ledger.blobs import Blobs
from trueup.core.ledger.check import check
from trueup.core.ledger.conflicts import Conflicts
from trueup.core.ledger.database import Database, Dialect
from trueup.core.ledger.journal import Journal
from trueup.core.ledger.leases import Leases
from trueup.core.ledger.schema import migrate
from trueup.core.ledger.sqlite import SQLite
from trueup.core.ledger.state import State
from trueup.core.ledger.steps import Steps
from trueup.model.diagnostics import Diagnostic
from trueup.model.errors import ConfigError

if TYPE_CHECKING:
    from trueup.core.ledger.facts import Facts
    from trueup.core.ledger.occurrences import Occurrences
    from trueup.core.ledger.outbox import Outbox
    from trueup.core.ledger.questions import Questions

__all__ = ["Ledger", "open_ledger"]

T = TypeVar("T")


class Ledger:
    """The durable memory.

    Attributes:
        blobs: bodies by digest.
        state: what every collection holds, and what was agreed.
        journal: runs and their changes.
        conflicts: open and closed ones.
        leases: who works on what.
        steps: of pipeline runs.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.blobs = Blobs(database)
        self.state = State(database)
        self.journal = Journal(database)
        self.conflicts = Conflicts(database)
        self.leases = Leases(database)
        self.steps = Steps(database)

    @cached_property
    def occurrences(self) -> Occurrences:
        """What schedules and triggers start; only `serve` needs it."""
        from trueup.core.ledger.occurrences import Occurrences

        return Occurrences(self._database)

    @cached_property
    def facts(self) -> Facts:
        """What jobs remember beside their items; backups need it."""
        from trueup.core.ledger.facts import Facts

        return Facts(self._database)

    @cached_property
    def outbox(self) -> Outbox:
        """Messages that are to be sent."""
        from trueup.core.ledger.outbox import Outbox

        return Outbox(self._database)

    @cached_property
    def questions(self) -> Questions:
        """What people are asked, and what they answered."""
        from trueup.core.ledger.questions import Questions

        return Questions(self._database)

    @property
    def where(self) -> str:
        """The file or address, without a password."""
        return self._database.dialect.where

    @property
    def on_write(self) -> Callable[[str], None] | None:
        """Called with "before:<label>" and "after:<label>" around every commit that writes (crash tests)."""
        return self._database.on_write

    @on_write.setter
    def on_write(self, hook: Callable[[str], None] | None) -> None:
        self._database.on_write = hook

    def now(self) -> float:
        """The time by the ledger's own clock, which is one for all machines that share it; seconds since 1970."""
        return self._database.dialect.clock(self._database)

    def transaction(self, label: str = "transaction", *, durable: bool = True) -> AbstractContextManager[None]:
        """Everything inside, in this thread, is committed together or not at all; may stand inside another.

        Args:
            label: what it is, for `on_write`.
            durable: it survives a power cut; see `Database.transaction`.
        """
        return self._database.transaction(label, durable=durable)

    def commit(self, label: str, do: Callable[[], T], *, durable: bool = True) -> T:
        """What `do` does, in one commit, perhaps together with what other threads do; see `Database.commit`."""
        return self._database.commit(label, do, durable=durable)

    def check(self) -> list[Diagnostic]:
        """Whether it is whole: the database's own check, foreign keys, bodies, orphans, mode of the file, room on the disk."""
        return list(check(self._database))

    def close(self) -> None:
        """Closes all connections."""
        self._database.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_ledger(url_or_path: str) -> Ledger:
    """Opens a ledger; makes it where there is none, and brings an older one up to date.

    Args:
        url_or_path: a path, or postgresql://user:password@host/database.

    Raises:
        ConfigError: neither of the two.
        LedgerError: it cannot be opened, is damaged, or was written by a later version.
    """
    database = Database(_dialect(url_or_path))
    try:
        migrate(database)
    except BaseException:
        database.close()
        raise
    return Ledger(database)


def _dialect(url_or_path: str) -> Dialect:
    scheme = re.match(r"([a-zA-Z][a-zA-Z0-9+.-]*)://", url_or_path)
    if scheme is None:
        return SQLite(Path(url_or_path).expanduser())
    if scheme[1].lower() in ("postgresql", "postgres"):
        from trueup.core.ledger.postgresql import PostgreSQL

        return PostgreSQL(url_or_path)
    raise ConfigError(
        f"a ledger cannot be kept in {scheme[1]}",
        hint="give `ledger:` a path (SQLite) or a postgresql://user@host/database address",
    )
