"""What the planner asks of the ledger: which links are due, and what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trueup.core.ledger.database import storable
from trueup.core.ledger.records import LINK, REPLICA, Records, to_json, to_link
from trueup.core.ledger.rows import Link, Replica


class Planning(Records):
    """See the module's text."""

    def due_links(self, job: str, now: float, after_id: int, limit: int) -> list[Link]:
        """Links after this one that have to be looked at by now, in order of their numbers."""
        rows = self._db.rows(
            f"SELECT {LINK} FROM link WHERE job = ? AND id > ? AND due IS NOT NULL AND due <= ? ORDER BY id LIMIT ?",
            (job, after_id, now, limit),
        )
        return [to_link(row) for row in rows]

    def replicas(self, link_ids: Sequence[int]) -> dict[int, list[Replica]]:
        """All replicas of these links, gone ones too."""
        result: dict[int, list[Replica]] = {}
        for one in self._replicas_of(link_ids):
            if one.link is not None:
                result.setdefault(one.link, []).append(one)
        return result

    def link(self, link_id: int) -> Link | None:
        """One link; None where there is none, or its last replica went."""
        row = self._db.row(f"SELECT {LINK} FROM link WHERE id = ? AND dropped IS NULL", (link_id,))
        return None if row is None else to_link(row)

    def replica(self, collection_id: int, href: str) -> Replica | None:
        """One replica, gone or not; None where the href is not known."""
        row = self._db.row(f"SELECT {REPLICA} FROM replica WHERE collection = ? AND href = ?", (collection_id, href))
        return None if row is None else Replica(*row)

    def quarantined(self, job: str, now: float) -> list[tuple[Link, Replica]]:
        """Links that failed and wait, each with a replica for its title (one that is there, if any)."""
        rows = self._db.rows(
            f"SELECT {LINK} FROM link WHERE job = ? AND attempts > 0 AND due > ? ORDER BY id", (job, now)
        )
        links = [to_link(row) for row in rows]
        replicas = self.replicas([link.id for link in links])
        named = [(link, sorted(replicas.get(link.id, []), key=lambda one: one.seen is None)) for link in links]
        return [(link, found[0]) for link, found in named if found]

    def refused(self, job: str, after_id: int, limit: int) -> list[Replica]:
        """Replicas after this one that are left alone, with the reason, in order of their numbers."""
        rows = self._merged(
            f"SELECT {REPLICA} FROM replica WHERE collection = ? AND refused <> '' AND id > ? ORDER BY id LIMIT ?",
            self._ids(job),
            (after_id,),
            limit,
            key=lambda row: row[0],
        )
        return [Replica(*row) for row in rows]

    def mark_all_due(self, job: str) -> None:
        """The job's configuration changed: every item is looked at again."""
        with self._db.transaction("state.mark_all_due"):
            self._db.write("UPDATE link SET due = 0 WHERE job = ? AND dropped IS NULL", (job,))

    def park(self, link_id: int, due: float | None) -> None:
        """Leaves an item alone until then (seconds since 1970), or until something changes (None)."""
        with self._db.transaction("state.park"):
            self._db.write("UPDATE link SET due = ? WHERE id = ?", (due, link_id))

    def quarantine(self, link_id: int, due: float, error: str) -> None:
        """Leaves an item alone until then because it failed; counts the failures in a row."""
        with self._db.transaction("state.quarantine"):
            self._db.write(
                "UPDATE link SET due = ?, attempts = attempts + 1, error = ? WHERE id = ?",
                (due, storable(error), link_id),
            )

    def decide(self, link_id: int, decision: dict[str, Any] | None) -> None:
        """Keeps what a person decided about an item, and makes it due; None forgets the decision."""
        with self._db.transaction("state.decide"):
            if decision is None:
                self._db.write("UPDATE link SET decision = NULL WHERE id = ?", (link_id,))
            else:
                self._db.write("UPDATE link SET decision = ?, due = 0 WHERE id = ?", (to_json(decision), link_id))
