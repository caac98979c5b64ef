"""What `doctor` asks of the ledger: whether it is whole, and whether it can go on being written."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from trueup.core.ledger.blobs import unpack
from trueup.core.ledger.database import Database
from trueup.core.ledger.schema import VERSION, current_version
from trueup.model.diagnostics import Diagnostic, Severity
from trueup.model.errors import LedgerError
from trueup.model.items import digest

_PAGE = 500
_NAMED = 10  # faults that are told; more say nothing new
_MEND = "put back a backup of the ledger, or move it away: the next run makes a new one and matches everything by its UID, without duplicates"


def check(database: Database) -> Iterator[Diagnostic]:
    """Looks at everything; says what is wrong, or what there is."""
    where = database.dialect.where
    yield from database.dialect.warnings(database)
    try:
        # What a broken file holds is not worth counting.
        faults = list(islice(database.dialect.faults(database), _NAMED)) or [
            *_broken_bodies(database),
            *_orphans(database),
        ]
    except LedgerError as error:
        faults = [error.why]
    for what in faults:
        yield Diagnostic(Severity.ERROR, "the ledger is damaged", where, what, _MEND)
    if not faults:
        schema = f"the ledger has schema {current_version(database)} of {VERSION}"
        yield Diagnostic(Severity.INFO, schema, where, _contents(database))


def _broken_bodies(database: Database) -> Iterator[str]:
    after, wrong = "", 0
    while rows := database.rows(
        "SELECT digest, data FROM blob WHERE digest > ? ORDER BY digest LIMIT ?", (after, _PAGE)
    ):
        for name, packed in rows:
            data = unpack(packed)
            wrong += data is None or digest(data) != name
        after = rows[-1][0]
    if wrong:
        yield f"{wrong} bodies are not what they were"


def _orphans(database: Database) -> Iterator[str]:
    for column in ("seen", "base", "sent", "kept"):
        missing = database.value(
            f"SELECT count(*) FROM replica WHERE {column} IS NOT NULL AND {column} <> ''"
            f" AND NOT EXISTS (SELECT 1 FROM blob WHERE blob.digest = replica.{column})"
        )
        if missing:
            yield f"{missing} items have no body ({column})"
    for column in ("before", "after"):
        missing = database.value(
            f"SELECT count(*) FROM change WHERE {column} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM blob WHERE blob.digest = change.{column})"
        )
        if missing:
            yield f"{missing} changes have no body ({column}), so that they cannot be undone"
    empty = database.value(
        "SELECT count(*) FROM link WHERE dropped IS NULL AND due IS NULL AND NOT EXISTS (SELECT 1 FROM replica WHERE replica.link = link.id)"
    )
    if empty:
        yield f"{empty} links belong to no item"


def _contents(database: Database) -> str:
    counts = {table: database.value(f"SELECT count(*) FROM {table}") for table in ("replica", "link", "blob", "run")}
    return f"{counts['replica']} items of collections in {counts['link']} links, {counts['blob']} bodies, {counts['run']} runs"
