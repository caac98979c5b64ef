"""The ledger's tables, as numbered migrations. A migration that was released is never edited: a change is a new one.

`$id`, `$text`, `$int`, `$real`, `$blob` are the dialect's types; `$text` compares by code point on both databases. Times are seconds
since 1970, JSON is text, bodies are named by their digest.
"""

from __future__ import annotations

from string import Template

from trueup.core.ledger.database import Database
from trueup.model.errors import LedgerError

_FIRST = """
CREATE TABLE meta (name $text PRIMARY KEY, value $text NOT NULL);

CREATE TABLE blob (digest $text PRIMARY KEY, added $real NOT NULL, data $blob NOT NULL);

CREATE TABLE job (
    name $text PRIMARY KEY, digest $text NOT NULL, shape $text NOT NULL, collections $text NOT NULL
);

CREATE TABLE collection (
    id $id, job $text NOT NULL, ref $text NOT NULL, cursor $text, revision $int NOT NULL DEFAULT 0, read_at $real,
    UNIQUE (job, ref)
);

-- dropped: when its last replica went. It is kept that long for undo, which needs its key and its number.
CREATE TABLE link (
    id $id, job $text NOT NULL, key $text NOT NULL, due $real, attempts $int NOT NULL DEFAULT 0,
    error $text NOT NULL DEFAULT '', decision $text, dropped $real,
    UNIQUE (job, key)
);
CREATE INDEX link_due ON link (job, id, due) WHERE due IS NOT NULL;
CREATE INDEX link_failed ON link (job, id) WHERE attempts > 0;
CREATE INDEX link_dropped ON link (dropped) WHERE dropped IS NOT NULL;

-- rival: of a duplicate, the link that another replica of the collection holds. No foreign key: it may go first.
CREATE TABLE replica (
    id $id, collection $int NOT NULL REFERENCES collection (id) ON DELETE CASCADE, href $text NOT NULL, etag $text,
    seen $text, base $text, sent $text, kept $text, uid $text NOT NULL, title $text NOT NULL, starts $text NOT NULL,
    link $int REFERENCES link (id), revision $int NOT NULL,
    refused $text NOT NULL DEFAULT '', refused_why $text NOT NULL DEFAULT '', rival $int,
    UNIQUE (collection, href)
);
CREATE UNIQUE INDEX replica_link ON replica (link, collection);
CREATE INDEX replica_revision ON replica (collection, revision);
CREATE INDEX replica_gone ON replica (collection, uid) WHERE seen IS NULL;
CREATE INDEX replica_new ON replica (collection, link) WHERE base IS NULL;
CREATE INDEX replica_refused ON replica (collection, id) WHERE refused <> '';
CREATE INDEX replica_withheld ON replica (collection, href) WHERE refused <> '' AND etag IS NULL AND seen IS NOT NULL;
CREATE INDEX replica_unlinked ON replica (collection, uid, id) WHERE link IS NULL AND seen IS NOT NULL AND refused = '';

CREATE TABLE run (
    id $text PRIMARY KEY, kind $text NOT NULL, subject $text NOT NULL, state $text NOT NULL, phase $text NOT NULL,
    started $real NOT NULL, ended $real, parent $text NOT NULL, plan $text, report $text NOT NULL
);
CREATE INDEX run_subject ON run (subject, started);
CREATE INDEX run_started ON run (started);

-- before, after: digests, repeated from data (which is the change as JSON). settled: its link's agreed state was moved on.
CREATE TABLE change (
    run $text NOT NULL REFERENCES run (id) ON DELETE CASCADE, seq $int NOT NULL, action $text NOT NULL, state $text NOT NULL,
    collection $text NOT NULL, link $int, before $text, after $text, wave $int, batch $int,
    settled $int NOT NULL DEFAULT 0, data $text NOT NULL, result $text NOT NULL,
    PRIMARY KEY (run, seq)
);
CREATE INDEX change_batch ON change (run, batch, seq) WHERE batch IS NOT NULL;
CREATE INDEX change_open ON change (collection) WHERE state IN ('sent', 'done');
CREATE INDEX change_link ON change (run, link) WHERE link IS NOT NULL;

CREATE TABLE conflict (
    id $id, job $text NOT NULL, link $int, run $text NOT NULL, opened $real NOT NULL, closed $real, title $text NOT NULL,
    starts $text NOT NULL, code $text NOT NULL, state $text NOT NULL, fields $text NOT NULL, versions $text NOT NULL,
    winner $text NOT NULL
);
CREATE INDEX conflict_link ON conflict (link);
CREATE INDEX conflict_job ON conflict (job, state);

CREATE TABLE lease (name $text PRIMARY KEY, owner $text NOT NULL, since $real NOT NULL, expires $real NOT NULL);

CREATE TABLE step (
    run $text NOT NULL REFERENCES run (id) ON DELETE CASCADE, key $text NOT NULL, state $text NOT NULL,
    attempts $int NOT NULL, input $text NOT NULL, output $text NOT NULL, error $text NOT NULL, started $real, ended $real,
    PRIMARY KEY (run, key)
)
"""

