"""Keys of one item that differ from side to side: what was found to be the same keeps the key that each side knows it by."""

from __future__ import annotations

from collections.abc import Iterable

from trueup.core.ledger.records import Records


class Aliases(Records):
    """See the module's text."""

    def link_keys(self, job: str, uids: Iterable[str]) -> dict[str, tuple[str, str]]:
        """Of keys that items of a job's collections have: the key and title of the item that each of them is. One that is the key of two
        different items is left out."""
        wanted, found = list(uids), dict[str, set[str]]()
        titles: dict[str, str] = {}
        for collection in self._ids(job):
            rows = self._db.rows_in(
                "SELECT replica.uid, link.key, replica.title FROM replica JOIN link ON link.id = replica.link"
                " WHERE replica.collection = ? AND replica.uid IN (@)",
                wanted,
                (collection,),
            )
            for uid, key, title in rows:
                found.setdefault(uid, set()).add(key)
                titles[uid] = title or titles.get(uid, "")
        return {uid: (next(iter(keys)), titles[uid]) for uid, keys in found.items() if len(keys) == 1}

    def own_keys(self, job: str, ref: str, keys: Iterable[str]) -> dict[str, str]:
        """Of items' keys: the key that a collection knows each of them by; those that it does not hold are left out."""
        numbers = self._ids(job, [ref])
        if not numbers:
            return {}
        rows = self._db.rows_in(
            "SELECT link.key, replica.uid FROM link JOIN replica ON replica.link = link.id"
            " WHERE replica.collection = ? AND replica.seen IS NOT NULL AND link.job = ? AND link.key IN (@)",
            list(keys),
            (numbers[0], job),
        )
        return dict(rows)
