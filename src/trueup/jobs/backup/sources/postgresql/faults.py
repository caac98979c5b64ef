"""What PostgreSQL and its programs say when they fail, as errors for people."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from trueup.model.errors import LoginRefused, Permanent, StoreError, Transient

if TYPE_CHECKING:
    import psycopg

READ_ALL = "GRANT pg_read_all_data TO the user of the backup (PostgreSQL 14 or later), or GRANT SELECT on what it names"

# Parts of messages of the server and of libpq, the first that fits counts. Codes: PostgreSQL manual, appendix A.
_RULES: tuple[tuple[str, type[StoreError], str], ...] = (
    (r"No space left on device|Disk quota exceeded", Permanent, "more room, or another folder for the spool"),
    (
        r"password authentication failed|no password supplied|authentication failed for user|role \"[^\"]*\" does not exist"
        r"|no pg_hba\.conf entry|is not permitted to log in",
        LoginRefused,
        "look at user and password in the address, and at pg_hba.conf",
    ),
    (
        r"certificate verify failed|server certificate for|root certificate file|does not support SSL",
        Permanent,
        "look at sslmode and sslrootcert in the address, and at the certificate of the server: it may be another one",
    ),
    (
        r"database \"[^\n]*\" does not exist",
        Permanent,
        "look at the name in the address; `psql -l` lists what is there",
    ),
    (r"permission denied|must be (?:super)?user|must be owner|row-level security", Permanent, READ_ALL),
    (
        r"lock timeout|statement timeout|deadlock detected",
        Transient,
        "something else holds the table, as an ALTER TABLE; it is tried again",
    ),
    (
        r"server closed the connection|terminating connection|connection to server|could not connect|Connection refused"
        r"|could not receive data|could not send data|SSL SYSCALL|the database system is|connection timeout|timeout expired"
        r"|remaining connection slots|too many (?:clients|connections)|connection is (?:lost|closed)|the connection is closed"
        r"|could not translate host name|No route to host|could not import the requested snapshot|invalid snapshot identifier",
        Transient,
        "",
    ),
    (
        r"relation .* does not exist|could not open relation|cache lookup failed",
        Transient,
        "a table was removed meanwhile",
    ),
)


def said(what: str, where: str, text: str, hint: str = "") -> StoreError:
    """The error for a message.

    Args:
        what: what was tried.
        where: the server, without secrets.
        text: what the program or server said, without secrets.
        hint: where no rule has a better one.
    """
    for pattern, kind, advice in _RULES:
        if found := re.search(pattern, text):
            return kind(what, where=where, why=_line(text, found.start()), hint=advice or hint)
    return Permanent(what, where=where, why=_line(text, len(text)), hint=hint)


def _line(text: str, position: int) -> str:
    """The line of a message at a position; at its end: the first that tells of an error, or else the first of all."""
    lines = [one for one in text.splitlines() if one.strip()]
    if position < len(text):
        start = text.rfind("\n", 0, position) + 1
        return text[start:].splitlines()[0].strip()
    errors = [one for one in lines if re.search(r"\b(?:error|FATAL|ERROR)\b", one)]
    return (errors or lines or [""])[0].strip()


@contextmanager
def explained(what: str, where: str) -> Iterator[None]:
    """Turns the driver's errors into ours."""
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        raise of_driver(error, what, where) from None  # its chain may show the connection's parameters


def of_driver(error: psycopg.Error, what: str, where: str) -> StoreError:
    """The error for one of the driver's: by its SQLSTATE, or by its words where it has none (a connection that failed)."""
    state = error.sqlstate or ""
    text = str(error).strip()
    first = text.splitlines()[0] if text else type(error).__name__
    if state.startswith("28"):
        return LoginRefused(what, where=where, why=first, hint="look at user and password in the address")
    if state == "42501":
        return Permanent(what, where=where, why=first, hint=READ_ALL)
    if state.startswith(("08", "57P", "40")) or state in ("55P03", "53300", "57014"):
        return Transient(what, where=where, why=first)
    if not state and isinstance(error, _lost()):
        told = said(what, where, text)
        lasting = ("does not exist", "No space", "certificate")
        by_rule = isinstance(told, LoginRefused) or any(one in told.why for one in lasting)
        return told if by_rule else Transient(what, where=where, why=told.why or first)
    return said(what, where, text)


def _lost() -> tuple[type[Exception], ...]:
    import psycopg

    return (psycopg.OperationalError, psycopg.InterfaceError)


def disk_full(what: str, folder: Path, written: int) -> Permanent:
    """No room in the spool."""
    from trueup.jobs.backup.sources.postgresql.words import size

    free = shutil.disk_usage(folder).free
    return Permanent(
        what,
        where=str(folder),
        why=f"no space left on the disk: {size(written)} were written, {size(free)} are free now",
        hint="room for an uncompressed dump, or another folder for the spool (TMPDIR)",
    )