_OCCURRENCES = """
-- What starts by itself: times of schedules and what triggers brought. run: "" while there is none; ended: its run did.
CREATE TABLE occurrence (
    subject $text NOT NULL, key $text NOT NULL, source $text NOT NULL, at $real NOT NULL, nominal $real NOT NULL,
    until $real NOT NULL, title $text NOT NULL, params $text NOT NULL, state $text NOT NULL, run $text NOT NULL,
    note $text NOT NULL, changed $real NOT NULL, ended $real, outcome $text NOT NULL DEFAULT '',
    PRIMARY KEY (subject, key)
);
CREATE INDEX occurrence_wanted ON occurrence (at) WHERE state = 'wanted';
CREATE INDEX occurrence_open ON occurrence (changed) WHERE state = 'fired' AND ended IS NULL;
CREATE INDEX occurrence_changed ON occurrence (changed);

-- Up to which moment a schedule or trigger was looked at: what came after it and is past was missed.
CREATE TABLE watched (
    subject $text NOT NULL, source $text NOT NULL, seen $real NOT NULL, PRIMARY KEY (subject, source)
)
"""

_LISTED = """
-- When a collection was last listed in full, and not only asked what changed.
ALTER TABLE collection ADD COLUMN listed_at $real
"""

_FACTS = """
-- What a job remembers from run to run, as small JSON documents: snapshots of a backup, what was verified and when.
CREATE TABLE fact (subject $text NOT NULL, name $text NOT NULL, value $text NOT NULL, PRIMARY KEY (subject, name))
"""

_OUTBOX = """
-- What is to reach people and watchers outside. channel: a name, never an address. state: "waiting", "sent" or "dropped".
CREATE TABLE message (
    id $id, subject $text NOT NULL, channel $text NOT NULL, key $text NOT NULL, kind $text NOT NULL, label $text NOT NULL,
    title $text NOT NULL, body $text NOT NULL, put $real NOT NULL, due $real NOT NULL, state $text NOT NULL,
    attempts $int NOT NULL DEFAULT 0, error $text NOT NULL DEFAULT '', ended $real,
    UNIQUE (subject, channel, key)
);
CREATE INDEX message_waiting ON message (subject, channel, id) WHERE state = 'waiting';
CREATE INDEX message_ended ON message (ended) WHERE ended IS NOT NULL
"""

_QUESTIONS = """
-- What a person is asked, and the answer, which is kept for ever. subject: what exactly is asked. answer: '' while it is open.
CREATE TABLE question (
    id $id, job $text NOT NULL, topic $text NOT NULL, subject $text NOT NULL, title $text NOT NULL, detail $text NOT NULL,
    asked $real NOT NULL, answer $text NOT NULL, answered $real,
    UNIQUE (job, topic, subject)
)
"""

MIGRATIONS: tuple[str, ...] = (_FIRST, _OCCURRENCES, _LISTED, _FACTS, _OUTBOX, _QUESTIONS)
VERSION = len(MIGRATIONS)


def migrate(database: Database, migrations: tuple[str, ...] = MIGRATIONS) -> None:
    """Brings the ledger to the version of these migrations; any number of processes may do so at once.

    Raises:
        LedgerError: it was written by a later version of trueup, or is a database of something else.
    """
    if current_version(database) == len(migrations):
        return
    with database.transaction("schema.migrate"):
        database.dialect.lock_schema(database)
        version = current_version(database)
        _refuse_later(database, version, len(migrations))
        if version == 0:
            _refuse_foreign(database)
        for text in migrations[version:]:
            for statement in _statements(text, database):
                database.write(statement)
        database.write("DELETE FROM meta WHERE name = 'version'")
        database.write("INSERT INTO meta (name, value) VALUES ('version', ?)", (str(len(migrations)),))


def current_version(database: Database) -> int:
    """The number of migrations it has had; 0 for a new one."""
    if "meta" not in database.dialect.tables(database):
        return 0
    row = database.row("SELECT value FROM meta WHERE name = 'version'")
    return int(row[0]) if row else 0


def _refuse_later(database: Database, version: int, known: int) -> None:
    if version > known:
        raise LedgerError(
            "the ledger was written by a later version of trueup",
            where=database.dialect.where,
            why=f"it has schema {version}, this trueup knows up to {known}",
            hint="update trueup on this machine (pip install --upgrade trueup)",
        )


def _refuse_foreign(database: Database) -> None:
    tables = database.dialect.tables(database)
    if tables:
        raise LedgerError(
            "this database is not a ledger",
            where=database.dialect.where,
            why=f"it has tables of something else: {', '.join(sorted(tables)[:3])}",
            hint="give the ledger a file or database of its own: `ledger:` in trueup.yaml",
        )


def _statements(text: str, database: Database) -> list[str]:
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    filled = Template(lines).substitute(database.dialect.types)
    return [statement for statement in filled.split(";") if statement.strip()]
