"""Reading rows of the state tables: the columns of each, in the order of its dataclass."""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, TypeVar

from trueup.core.ledger.database import Database, Row
from trueup.core.ledger.rows import CollectionRow, Link, Replica
from trueup.model.errors import Bug

T = TypeVar("T")

COLLECTION = "id, job, ref, cursor, revision, read_at, listed_at"
REPLICA = "id, collection, href, etag, seen, base, sent, uid, title, starts, link, revision, refused, refused_why, kept"
LINK = "id, key, due, attempts, error, decision"


def prefixed(columns: str, table: str) -> str:
    """The columns with the table's name in front."""
    return ", ".join(f"{table}.{column}" for column in columns.split(", "))


def to_link(row: Row) -> Link:
    """A row of LINK columns."""
    number, key, due, attempts, error, decision = row
    return Link(number, key, due, attempts, error, None if decision is None else json.loads(decision))


def to_json(value: Any) -> str:
    """JSON as the ledger keeps it."""
    return json.dumps(value, separators=(",", ":"))


class Records:
    """What the parts of `State` share."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def _collection(self, collection_id: int) -> CollectionRow:
        row = self._db.row(f"SELECT {COLLECTION} FROM collection WHERE id = ?", (collection_id,))
        if row is None:
            raise Bug(f"the ledger has no collection number {collection_id}", where=self._db.dialect.where)
        return CollectionRow(*row)

    def _ids(self, job: str, refs: Iterable[str] | None = None) -> list[int]:
        """The numbers of a job's collections, or of those with these names."""
        rows = self._db.rows("SELECT id, ref FROM collection WHERE job = ? ORDER BY id", (job,))
        wanted = None if refs is None else set(refs)
        return [number for number, ref in rows if wanted is None or ref in wanted]

    def _replicas_of(self, links: Iterable[int]) -> list[Replica]:
        rows = self._db.rows_in(f"SELECT {REPLICA} FROM replica WHERE link IN (@) ORDER BY link, collection", links)
        return [Replica(*row) for row in rows]

    def _merged(
        self, statement: str, collections: Iterable[int], values: Sequence[Any], limit: int, key: Callable[[Row], Any]
    ) -> list[Row]:
        """One page over several collections: each gives its own page through an index, in order of `key`."""
        pages = [self._db.rows(statement, (number, *values, limit)) for number in collections]
        return list(islice(heapq.merge(*pages, key=key), limit))

    def _wake(self, links: Iterable[int]) -> None:
        """Something about these links changed: the planner looks at them now, whatever went wrong before."""
        self._db.write_in("UPDATE link SET due = 0, attempts = 0, error = '' WHERE id IN (@)", links)

    def _drop_empty(self, where: str, values: Sequence[Any]) -> None:
        """Drops links without a replica; their numbers and keys stay for undo until they are pruned."""
        self._db.write(
            "UPDATE link SET dropped = ?, due = NULL, attempts = 0, error = '', decision = NULL WHERE dropped IS NULL"
            f" AND {where} AND NOT EXISTS (SELECT 1 FROM replica WHERE replica.link = link.id)",
            (self._db.now(), *values),
        )
