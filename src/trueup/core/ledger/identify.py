"""Identity in the ledger: which replicas belong to one link.

A link has at most one replica in each collection (a unique index keeps that). Everything here may be repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from trueup.core.ledger.database import chunks
from trueup.core.ledger.reading import DUPLICATE
from trueup.core.ledger.records import LINK, REPLICA, Records, prefixed, to_link
from trueup.core.ledger.rows import Link, Replica

_PAGE = 1000
_UNLINKED = "link IS NULL AND seen IS NOT NULL AND refused = ''"  # as in the index


class Identify(Records):
    """See the module's text."""

    def adopt_renamed(self, job: str) -> None:
        """An item that is gone and one that is new in the same collection, with the same UID, are one that was renamed.

        The new replica takes over link, agreed state and what was sent; the old row goes.
        """
        rows = self._db.rows(
            "SELECT old.id, old.link, min(new.id) FROM replica old"
            " JOIN replica new ON new.collection = old.collection AND new.uid = old.uid"
            " WHERE old.collection IN (SELECT id FROM collection WHERE job = ?) AND old.seen IS NULL AND old.link IS NOT NULL"
            " AND new.link IS NULL AND new.seen IS NOT NULL AND new.refused = '' AND new.uid <> ''"
            " GROUP BY old.id, old.link ORDER BY old.id",
            (job,),
        )
        heirs: dict[int, tuple[int, int]] = {}
        for old, link, new in rows:
            heirs.setdefault(new, (old, link))
        if not heirs:
            return
        with self._db.transaction("state.adopt_renamed"):
            for new, (old, link) in heirs.items():
                self._succeed(old, new, link)
            self._wake(link for _, link in heirs.values())

    def unlinked(self, job: str, refs: Sequence[str], after: tuple[str, int], limit: int) -> list[Replica]:
        """Replicas that are there, not refused and not linked, in these collections, ordered by (uid, id)."""
        rows = self._merged(
            f"SELECT {REPLICA} FROM replica WHERE collection = ? AND {_UNLINKED} AND (uid, id) > (?, ?) ORDER BY uid, id LIMIT ?",
            self._ids(job, refs),
            after,
            limit,
            key=lambda row: (row[7], row[0]),
        )
        return [Replica(*row) for row in rows]

    def attach(self, job: str, pairs: Sequence[tuple[int, str]]) -> None:
        """Links replicas, in one commit.

        Args:
            job: the job.
            pairs: replica and key of its link; the link is made when missing, and is due. Where the link has a live replica in
                the same collection, this one is refused as a duplicate that names the other; one that is gone is succeeded.
        """
        with self._db.transaction("state.attach"):
            keys = dict(pairs)
            replicas = self._by_id(keys)
            wanted = [
                (replicas[number], key)
                for number, key in keys.items()
                if number in replicas and replicas[number].link is None
            ]
            links = self._links(job, {key for _, key in wanted})
            self._attach([(one, links[key]) for one, key in wanted])

    def new_link(self, job: str, key: str) -> int:
        """The link with this key, made when missing, due: an item that stands nowhere yet and is to be brought back."""
        with self._db.transaction("state.new_link"):
            number = self._links(job, {key})[key]
            self._db.write("UPDATE link SET due = 0, dropped = NULL WHERE id = ?", (number,))
        return number

    def attach_known(self, job: str, refs: Sequence[str]) -> None:
        """Links what is unlinked in these collections and has the UID of a link's key (the targets of a one-way job)."""
        for number in self._ids(job, refs):
            after = ("", 0)
            while rows := self._db.rows(
                "SELECT r.id, l.key FROM replica r JOIN link l ON l.job = ? AND l.key = r.uid"
                " WHERE r.collection = ? AND r.link IS NULL AND r.seen IS NOT NULL AND r.refused = '' AND (r.uid, r.id) > (?, ?)"
                " ORDER BY r.uid, r.id LIMIT ?",
                (job, number, *after, _PAGE),
            ):
                self.attach(job, [(row[0], row[1]) for row in rows])
                after = (rows[-1][1], rows[-1][0])

    def release_duplicates(self, job: str) -> None:
        """Duplicates whose rival is gone are looked at again."""
        where = (
            f"refused <> '' AND refused = '{DUPLICATE}' AND collection IN (SELECT id FROM collection WHERE job = ?) AND NOT EXISTS"
            " (SELECT 1 FROM replica other WHERE other.link = replica.rival AND other.collection = replica.collection"
            " AND other.seen IS NOT NULL)"
        )
        if self._db.row(f"SELECT 1 FROM replica WHERE {where} LIMIT 1", (job,)) is None:
            return
        with self._db.transaction("state.release_duplicates"):
            self._db.write(f"UPDATE replica SET refused = '', refused_why = '', rival = NULL WHERE {where}", (job,))

    def lonely(self, job: str, after_id: int, limit: int) -> list[tuple[Link, list[Replica]]]:
        """Links after this one that were never agreed and that at least one of the job's collections lacks, with the replicas
        that are there."""
        collections = self._ids(job)
        found: list[int] = []
        for candidates in self._never_agreed(collections, after_id):
            found += [
                row[0]
                for row in self._db.rows_in(
                    "SELECT link FROM replica WHERE link IN (@) GROUP BY link"
                    f" HAVING count(base) = 0 AND count(seen) > 0 AND count(seen) < {len(collections)} ORDER BY link",
                    candidates,
                )
            ]
            if len(found) >= limit:
                break
        return self._with_replicas(found[:limit])

    def lacking(
        self, job: str, collections: Sequence[int], after_id: int, limit: int
    ) -> list[tuple[Link, list[Replica]]]:
        """Links after this one that were agreed and of which one of these collections has never heard, with all their replicas."""
        marks = ", ".join("?" * len(collections))
        rows = self._db.rows(
            f"SELECT {LINK} FROM link WHERE job = ? AND id > ? AND dropped IS NULL"
            " AND EXISTS (SELECT 1 FROM replica WHERE replica.link = link.id AND replica.base IS NOT NULL AND replica.seen IS NOT NULL)"
            f" AND (SELECT count(*) FROM replica WHERE replica.link = link.id AND replica.collection IN ({marks})) < ?"
            " ORDER BY id LIMIT ?",
            (job, after_id, *collections, len(collections), limit),
        )
        links = [to_link(row) for row in rows]
        replicas: dict[int, list[Replica]] = {}
        for one in self._replicas_of([link.id for link in links]):
            replicas.setdefault(one.link or 0, []).append(one)
        return [(link, replicas[link.id]) for link in links]

    def merge_links(self, keep: int, drop: int) -> None:
        """Makes two links one: `drop`'s replicas go to `keep`, which is due; `drop` is deleted."""
        with self._db.transaction("state.merge_links"):
            moving = [one for one in self._replicas_of([drop]) if one.seen is not None]
            self._db.write("DELETE FROM replica WHERE link = ? AND seen IS NULL", (drop,))
            self._db.write("UPDATE replica SET link = NULL WHERE link = ?", (drop,))
            self._attach([(one, keep) for one in moving])
            self._db.write("UPDATE replica SET rival = ? WHERE rival = ? AND refused <> ''", (keep, drop))
            self._db.write("DELETE FROM link WHERE id = ?", (drop,))

    def links_of(self, collection_id: int, uid: str) -> set[int]:
        """The links of what a collection holds under this key."""
        rows = self._db.rows(
            "SELECT link FROM replica WHERE collection = ? AND uid = ? AND link IS NOT NULL", (collection_id, uid)
        )
        return {row[0] for row in rows}

    def separate(self, link_id: int) -> None:
        """Takes a link apart: each of its replicas is new again, and is linked by its own key."""
        with self._db.transaction("state.separate"):
            self._db.write("DELETE FROM replica WHERE link = ? AND seen IS NULL", (link_id,))
            self._db.write(
                "UPDATE replica SET link = NULL, base = NULL, sent = NULL, kept = NULL WHERE link = ?", (link_id,)
            )
            self._drop_empty("id = ?", (link_id,))

    # --- inside

    def _attach(self, wanted: Sequence[tuple[Replica, int]]) -> None:
        holders = {(one.link, one.collection): one for one in self._replicas_of({link for _, link in wanted})}
        linked: list[tuple[int, int]] = []
        duplicates: list[tuple[str, str, int, int]] = []
        for one, link in wanted:
            holder = holders.get((link, one.collection))
            if holder is not None and holder.seen is not None:
                duplicates.append((DUPLICATE, _why(holder), link, one.id))
                continue
            if holder is not None:
                self._succeed(holder.id, one.id, link)
            else:
                linked.append((link, one.id))
            holders[link, one.collection] = one
        self._db.write_many("UPDATE replica SET link = ? WHERE id = ?", linked)
        self._db.write_many("UPDATE replica SET refused = ?, refused_why = ?, rival = ? WHERE id = ?", duplicates)
        joined = {link for one, link in wanted if holders[link, one.collection] is one}
        self._db.write_in("UPDATE link SET due = 0, dropped = NULL WHERE id IN (@)", joined)

    def _succeed(self, old: int, new: int, link: int) -> None:
        """The new replica takes the place of one that is gone."""
        base, sent, kept = self._db.rows("SELECT base, sent, kept FROM replica WHERE id = ?", (old,))[0]
        self._db.write("DELETE FROM replica WHERE id = ?", (old,))
        self._db.write(
            "UPDATE replica SET link = ?, base = ?, sent = ?, kept = ? WHERE id = ?", (link, base, sent, kept, new)
        )

    def _links(self, job: str, keys: Iterable[str]) -> dict[str, int]:
        """The numbers of the links with these keys; made when missing."""
        ordered = sorted(keys)
        known = self._numbers(job, ordered)
        missing = [(job, key) for key in ordered if key not in known]
        if missing:
            self._db.write_many(
                "INSERT INTO link (job, key, due) VALUES (?, ?, 0) ON CONFLICT (job, key) DO NOTHING", missing
            )
            known |= self._numbers(job, [key for _, key in missing])
        return known

    def _numbers(self, job: str, keys: Sequence[str]) -> dict[str, int]:
        return {
            row[0]: row[1]
            for row in self._db.rows_in("SELECT key, id FROM link WHERE job = ? AND key IN (@)", keys, (job,))
        }

    def _by_id(self, numbers: Iterable[int]) -> dict[int, Replica]:
        rows = self._db.rows_in(f"SELECT {REPLICA} FROM replica WHERE id IN (@)", numbers)
        return {row[0]: Replica(*row) for row in rows}

    def _never_agreed(self, collections: Sequence[int], after: int) -> Iterator[list[int]]:
        """Pages of links, in order, that have a replica which was never agreed."""
        while rows := self._merged(
            "SELECT link FROM replica WHERE collection = ? AND base IS NULL AND link > ? ORDER BY link LIMIT ?",
            collections,
            (after,),
            _PAGE,
            key=lambda row: row[0],
        ):
            after = rows[-1][0]
            yield sorted({row[0] for row in rows})

    def _with_replicas(self, links: Sequence[int]) -> list[tuple[Link, list[Replica]]]:
        rows = self._db.rows_in(f"SELECT {prefixed(LINK, 'link')} FROM link WHERE id IN (@) ORDER BY id", links)
        replicas: dict[int, list[Replica]] = {}
        for part in chunks(links):
            for one in self._replicas_of(part):
                if one.link is not None and one.seen is not None:
                    replicas.setdefault(one.link, []).append(one)
        return [(to_link(row), replicas[row[0]]) for row in rows]


def _why(holder: Replica) -> str:
    name = f"“{holder.title}”" if holder.title else holder.href
    when = f" ({holder.starts})" if holder.starts else ""
    return f"another item of the collection has the same UID: {name}{when}"
