"""What apply, verify and undo write down: what a side was asked to hold, what it holds, and what all sides agree on."""

from __future__ import annotations

import json
from collections.abc import Sequence

from trueup.core.ledger.database import storable
from trueup.core.ledger.records import REPLICA, Records
from trueup.core.ledger.rows import Replica
from trueup.model.change import ChangeState
from trueup.model.items import Glance

_SETTLING = "CREATE TEMPORARY TABLE IF NOT EXISTS settling (link {int} PRIMARY KEY, whole {int} NOT NULL)"


class Applying(Records):
    """See the module's text."""

    def wrote(self, collection_id: int, href: str, link: int | None, glance: Glance | None, sent: str | None) -> None:
        """Records a write that went through.

        Args:
            collection_id, href: where.
            link: the item's link.
            glance: key and title of the new body; None: as they were.
            sent: digest of the new body, seen there until it is read back; None: it was deleted.
        """
        self.wrote_many(collection_id, [(href, link, glance, sent)])

    def wrote_many(
        self, collection_id: int, writes: Sequence[tuple[str, int | None, Glance | None, str | None]]
    ) -> None:
        """As `wrote`, for many: (href, link, glance, sent), in one commit."""
        deleted = [href for href, _, _, sent in writes if sent is None]
        stored = [(href, link, glance, sent) for href, link, glance, sent in writes if sent is not None]
        with self._db.transaction("state.wrote"):
            # Without an agreed state it does not count as deleted by its owner, whatever becomes of the other sides.
            self._db.write_many(
                "UPDATE replica SET seen = NULL, base = NULL, sent = NULL, kept = NULL, etag = NULL, refused = '', refused_why = '', rival = NULL"
                " WHERE collection = ? AND href = ?",
                [(collection_id, href) for href in deleted],
            )
            bases = self._make_room(collection_id, [(href, link) for href, link, _, _ in stored if link is not None])
            self._db.write_many(
                "INSERT INTO replica (collection, href, seen, sent, base, uid, title, starts, revision)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, (SELECT revision FROM collection WHERE id = ?))"
                " ON CONFLICT (collection, href) DO UPDATE SET seen = excluded.seen, sent = excluded.sent, kept = NULL, etag = NULL,"
                " refused = '', refused_why = '', rival = NULL, uid = COALESCE(NULLIF(excluded.uid, ''), replica.uid),"
                " title = COALESCE(NULLIF(excluded.title, ''), replica.title),"
                " starts = COALESCE(NULLIF(excluded.starts, ''), replica.starts)",
                [
                    (collection_id, href, sent, sent, bases.get(href), *_texts(glance), collection_id)
                    for href, _, glance, sent in stored
                ],
            )
            self._link_written(collection_id, [(href, link) for href, link, _, _ in stored if link is not None])

    def confirm(self, collection_id: int, href: str, etag: str | None, seen: str | None, *, ours: bool = True) -> None:
        """Records what was read back after a write.

        Args:
            collection_id, href: where.
            etag, seen: as they really are; `seen` None: it is not there.
            ours: it is what the store made of what was sent, not somebody's edit since.
        """
        self.confirm_many(collection_id, [(href, etag, seen, ours)])

    def confirm_many(self, collection_id: int, read: Sequence[tuple[str, str | None, str | None, bool]]) -> None:
        """As `confirm`, for many: (href, etag, seen, ours), in one commit."""
        with self._db.transaction("state.confirm"):
            self._db.write_many(
                "UPDATE replica SET etag = ?, seen = ?, kept = CASE WHEN sent IS NULL THEN NULL WHEN ? = 1 THEN ? ELSE kept END"
                " WHERE collection = ? AND href = ?",
                [
                    (None if seen is None else etag, seen, int(ours), seen, collection_id, href)
                    for href, etag, seen, ours in read
                ],
            )

    def settle(self, run_id: str) -> int:
        """Makes what is there now the agreed state, for every link of the run whose changes are all done or left out by rule; in one commit.

        What could not be done at a side that holds nothing of the item (a store that is down, or refuses it) keeps the others from nothing:
        they agree, and the link stays due. A link that was observed to change after the plan was made stays as it was agreed before, and
        due: what was seen there is somebody's edit. Repeating it settles nothing twice.

        Returns:
            How many links were settled.
        """
        with self._db.transaction("state.settle"):
            self._db.write(_SETTLING.format(**self._db.dialect.types))
            self._db.write("DELETE FROM settling")
            over = f"change.state IN ('{ChangeState.VERIFIED}', '{ChangeState.SKIPPED}')"
            count = self._db.write(
                f"INSERT INTO settling (link, whole) SELECT change.link, min(CASE WHEN {over} THEN 1 ELSE 0 END) FROM change"
                " JOIN run ON run.id = change.run"
                " LEFT JOIN collection ON collection.job = run.subject AND collection.ref = change.collection"
                " LEFT JOIN replica ON replica.link = change.link AND replica.collection = collection.id"
                " WHERE change.run = ? AND change.link IS NOT NULL GROUP BY change.link HAVING max(change.settled) = 0"
                f" AND sum(CASE WHEN {over} OR (collection.id IS NOT NULL AND replica.id IS NULL) THEN 0 ELSE 1 END) = 0",
                (run_id,),
            )
            count -= self._leave_changed(run_id)
            self._agree()
            self._db.write(
                "UPDATE change SET settled = 1 WHERE run = ? AND link IN (SELECT link FROM settling)", (run_id,)
            )
            self._db.write("DELETE FROM settling")
        return count

    def agree_alone(self, job: str) -> None:
        """Makes what is there the agreed state of all of a job's items: where there is one collection, nobody can disagree."""
        own = "collection IN (SELECT id FROM collection WHERE job = ?)"
        if self._db.row("SELECT 1 FROM link WHERE job = ? AND due IS NOT NULL LIMIT 1", (job,)) is None:
            return
        with self._db.transaction("state.agree_alone"):
            due = "link IN (SELECT id FROM link WHERE job = ? AND due IS NOT NULL)"
            self._db.write(f"DELETE FROM replica WHERE {own} AND seen IS NULL AND {due}", (job, job))
            self._db.write(
                f"UPDATE replica SET base = seen, sent = NULL, kept = NULL WHERE {own} AND refused = '' AND {due}",
                (job, job),
            )
            self._db.write(
                "UPDATE link SET due = NULL, attempts = 0, error = '', decision = NULL WHERE job = ? AND due IS NOT NULL"
                " AND NOT EXISTS (SELECT 1 FROM replica WHERE replica.link = link.id AND refused <> '')",
                (job,),
            )
            self._drop_empty("job = ?", (job,))

    def restore(self, link_id: int, bases: Sequence[tuple[int, str, str | None, str | None]]) -> None:
        """Puts a link's agreed state of before a run back (undo), and makes it due.

        Args:
            link_id: the link; one whose last replica went comes back.
            bases: (collection, href, base digest, sent digest). A replica that is not there is inserted as gone. Where the link
                stands under another href of the collection by now, that one is meant; an href of another link is left alone.
        """
        with self._db.transaction("state.restore"):
            if not self._db.write("UPDATE link SET dropped = NULL, due = 0 WHERE id = ?", (link_id,)):
                return
            own = {one.collection: one for one in self._replicas_of([link_id])}
            for collection, href, base, sent in bases:
                found = own.get(collection) or self._at(collection, href)
                kept = base if sent else None  # nothing that the store lost on the way is to be made up for
                if found is None:
                    self._db.write(
                        "INSERT INTO replica (collection, href, base, sent, kept, uid, title, starts, link, revision)"
                        " SELECT id, ?, ?, ?, ?, (SELECT key FROM link WHERE id = ?), '', '', ?, revision FROM collection WHERE id = ?",
                        (href, base, sent, kept, link_id, link_id, collection),
                    )
                elif found.link in (None, link_id):
                    self._db.write(
                        "UPDATE replica SET base = ?, sent = ?, kept = ?, link = ? WHERE id = ?",
                        (base, sent, kept, link_id, found.id),
                    )

    def each_agreed(self, collection_id: int, after_href: str, limit: int) -> list[Replica]:
        """Replicas after this href that were once agreed, in order."""
        rows = self._db.rows(
            f"SELECT {REPLICA} FROM replica WHERE collection = ? AND href > ? AND base IS NOT NULL ORDER BY href LIMIT ?",
            (collection_id, after_href, limit),
        )
        return [Replica(*row) for row in rows]

    # --- inside

    def _at(self, collection_id: int, href: str) -> Replica | None:
        row = self._db.row(f"SELECT {REPLICA} FROM replica WHERE collection = ? AND href = ?", (collection_id, href))
        return None if row is None else Replica(*row)

    def _make_room(self, collection_id: int, places: Sequence[tuple[str, int]]) -> dict[str, str | None]:
        """Items that were gone and are written under another href: the old rows go, their agreed state is handed on by href."""
        gone = {
            link: (href, base)
            for link, href, base in self._db.rows_in(
                "SELECT link, href, base FROM replica WHERE collection = ? AND seen IS NULL AND link IN (@)",
                sorted({link for _, link in places}),
                (collection_id,),
            )
        }
        bases: dict[str, str | None] = {}
        for href, link in places:
            old = gone.get(link)
            if old is not None and old[0] != href:
                bases[href] = old[1]
                self._db.write(
                    "DELETE FROM replica WHERE link = ? AND collection = ? AND href <> ? AND seen IS NULL",
                    (link, collection_id, href),
                )
        return bases

    def _link_written(self, collection_id: int, places: Sequence[tuple[str, int]]) -> None:
        """Links what was written; not where the link is forgotten by now or has another replica there: identification decides."""
        self._db.write_many(
            "UPDATE link SET dropped = NULL, due = 0 WHERE id = ? AND dropped IS NOT NULL",
            [(link,) for _, link in places],
        )
        self._db.write_many(
            "UPDATE replica SET link = ? WHERE collection = ? AND href = ? AND EXISTS (SELECT 1 FROM link WHERE id = ?)"
            " AND NOT EXISTS (SELECT 1 FROM replica other WHERE other.link = ? AND other.collection = ? AND other.href <> ?)",
            [(link, collection_id, href, link, link, collection_id, href) for href, link in places],
        )

    def _leave_changed(self, run_id: str) -> int:
        """Takes out links with a replica that moved on since the plan; returns how many."""
        row = self._db.row("SELECT subject, plan FROM run WHERE id = ?", (run_id,))
        based_on = json.loads(row[1]).get("based_on", []) if row and row[1] else []
        return sum(
            self._db.write(
                "DELETE FROM settling WHERE link IN (SELECT link FROM replica WHERE link IS NOT NULL AND revision > ? AND collection ="
                " (SELECT id FROM collection WHERE job = ? AND ref = ?))",
                (one["revision"], row[0], one["collection"]),
            )
            for one in based_on
            if row is not None
        )

    def _agree(self) -> None:
        settling = "link IN (SELECT link FROM settling)"
        # A body that is refused cannot be compared with later: the last one that was understood stays the agreed one.
        # Where nobody wrote what is agreed on (the same edit on all sides), it counts as what we would have written.
        self._db.write(
            "UPDATE replica SET base = seen, sent = CASE WHEN sent IS NULL OR kept = seen THEN sent ELSE seen END,"
            f" kept = CASE WHEN sent IS NULL THEN NULL ELSE seen END WHERE {settling} AND seen IS NOT NULL AND refused = ''"
        )
        self._db.write(f"DELETE FROM replica WHERE {settling} AND seen IS NULL")
        self._db.write("UPDATE link SET decision = NULL WHERE id IN (SELECT link FROM settling)")
        self._db.write(
            "UPDATE link SET due = NULL, attempts = 0, error = '' WHERE id IN (SELECT link FROM settling WHERE whole = 1)"
        )
        self._drop_empty("id IN (SELECT link FROM settling)", ())


def _texts(glance: Glance | None) -> list[str]:
    return [storable(text) for text in (glance.uid, glance.title, glance.starts)] if glance else ["", "", ""]
