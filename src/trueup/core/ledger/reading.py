"""Reading one collection: its listing, what has to be fetched, what was observed, what is gone.

A listing lies in a temporary table of the thread's session, so that memory does not grow with it. While a reading is under way, every
replica that changed gets the collection's revision plus one; `end_listing` moves the collection there. After a crash in between,
the next reading finds those replicas still ahead of the collection and moves it all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from trueup.core.ledger.database import storable
from trueup.core.ledger.records import COLLECTION, REPLICA, Records
from trueup.core.ledger.rows import CollectionRow, Counts, JobRow, Observed, Replica
from trueup.model.errors import Bug, LedgerError
from trueup.model.items import Entry

DUPLICATE = "duplicate-uid"

_LISTING = "CREATE TEMPORARY TABLE {name} (href {text} PRIMARY KEY, etag {text}, gone {int} NOT NULL){clustered}"

_GONE = "seen = NULL, etag = NULL, refused = '', refused_why = '', rival = NULL, revision = ?"


class Reading(Records):
    """See the module's text."""

    def begin_listing(self, collection_id: int) -> None:
        """Starts a listing of this collection in this thread; one that was begun and not ended is forgotten."""
        name = _listing(collection_id)
        with self._db.scratch():
            self._db.write(f"DROP TABLE IF EXISTS {name}")
            self._db.write(_LISTING.format(name=name, **self._db.dialect.types))
        self._db.session.listings.add(collection_id)

    def add_listing(self, collection_id: int, entries: Sequence[Entry], gone: Sequence[str]) -> None:
        """Adds a page: what is there, and hrefs that are gone. The last word on a href counts."""
        self._require_listing(collection_id)
        rows = [(entry.href, entry.etag, 0) for entry in entries]
        rows += [(href, None, 1) for href in gone]
        with self._db.scratch():
            self._db.write_many(
                f"INSERT INTO {_listing(collection_id)} (href, etag, gone) VALUES (?, ?, ?)"
                " ON CONFLICT (href) DO UPDATE SET etag = excluded.etag, gone = excluded.gone",
                rows,
            )

    def to_fetch(self, collection_id: int, after: str, limit: int) -> list[str]:
        """Hrefs after this one, in order, whose body must be fetched: unknown, another etag, no etag to tell by, or not handed out the
        last time (whether the listing names it or not)."""
        self._require_listing(collection_id)
        name, values = _listing(collection_id), (collection_id, after, limit)
        listed = self._db.rows(
            f"SELECT l.href FROM {name} l LEFT JOIN replica r ON r.collection = ? AND r.href = l.href"
            " WHERE l.href > ? AND l.gone = 0"
            " AND (l.etag IS NULL OR r.etag IS NULL OR r.seen IS NULL OR l.etag <> r.etag) ORDER BY l.href LIMIT ?",
            values,
        )
        withheld = self._db.rows(
            "SELECT href FROM replica WHERE collection = ? AND href > ? AND refused <> '' AND etag IS NULL AND seen IS NOT NULL"
            f" AND href NOT IN (SELECT href FROM {name} WHERE gone = 1) ORDER BY href LIMIT ?",
            values,
        )
        return sorted({row[0] for row in (*listed, *withheld)})[:limit]

    def vanished(self, collection_id: int, full: bool, after: str, limit: int) -> list[str]:
        """Hrefs after this one, in order, that the ledger takes to be there and the listing for gone."""
        self._require_listing(collection_id)
        rows = self._db.rows(
            f"SELECT href FROM replica WHERE collection = ? AND href > ? AND {self._vanished(collection_id, full)}"
            " ORDER BY href LIMIT ?",
            (collection_id, after, limit),
        )
        return [row[0] for row in rows]

    def listed_count(self, collection_id: int) -> int:
        """How many items the listing names as being there."""
        self._require_listing(collection_id)
        count: int = self._db.value(f"SELECT count(*) FROM {_listing(collection_id)} WHERE gone = 0")
        return count

    def observe(self, collection_id: int, rows: Sequence[Observed]) -> int:
        """Records what was fetched, in one commit; returns how many are new or have another body than before.

        A changed one wakes its link. A body that is refused now keeps the link, base, key and title it had: it must never look like
        a deletion. Equal bodies only move the etag and what refuses them. An item that the store would not hand out (`seen` is "")
        keeps the body that was last seen. Another key under the same href is another item: the old one is gone.
        """
        with self._db.transaction("state.observe"):
            revision = self._collection(collection_id).revision + 1
            latest = {row.href: row for row in rows}
            known = self._known(collection_id, latest)
            new = [row for href, row in latest.items() if href not in known]
            old = [(row, known[href]) for href, row in latest.items() if href in known]
            changed = [(row, was) for row, was in old if not _same_body(row, was)]
            equal = [(row, was) for row, was in old if _same_body(row, was)]
            self._insert(collection_id, revision, new)
            self._part_with(revision, [was.id for row, was in changed if row.uid and was.uid and row.uid != was.uid])
            self._update(revision, changed)
            woken = self._refresh(equal) + [was.link for _, was in changed]
            self._wake(link for link in woken if link is not None)
        return len(new) + len(changed)

    def missing(self, collection_id: int, hrefs: Sequence[str]) -> int:
        """Records that these hrefs were listed but were gone when fetched; returns how many had been there."""
        with self._db.transaction("state.missing"):
            revision = self._collection(collection_id).revision + 1
            statement = f"UPDATE replica SET {_GONE} WHERE collection = ? AND seen IS NOT NULL AND href IN (@)"
            count = self._db.write_in(statement, hrefs, (revision, collection_id))
            self._wake_gone(collection_id, revision)
        return count

    def end_listing(self, collection_id: int, full: bool, cursor: str | None, now: float) -> tuple[int, int]:
        """Ends the reading, in one commit, and forgets the listing.

        Args:
            collection_id: the collection.
            full: what the listing does not name is gone.
            cursor: for the next reading.
            now: when it was read.

        Returns:
            How many items are new or changed, and how many are gone, since the reading before.
        """
        self._require_listing(collection_id)
        with self._db.transaction("state.end_listing"):
            revision = self._collection(collection_id).revision + 1
            self._mark_gone(collection_id, revision, full)
            self._wake_gone(collection_id, revision)
            at = (collection_id, revision)
            gone = self._db.value(
                "SELECT count(*) FROM replica WHERE collection = ? AND revision = ? AND seen IS NULL", at
            )
            changed = self._db.value("SELECT count(*) FROM replica WHERE collection = ? AND revision = ?", at) - gone
            self._db.write(
                "DELETE FROM replica WHERE collection = ? AND seen IS NULL AND link IS NULL AND base IS NULL",
                (collection_id,),
            )
            self._db.write(
                "UPDATE collection SET cursor = ?, read_at = ?, revision = revision + ?,"
                " listed_at = CASE WHEN ? = 1 THEN ? ELSE listed_at END WHERE id = ?",
                (cursor, now, int(changed + gone > 0), int(full), now, collection_id),
            )
            self._db.write(f"DROP TABLE {_listing(collection_id)}")
        self._db.session.listings.discard(collection_id)
        return changed, gone

    def changed_since(self, collection_id: int, revision: int, limit: int) -> list[Replica]:
        """Replicas that were observed to change, or to go, after the collection had this revision."""
        rows = self._db.rows(
            f"SELECT {REPLICA} FROM replica WHERE collection = ? AND revision > ? ORDER BY revision, id LIMIT ?",
            (collection_id, revision, limit),
        )
        return [Replica(*row) for row in rows]

    def counts(self, collection_id: int) -> Counts:
        """How many items are there, agreed, and both. Counted by what is missing: indexes on that are short."""
        one = (collection_id,)
        total = self._db.value("SELECT count(*) FROM replica WHERE collection = ?", one)
        gone = self._db.value("SELECT count(*) FROM replica WHERE collection = ? AND seen IS NULL", one)
        new = self._db.value("SELECT count(*) FROM replica WHERE collection = ? AND base IS NULL", one)
        both = self._db.value(
            "SELECT count(*) FROM replica WHERE collection = ? AND seen IS NULL AND base IS NULL", one
        )
        return Counts(total - gone, total - new, total - gone - new + both)

    # --- jobs and their collections

    def job(self, name: str) -> JobRow | None:
        """The job as `save_job` left it."""
        row = self._db.row("SELECT name, digest, shape, collections FROM job WHERE name = ?", (name,))
        return None if row is None else JobRow(row[0], row[1], row[2], tuple(row[3].split("\n")) if row[3] else ())

    def save_job(self, name: str, digest: str, shape: str, collections: Iterable[str]) -> None:
        """Remembers what the job was like."""
        with self._db.transaction("state.save_job"):
            self._db.write(
                "INSERT INTO job (name, digest, shape, collections) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE"
                " SET digest = excluded.digest, shape = excluded.shape, collections = excluded.collections",
                (name, digest, shape, "\n".join(collections)),
            )

    def collection(self, job: str, ref: str) -> CollectionRow:
        """The row of a job's collection; made when missing."""
        query = f"SELECT {COLLECTION} FROM collection WHERE job = ? AND ref = ?"
        row = self._db.row(query, (job, ref))
        if row is None:
            with self._db.transaction("state.collection"):
                self._db.write(
                    "INSERT INTO collection (job, ref) VALUES (?, ?) ON CONFLICT (job, ref) DO NOTHING", (job, ref)
                )
            row = self._db.rows(query, (job, ref))[0]
        return CollectionRow(*row)

    def collections(self, job: str) -> list[CollectionRow]:
        """The job's collections, in the order in which they came."""
        rows = self._db.rows(f"SELECT {COLLECTION} FROM collection WHERE job = ? ORDER BY id", (job,))
        return [CollectionRow(*row) for row in rows]

    def forget_agreement(self, collection_id: int) -> None:
        """What was agreed with a collection is agreed anew, item by item, as with one that joins late; its items stay linked."""
        with self._db.transaction("state.forget_agreement"):
            self._db.write(
                "UPDATE replica SET base = NULL, sent = NULL, kept = NULL, etag = NULL WHERE collection = ?",
                (collection_id,),
            )
            self._db.write(
                "UPDATE link SET due = 0 WHERE id IN (SELECT link FROM replica WHERE collection = ?)", (collection_id,)
            )

    def forget_collection(self, collection_id: int) -> None:
        """Forgets a collection and its replicas; links that are left without a replica go too."""
        with self._db.transaction("state.forget_collection"):
            job = self._collection(collection_id).job
            self._db.write("DELETE FROM replica WHERE collection = ?", (collection_id,))
            self._db.write("DELETE FROM collection WHERE id = ?", (collection_id,))
            self._drop_empty("job = ?", (job,))

    # --- inside

    def _require_listing(self, collection_id: int) -> None:
        if collection_id in self._db.session.listings:
            return
        if self._db.dialect.name == "SQLite":
            raise Bug(f"no listing of collection {collection_id} was begun in this thread")
        raise LedgerError(
            "the connection to the ledger was lost while a collection was being read",
            where=self._db.dialect.where,
            hint="run the same command again; nothing was changed",
        )

    def _known(self, collection_id: int, hrefs: Iterable[str]) -> dict[str, _Known]:
        rows = self._db.rows_in(
            "SELECT href, id, seen, link, etag, refused, uid FROM replica WHERE collection = ? AND href IN (@)",
            hrefs,
            (collection_id,),
        )
        return {row[0]: _Known(*row[1:]) for row in rows}

    def _insert(self, collection_id: int, revision: int, rows: Sequence[Observed]) -> None:
        self._db.write_many(
            "INSERT INTO replica (collection, revision, href, etag, seen, uid, title, starts, refused, refused_why)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(collection_id, revision, row.href, *_content(row)) for row in rows],
        )

    def _update(self, revision: int, rows: Sequence[tuple[Observed, _Known]]) -> None:
        """Other bodies. What a refused one does not tell (key, title) stays as it was."""
        self._db.write_many(
            "UPDATE replica SET revision = ?, etag = ?, seen = ?, uid = COALESCE(NULLIF(?, ''), uid),"
            " title = CASE WHEN ? <> '' THEN title ELSE ? END, starts = CASE WHEN ? <> '' THEN starts ELSE ? END,"
            " refused = ?, refused_why = ?, rival = NULL WHERE id = ?",
            [
                (revision, etag, seen, uid, refused, title, refused, starts, refused, why, was.id)
                for (etag, seen, uid, title, starts, refused, why), was in ((_content(row), was) for row, was in rows)
            ],
        )

    def _part_with(self, revision: int, numbers: Sequence[int]) -> None:
        """The item that stood under an href gives way to another: what was agreed about it stays, under a name that no store has."""
        for number in numbers:
            old = self._db.rows(
                "SELECT collection, href, base, sent, kept, uid, title, starts, link FROM replica WHERE id = ?",
                (number,),
            )[0]
            self._db.write(
                "UPDATE replica SET link = NULL, base = NULL, sent = NULL, kept = NULL WHERE id = ?", (number,)
            )
            collection, href, *rest = old
            if old[-1] is not None:
                self._db.write(
                    "INSERT INTO replica (collection, href, base, sent, kept, uid, title, starts, link, revision)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (collection, href) DO NOTHING",
                    (collection, f"{href}\x1f{number}.{revision}", *rest, revision),
                )

    def _refresh(self, rows: Sequence[tuple[Observed, _Known]]) -> list[int | None]:
        """Equal bodies: the etag, and what refuses them; a duplicate stays one until identification finds otherwise.

        Returns:
            The links for which the refusal changed.
        """
        moved = [(row, was) for row, was in rows if row.etag != was.etag]
        self._db.write_many("UPDATE replica SET etag = ? WHERE id = ?", [(row.etag, was.id) for row, was in moved])
        turned = [
            (row, was) for row, was in rows if row.refused != was.refused and (row.refused or was.refused != DUPLICATE)
        ]
        self._db.write_many(
            "UPDATE replica SET refused = ?, refused_why = ? WHERE id = ?",
            [(row.refused, storable(row.refused_why), was.id) for row, was in turned],
        )
        return [was.link for _, was in turned]

    def _mark_gone(self, collection_id: int, revision: int, full: bool) -> None:
        self._db.write(
            f"UPDATE replica SET {_GONE} WHERE collection = ? AND {self._vanished(collection_id, full)}",
            (revision, collection_id),
        )

    def _vanished(self, collection_id: int, full: bool) -> str:
        there = f"SELECT href FROM {_listing(collection_id)} WHERE gone ="
        return "seen IS NOT NULL AND href" + (f" NOT IN ({there} 0)" if full else f" IN ({there} 1)")

    def _wake_gone(self, collection_id: int, revision: int) -> None:
        self._db.write(
            "UPDATE link SET due = 0, attempts = 0, error = '' WHERE id IN"
            " (SELECT link FROM replica WHERE collection = ? AND revision = ? AND seen IS NULL)",
            (collection_id, revision),
        )


def _listing(collection_id: int) -> str:
    """The name of the temporary table."""
    return f"listing_{collection_id:d}"


class _Known(NamedTuple):
    """What the ledger has of an href."""

    id: int
    seen: str | None
    link: int | None
    etag: str | None
    refused: str
    uid: str


def _same_body(row: Observed, was: _Known) -> bool:
    return was.seen is not None if row.seen == "" else was.seen == row.seen


def _content(row: Observed) -> tuple[str | None, ...]:
    texts = (row.uid, row.title, row.starts, row.refused, row.refused_why)
    return (row.etag, row.seen, *(storable(text) for text in texts))
