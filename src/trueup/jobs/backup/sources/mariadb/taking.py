"""Taking databases: a dump and a manifest of one and the same state."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from trueup.jobs.backup.sources import filing
from trueup.jobs.backup.sources.mariadb import describing, programs, users
from trueup.jobs.backup.sources.mariadb.address import Address
from trueup.jobs.backup.sources.mariadb.dumping import dump
from trueup.jobs.backup.sources.mariadb.link import Link, pulse
from trueup.jobs.backup.sources.mariadb.locking import ReadLock
from trueup.model.backup import Captured, SourceSpec
from trueup.model.errors import Permanent, Transient
from trueup.model.repository import Watch

_SNAPSHOT = (
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
)
_WHAT = "could not read the databases"

Sums = Mapping[tuple[str, str], tuple[int, str]]


def take(spec: SourceSpec, address: Address, spool: Path, watch: Watch) -> Captured:
    """Dumps, and describes the same state meanwhile.

    Writers are held off while both transactions begin (see `locking`); with the option "lock", until both are done. Tables of an engine
    without transactions (MyISAM, Aria …) are in no snapshot: where such a table is the same before and after, the dump has that state;
    where it is not, that is told, and a drill does not compare its rows.
    """
    taken = time.time()
    data, about = filing.folders(spool)
    program = programs.dump_program(spec.options.get("bin"))
    with ExitStack() as stack:
        reader = stack.enter_context(Link(address.of(""), watch, _WHAT))
        names = describing.databases(reader, spec.options.get("databases"), address.database)
        if not names:
            raise Permanent(
                "there is nothing to dump", where=address.shown, why="the server has no database that this user may see"
            )
        stack.enter_context(pulse(reader, address.of(""), watch))
        found, moving = _both(spec, address, names, program, data, spool, reader, watch)
        losses = describing.losses(reader, names)
        accounts = users.statements(reader) if _wants_users(spec) else {}
    if accounts:
        (data / users.FILE).write_text(users.written(accounts), encoding="utf-8", errors="surrogateescape")
        (data / users.FILE).chmod(0o600)
    content = {
        **found,
        "moving": [f"{database}.{table}" for database, table in moving],
        "users": users.digests(accounts),
    }
    return _captured(spec, taken, data, about, content, losses)


def _both(
    spec: SourceSpec,
    address: Address,
    names: list[str],
    program: str,
    data: Path,
    private: Path,
    reader: Link,
    watch: Watch,
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The dump and the manifest, at the same time; and the tables that did not hold still."""
    there = describing.tables(reader, names)
    plain = [(database, table) for database, table, kind, _ in there if kind != "VIEW"]
    loose = [
        (database, table)
        for database, table, kind, engine in there
        if kind not in ("VIEW", "SEQUENCE") and engine not in describing.TRANSACTIONAL
    ]
    hold = bool(spec.options.get("lock"))
    before: Sums = {} if hold else describing.sums(reader, loose)
    lock = ReadLock(address.of(""), plain, watch)
    try:
        if describing.tables(reader, names) != there:
            raise Transient(
                _WHAT,
                where=address.shown,
                why="a table was made, altered or dropped just then",
                hint="it is taken again",
            )
        counters = describing.counters(reader, names)
        for statement in _SNAPSHOT:
            reader.rows(statement)
        with ThreadPoolExecutor(1) as pool:
            described = pool.submit(_described, reader, names)
            try:
                both = _Both(watch, described)
                dumped = dump(address, names, program, data, private, both, (lambda: None) if hold else lock.release)
                found = described.result()
            except BaseException:
                reader.abort()
                raise
        lock.release()
    finally:
        lock.drop()
    _require_tables(found["databases"], dumped)
    reader.rows("COMMIT")
    after: Sums = {} if hold else describing.sums(reader, loose)
    return {**found, "counters": counters}, [
        one for one in loose if not hold and _moved(one, before, after, found["databases"])
    ]


class _Both(Watch):
    """The dump need not go on where the manifest has failed."""

    def __init__(self, watch: Watch, described: Future[dict[str, Any]]) -> None:
        self._watch = watch
        self._described = described

    def moved(self, amount: int = 1) -> None:
        """See `Watch`."""
        self._watch.moved(amount)

    def left(self) -> float | None:
        """See `Watch`."""
        return self._watch.left()

    def ok(self) -> None:
        """Raises what the manifest raised, as well."""
        self._watch.ok()
        if self._described.done() and (error := self._described.exception()):
            raise error


def _described(reader: Link, names: list[str]) -> dict[str, Any]:
    return {"server": describing.server(reader), "databases": describing.describe(reader, names)}


def _moved(one: tuple[str, str], before: Sums, after: Sums, found: Mapping[str, Any]) -> bool:
    table = found[one[0]]["tables"][one[1]]
    return not before[one] == after[one] == (table["rows"], table["sum"])


def _require_tables(found: Mapping[str, Any], dumped: set[tuple[str, str]]) -> None:
    """Every table of the manifest is in the dump, and the other way round."""
    described = {(database, table) for database, one in found.items() for table in one["tables"]}
    if described != dumped:
        database, table = sorted(described ^ dumped)[0]
        why = f"table {database}.{table} is in one of them only: it was made, renamed or dropped meanwhile"
        raise Transient("the dump and the manifest are not of the same state", why=why, hint="it is taken again")


def _wants_users(spec: SourceSpec) -> bool:
    return spec.options.get("databases") == "all" and spec.options.get("users", True) is not False


def _captured(
    spec: SourceSpec, taken: float, data: Path, about: Path, content: Mapping[str, Any], notes: list[str]
) -> Captured:
    files = [path for path in data.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    filing.too_small(spec, size, "the dump")
    totals = describing.totals(content["databases"])
    filing.write_manifest(about, spec, taken, {"bytes": size, "files": len(files), **content})
    measures = {"bytes": size, "files": len(files), "rows": totals["rows"]}
    return Captured(data, about, size, len(files), measures, notes=(*_notes(content), *notes))


def _notes(content: Mapping[str, Any]) -> list[str]:
    if not content["moving"]:
        return []
    names = describing.listed(content["moving"])
    return [f"written to while they were dumped, without transactions (use InnoDB, or `lock: true`): {names}"]
