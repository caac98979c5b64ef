"""Bringing databases or tables back into a server."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trueup.jobs.backup.sources import filing
from trueup.jobs.backup.sources.mariadb import describing, loading, users
from trueup.jobs.backup.sources.mariadb.address import Address, option_file, parse
from trueup.jobs.backup.sources.mariadb.link import Link
from trueup.model.backup import RestoreStep, RestoreTarget
from trueup.model.errors import ConfigError, StoreError
from trueup.model.repository import Watch

_WHAT = "could not restore"


@dataclass(frozen=True, slots=True)
class Part:
    """One thing to be restored: a database, a table, or the accounts. `into` is the database's name there."""

    step: RestoreStep
    database: str = ""
    into: str = ""
    table: str = ""


def names(manifest: Mapping[str, Any]) -> list[str]:
    """What can be asked for: "shop.orders"; where there is one database, also "orders"; and "users.sql"."""
    found = [f"{database}.{table}" for database, one in manifest["databases"].items() for table in one["tables"]]
    if len(manifest["databases"]) == 1:
        found += [table for one in manifest["databases"].values() for table in one["tables"]]
    return found + ([users.FILE] if manifest["users"] else [])


def chosen(manifest: Mapping[str, Any], target: RestoreTarget) -> list[tuple[str, str]]:
    """(database, table) of what is wanted, ("", "users.sql") for accounts; nothing: everything.

    Raises:
        NotFound: it is not in the snapshot.
    """
    if not target.only:
        return []
    wanted = set(filing.chosen(target.only, names(manifest), "table"))
    found = [
        (database, table)
        for database, one in manifest["databases"].items()
        for table in one["tables"]
        if f"{database}.{table}" in wanted or (len(manifest["databases"]) == 1 and table in wanted)
    ]
    return found + ([("", users.FILE)] if users.FILE in wanted and manifest["users"] else [])


def files(manifest: Mapping[str, Any], target: RestoreTarget) -> tuple[str, ...]:
    """The paths of the data that are needed; empty: all."""
    return tuple(loading.table_file(*one) if one[0] else users.FILE for one in chosen(manifest, target))


def address_of(target: RestoreTarget) -> Address:
    """Where to."""
    return parse(target.to, target.secret)


def parts(manifest: Mapping[str, Any], target: RestoreTarget, link: Link) -> list[Part]:
    """What would be done; reads the server only.

    Raises:
        ConfigError: several databases cannot go into the one that the address names.
    """
    wanted = chosen(manifest, target)
    address = address_of(target)
    sources = list(dict.fromkeys(one[0] for one in wanted if one[0])) if wanted else list(manifest["databases"])
    if address.database and len(sources) > 1:
        hint = "leave the database out of the address: each goes back under its own name"
        raise ConfigError("several databases cannot be restored into one", where=address.shown, hint=hint)
    there = set(describing.databases(link, "all", ""))
    found = []
    for database in sources:
        into = address.database or database
        present = {row[1] for row in describing.tables(link, [into])} if into in there else set()
        tables = [table for one, table in wanted if one == database]
        if tables:
            found += [
                Part(_step(f"table {table}", into, table in present, target), database, into, table) for table in tables
            ]
        else:
            events = len(manifest["databases"][database]["events"])
            found.append(Part(_step(f"database {database}", into, bool(present), target, events), database, into))
    if manifest["users"] and (("", users.FILE) in wanted or (not wanted and not address.database)):
        found.append(Part(_users_step(manifest, link, target), table=users.FILE))
    return found


def _step(what: str, into: str, present: bool, target: RestoreTarget, events: int = 0) -> RestoreStep:
    running = f"its {events} events run there where event_scheduler is on" if events else ""
    if not present:
        return RestoreStep("create", what, into, running)
    if target.overwrite:
        return RestoreStep(
            "update", what, into, "; ".join(filter(None, ["what has the same name is replaced", running]))
        )
    return RestoreStep(
        "skip", what, into, "it is there already; say that it may be overwritten, or name another database"
    )


def _users_step(manifest: Mapping[str, Any], link: Link, target: RestoreTarget) -> RestoreStep:
    new = manifest["users"].keys() - set(users.existing(link))
    old = len(manifest["users"]) - len(new)
    what = f"{len(manifest['users']) if target.overwrite else len(new)} accounts and their grants"
    if not new and not target.overwrite:
        return RestoreStep("skip", what, "the server", "all are there already")
    reason = f"{old} that are there already are {'replaced' if target.overwrite else 'left alone'}" if old else ""
    return RestoreStep("update" if target.overwrite and old else "create", what, "the server", reason)


def restore(
    manifest: Mapping[str, Any], data: Path, target: RestoreTarget, program: str, watch: Watch
) -> Iterator[RestoreStep]:
    """Does what `parts` says, and yields each step when it is done.

    Raises:
        Transient, LoginRefused, Permanent: the server refused something; what was yielded is there.
    """
    address = address_of(target)
    with Link(address.of(""), watch, _WHAT) as link, tempfile.TemporaryDirectory(prefix="trueup-") as private:
        for part in parts(manifest, target, link):
            if part.step.action != "skip":
                if part.database:
                    _load(manifest, data, part, address, program, Path(private), link, watch)
                else:
                    _accounts(data, target, link)
            yield part.step


def _load(
    manifest: Mapping[str, Any],
    data: Path,
    part: Part,
    address: Address,
    program: str,
    private: Path,
    link: Link,
    watch: Watch,
) -> None:
    loading.make_database(link, part.into, manifest["databases"][part.database])
    wanted = (
        [loading.table_file(part.database, part.table)] if part.table else loading.files_of(manifest, part.database)
    )
    with option_file(address.of(""), private) as options:
        for name in wanted:
            loading.load(program, options, part.into, data / name, watch, address)


def _accounts(data: Path, target: RestoreTarget, link: Link) -> None:
    accounts = users.read((data / users.FILE).read_text(encoding="utf-8", errors="surrogateescape"))
    if not target.overwrite:
        there = set(users.existing(link))
        accounts = {name: one for name, one in accounts.items() if name not in there}
    users.make(link, accounts)


def users_differences(manifest: Mapping[str, Any], data: Path, link: Link) -> Iterator[str]:
    """Makes the accounts in a throw-away server; what differs then, in sentences."""
    try:
        users.make(link, users.read((data / users.FILE).read_text(encoding="utf-8", errors="surrogateescape")))
        now = users.digests(users.statements(link))
    except (OSError, StoreError) as error:
        yield f"the accounts cannot be made: {error}"
        return
    for name, digest in manifest["users"].items():
        if now.get(name) != digest:
            yield f"account {name} is {'not the same' if name in now else 'missing'}"
