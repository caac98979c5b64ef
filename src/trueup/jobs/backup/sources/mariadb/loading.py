"""Loading the files of a dump into a server, and comparing what is there then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trueup.core.supervision import child_env, run_child
from trueup.jobs.backup.sources.mariadb import describing, programs, splitting
from trueup.jobs.backup.sources.mariadb.address import Address, option_file
from trueup.jobs.backup.sources.mariadb.faults import NO_TABLE, fault, number_in
from trueup.jobs.backup.sources.mariadb.link import Link
from trueup.jobs.backup.sources.mariadb.names import file_name, quoted
from trueup.jobs.backup.sources.mariadb.scratchserver import Scratch
from trueup.model.errors import CannotDrill, Permanent, Transient
from trueup.model.repository import Watch


def files_of(manifest: Mapping[str, Any], database: str) -> list[str]:
    """The files of a database, below the data, in the order in which they are loaded: code and views need what comes before."""
    found = manifest["databases"][database]
    folder = file_name(database)
    names = [splitting.SEQUENCES] if found["sequences"] else []
    names += [f"{splitting.TABLES}/{file_name(table)}.sql" for table in found["tables"]]
    names += [splitting.ROUTINES] if found["routines"] else []
    names += [splitting.VIEWS] if found["views"] else []
    names += [splitting.EVENTS] if found["events"] else []
    return [f"{folder}/{name}" for name in names]


def table_file(database: str, table: str) -> str:
    """A table's file, below the data."""
    return f"{file_name(database)}/{splitting.TABLES}/{file_name(table)}.sql"


def make_database(link: Link, name: str, like: Mapping[str, Any]) -> None:
    """Makes a database that is not there, with the character set it had."""
    link.rows(
        f"CREATE DATABASE IF NOT EXISTS {quoted(name)} CHARACTER SET {like['charset']} COLLATE {like['collation']}"
    )


def load(program: str, options: Path, database: str, file: Path, watch: Watch, address: Address) -> None:
    """Runs a file's statements in a database.

    The client says every statement before it runs it (-v): that is how the watch knows that it goes on. Without --comments it would take the
    comments out of procedures and triggers.

    Raises:
        Transient, LoginRefused, Permanent: the server refused one; those before it are done.
    """
    if broken := _fault(file):  # nothing of it is loaded then
        raise Permanent(f"could not load {file.stem}", where=str(file), why=broken, hint="take an earlier snapshot")
    args = [
        program,
        f"--defaults-file={options}",
        "--default-character-set=utf8mb4",
        "--max-allowed-packet=1G",
        "--comments",
        "-v",
        f"--database={database}",
    ]
    ended = run_child(args, watch=watch, env=child_env(), stdin=file, stdout=_drop, secrets=[address.password])
    if ended.code:
        said = programs.last_words(ended.stderr) or f"exit code {ended.code}"
        number = number_in(ended.stderr)
        # A table that is missing is no sign of a change meanwhile, as it is in a dump: trying again does not help.
        raise fault(
            0 if number == NO_TABLE else number, said, f"could not load {file.stem} into {database}", address.shown
        )


def _drop(_chunk: bytes) -> None:
    pass


def load_all(manifest: Mapping[str, Any], data: Path, scratch: Scratch, program: str, watch: Watch) -> Iterator[str]:
    """Loads everything into a throw-away server; a sentence for every file that it does not take.

    Raises:
        CannotDrill: the server has no room, or has ended: that says nothing about the dump.
    """
    address = scratch.address
    with (
        Link(address, watch, "could not prepare the throw-away server") as link,
        option_file(address, scratch.private) as options,
    ):
        alike = same_release(manifest, link)
        wanted = [(database, name) for database in manifest["databases"] for name in files_of(manifest, database)]
        faults = {name: fault for _, name in wanted if (fault := _fault(data / name))}
        yield from (f"{name} cannot be loaded: {fault}" for name, fault in faults.items())
        for database, found in manifest["databases"].items():
            make_database(link, database, found)
        for database, name in wanted:
            if name in faults:
                continue
            try:
                load(program, options, database, data / name, watch, address)
            except Transient as error:
                raise CannotDrill("the throw-away server has ended", why=error.why) from error
            except Permanent as error:
                scratch.require_room()
                if not alike and not faults:
                    raise _other_server(manifest, name, error) from error
                yield f"{name} cannot be loaded: {error.why}"


