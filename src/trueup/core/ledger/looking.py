"""Looking at all records of a collection: in order, how many moved, and which share a value that one alone should have."""

from __future__ import annotations

from collections.abc import Sequence

from trueup.core.ledger.database import storable
from trueup.core.ledger.records import LINK, REPLICA, Records, to_link
from trueup.core.ledger.rows import Link, Replica

_KEYS = (
    "CREATE TEMPORARY TABLE record_key (collection {int} NOT NULL, rule {text} NOT NULL, value {text} NOT NULL, href {text} NOT NULL,"
    " title {text} NOT NULL)"
)


class Looking(Records):
    """See the module's text."""

    def each_live(self, collection_id: int, after_href: str, limit: int) -> list[Replica]:
        """Replicas after this href that are there, in order."""
        rows = self._db.rows(
            f"SELECT {REPLICA} FROM replica WHERE collection = ? AND href > ? AND seen IS NOT NULL ORDER BY href LIMIT ?",
            (collection_id, after_href, limit),
        )
        return [Replica(*row) for row in rows]

    def moved(self, collection_id: int, revision: int) -> int:
        """How many replicas were observed to change, or to go, after the collection had this revision."""
        count: int = self._db.value(
            "SELECT count(*) FROM replica WHERE collection = ? AND revision > ?", (collection_id, revision)
        )
        return count

    def each_link(self, job: str, after_id: int, limit: int) -> list[Link]:
        """Links after this one, due or not, in order of their numbers."""
        rows = self._db.rows(
            f"SELECT {LINK} FROM link WHERE job = ? AND id > ? AND dropped IS NULL ORDER BY id LIMIT ?",
            (job, after_id, limit),
        )
        return [to_link(row) for row in rows]

    def begin_keys(self) -> None:
        """Starts a list of values in this thread; an older one is forgotten."""
        with self._db.scratch():
            self._db.write("DROP TABLE IF EXISTS record_key")
            self._db.write(_KEYS.format(**self._db.dialect.types))
            self._db.write("CREATE INDEX record_key_value ON record_key (collection, rule, value)")

    def add_keys(self, collection_id: int, keys: Sequence[tuple[str, str, str, str]]) -> None:
        """Adds (rule, value, href, title) of a collection's records."""
        with self._db.scratch():
            self._db.write_many(
                "INSERT INTO record_key (collection, rule, value, href, title) VALUES (?, ?, ?, ?, ?)",
                [(collection_id, *map(storable, one)) for one in keys],
            )

    def shared_keys(self, limit: int) -> list[tuple[int, str, str, str, str]]:
        """(collection, rule, value, href, title) of records that share a value with another, two of each at most; at most so many."""
        rows = self._db.rows(
            "SELECT k.collection, k.rule, k.value, k.href, k.title FROM record_key k JOIN (SELECT collection, rule, value, min(href) AS low,"
            " max(href) AS high FROM record_key GROUP BY collection, rule, value HAVING min(href) <> max(href)) s ON s.collection = k.collection"
            " AND s.rule = k.rule AND s.value = k.value AND k.href IN (s.low, s.high) ORDER BY k.collection, k.rule, k.value, k.href LIMIT ?",
            (limit,),
        )
        return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]

    def rival(self, collection_id: int, rule: str, value: str, href: str) -> str:
        """What people call another record of the collection with that value; "" where there is none."""
        row = self._db.row(
            "SELECT title, href FROM record_key WHERE collection = ? AND rule = ? AND value = ? AND href <> ? ORDER BY href LIMIT 1",
            (collection_id, storable(rule), storable(value), href),
        )
        return "" if row is None else str(row[0] or row[1])
