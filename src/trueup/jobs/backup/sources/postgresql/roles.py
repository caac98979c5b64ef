"""Roles that a restored database needs and its new server does not have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trueup.jobs.backup.sources.postgresql.address import Address
from trueup.jobs.backup.sources.postgresql.session import session
from trueup.jobs.backup.sources.postgresql.words import identifier
from trueup.model.errors import Permanent
from trueup.model.repository import Watch

_NAME = r'(?:"(?:[^"]|"")+"|[^\s";]+)'
_PROPERTY = re.compile(rf"ALTER ROLE ({_NAME}) (?:WITH|SET) .*;")
_MEMBERSHIP = re.compile(rf"GRANT ({_NAME}) TO ({_NAME})( WITH .*?)?(?: GRANTED BY .*)?;")


def missing(database: Mapping[str, Any], address: Address, watch: Watch) -> list[str]:
    """Roles that own something in a database of the backup, or may do something there, and that the server does not have.

    Args:
        database: its part of the manifest.
        address: the server's; where its database is not there yet, another is asked.
        watch: who looks after the work.
    """
    query = "SELECT rolname::text FROM pg_catalog.pg_roles"
    try:
        with session(address, watch) as one:
            found = one.rows(query, what="could not list the roles")
    except Permanent:
        with session(address.of("postgres"), watch) as one:
            found = one.rows(query, what="could not list the roles")
    there = {name for (name,) in found}
    return [role for role in database["roles"] if role not in there]


def statements(dump: Path, wanted: Sequence[str]) -> Iterator[str]:
    """The statements that make some roles, from what pg_dumpall wrote: themselves, their properties, their memberships in each other.

    Roles that are there are left alone, and keep their passwords. A role that the file does not have may not log in.

    Args:
        dump: the file; it need not be there.
        wanted: names.
    """
    lines = dump.read_text(encoding="utf-8").splitlines() if dump.exists() else []
    for role in wanted:
        yield f"CREATE ROLE {identifier(role)}"
    for line in lines:
        if (found := _PROPERTY.fullmatch(line)) and _plain(found[1]) in wanted:
            yield line
    for line in lines:
        if (found := _MEMBERSHIP.fullmatch(line)) and {_plain(found[1]), _plain(found[2])} <= set(wanted):
            yield f"GRANT {found[1]} TO {found[2]}{found[3] or ''}"


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
