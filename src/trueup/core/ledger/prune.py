"""Forgetting: old runs, closed conflicts, and bodies that nothing refers to any more."""

from __future__ import annotations

import json
from collections.abc import Iterator

from trueup.core.ledger.blobs import GRACE
from trueup.core.ledger.database import Database

CLOSED = "resolved"
_PAGE = 1000
_USED = "CREATE TEMPORARY TABLE IF NOT EXISTS used (digest {text} PRIMARY KEY)"


def prune(database: Database, before: float) -> int:
    """Forgets what is older than `before` (seconds since 1970), in one commit.

    Runs that ended before it go with their changes and steps, conflicts closed before it, links whose last replica went before it, leases
    that ended before it, messages that were sent before it.
    Bodies go that no replica, change or conflict refers to and that were put before it and more than a day ago: a body is put
    before the row that names it.

    Returns:
        How many runs went.
    """
    with database.transaction("journal.prune"):
        runs = database.write("DELETE FROM run WHERE ended IS NOT NULL AND ended < ?", (before,))
        database.write(f"DELETE FROM conflict WHERE state = '{CLOSED}' AND closed < ?", (before,))
        database.write(
            "DELETE FROM link WHERE dropped < ? AND NOT EXISTS (SELECT 1 FROM replica WHERE replica.link = link.id)",
            (before,),
        )
        database.write("DELETE FROM lease WHERE expires < ?", (before,))  # of workers that were killed
        database.write("DELETE FROM message WHERE ended < ?", (before,))
        _collect_used(database)
        database.write(
            "DELETE FROM blob WHERE added < ? AND NOT EXISTS (SELECT 1 FROM used WHERE used.digest = blob.digest)",
            (min(before, database.now() - GRACE),),
        )
        database.write("DELETE FROM used")
    return runs


def _collect_used(database: Database) -> None:
    database.write(_USED.format(**database.dialect.types))
    database.write("DELETE FROM used")
    for table, columns in {"replica": ("seen", "base", "sent", "kept"), "change": ("before", "after")}.items():
        for column in columns:
            database.write(
                f"INSERT INTO used (digest) SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL"
                " ON CONFLICT (digest) DO NOTHING"
            )
    for page in _named_in_json(database):
        database.write_many(
            "INSERT INTO used (digest) VALUES (?) ON CONFLICT (digest) DO NOTHING", [(one,) for one in page]
        )


def _named_in_json(database: Database) -> Iterator[set[str]]:
    """The digests in changes (bases, versions) and conflicts, page by page."""
    after = ("", 0)
    while rows := database.rows(
        "SELECT run, seq, data FROM change WHERE (run, seq) > (?, ?) ORDER BY run, seq LIMIT ?", (*after, _PAGE)
    ):
        changes = [json.loads(row[2]) for row in rows]
        bases = {one for change in changes for _, _, *both in change.get("bases", ()) for one in both if one}
        yield bases | {one for change in changes for _, one in change.get("versions", ()) if one}
        after = (rows[-1][0], rows[-1][1])
    # A person's decision may name a version that is to come back.
    decisions = [json.loads(row[0]) for row in database.rows("SELECT decision FROM link WHERE decision IS NOT NULL")]
    yield {one["version"] for one in decisions if one.get("version")}
    versions = [json.loads(row[0]) for row in database.rows("SELECT versions FROM conflict")]
    yield {one for version in versions for one in version.values() if one}