def _other_server(manifest: Mapping[str, Any], name: str, error: Permanent) -> CannotDrill:
    """What a server of another series refuses says nothing about the dump."""
    release = manifest["server"]["release"]
    why = f"the databases are of {release}, and the server that is installed here does not take {name}: {error.why}"
    return CannotDrill(
        "a dump cannot be tried with the server that is here",
        why=why,
        hint=f"install a server of {release} on this machine",
    )


def _fault(path: Path) -> str:
    """Why a file of a dump is not all there; "" where it is: its last line says so."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 64))
            end = file.read().rstrip()
    except FileNotFoundError:
        return "its file is missing"
    return "" if end.endswith(b"-- Dump completed") else "its file is cut off"


def compare(manifest: Mapping[str, Any], link: Link, watch: Watch) -> Iterator[str]:
    """What a restored server has otherwise, in sentences. Definitions are compared where both servers write them alike."""
    names = list(manifest["databases"])
    there = set(describing.databases(link, "all", ""))
    alike = describing.server(link)["release"] == manifest["server"]["release"]
    moving = set(manifest["moving"])
    for name in names:
        if name not in there:
            yield f"database {name} is missing"
            continue
        now = describing.describe(link, [name])[name]
        yield from _compare_database(name, manifest["databases"][name], now, alike, moving)
    yield from _compare_counters(
        manifest["counters"], describing.counters(link, [one for one in names if one in there])
    )


def same_release(manifest: Mapping[str, Any], link: Link) -> bool:
    """Whether definitions can be compared."""
    return bool(describing.server(link)["release"] == manifest["server"]["release"])


def _compare_database(
    name: str, was: Mapping[str, Any], now: Mapping[str, Any], alike: bool, moving: set[str]
) -> Iterator[str]:
    if alike and (was["charset"], was["collation"]) != (now["charset"], now["collation"]):
        yield f"database {name} has character set {now['charset']} ({now['collation']}), and had {was['charset']} ({was['collation']})"
    for kind in ("tables", "sequences", "views", "triggers", "routines", "events"):
        word = "" if kind == "routines" else f"{kind[:-1]} "
        for one in sorted(was[kind].keys() | now[kind].keys()):
            what = f"{word}{one} of {name}"
            if one not in now[kind]:
                yield f"{what} is missing"
            elif one not in was[kind]:
                yield f"{what} was not there"
            elif kind == "tables":
                yield from _compare_table(what, was[kind][one], now[kind][one], alike, f"{name}.{one}" in moving)
            elif alike and was[kind][one] != now[kind][one]:
                yield f"{what} is defined otherwise"


def _compare_table(
    what: str, was: Mapping[str, Any], now: Mapping[str, Any], alike: bool, moving: bool
) -> Iterator[str]:
    if alike and was["definition"] != now["definition"]:
        yield f"{what} is defined otherwise"
    if moving:
        return
    if was["rows"] != now["rows"]:
        yield f"{what} has {now['rows']} rows, and had {was['rows']}"
    elif was["sum"] != now["sum"]:
        yield f"{what} has as many rows ({now['rows']}), but not the same"


def _compare_counters(was: Mapping[str, list[int]], now: Mapping[str, list[int]]) -> Iterator[str]:
    for name, (value, step) in was.items():
        if name in now and (now[name][0] - value) * step < 0:
            yield f"sequence {name} stands at {now[name][0]}, and stood at {value}"
