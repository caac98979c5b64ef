"""Running the dump: its exit code, its completion line and its parts are ours to look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from trueup.core.supervision import child_env, run_child
from trueup.jobs.backup.sources import filing
from trueup.jobs.backup.sources.mariadb import programs
from trueup.jobs.backup.sources.mariadb.address import Address, option_file
from trueup.jobs.backup.sources.mariadb.faults import fault, number_in
from trueup.jobs.backup.sources.mariadb.splitting import Splitter
from trueup.model.errors import StoreError, Transient
from trueup.model.repository import Watch

_OPTIONS = (
    "--single-transaction",
    "--quick",
    "--skip-lock-tables",
    "--routines",
    "--events",
    "--triggers",
    "--hex-blob",
    "--default-character-set=utf8mb4",
    "--max-allowed-packet=1G",
    "--no-tablespaces",
    "--skip-dump-date",
)
# mysqldump of MySQL: reads histograms that MariaDB has not, and locks tables by itself where GTIDs are on.
_MYSQL_OPTIONS = ("--column-statistics=0", "--set-gtid-purged=OFF")
_WHAT = "could not dump"


def dump(
    address: Address,
    databases: Sequence[str],
    program: str,
    data: Path,
    private: Path,
    watch: Watch,
    began: Callable[[], None],
) -> set[tuple[str, str]]:
    """Dumps databases into files (see `splitting`).

    Args:
        address: the server.
        databases: their names.
        program: mariadb-dump or mysqldump.
        data: the folder for the files.
        private: a folder for the option file, which is gone as soon as the program has read it.
        watch: who looks after the work.
        began: called when the dump's transaction has begun: it writes nothing of a database before.

    Returns:
        (database, table) of every table that is in it.

    Raises:
        Transient: the server is away, the connection was lost, the dump is not complete. LoginRefused, Permanent.
    """
    splitter = Splitter(data)
    said_so = False
    with option_file(address.of(""), private) as options:

        def take(chunk: bytes) -> None:
            nonlocal said_so
            try:
                splitter.take(chunk)
            except OSError as error:
                raise filing.os_error(error, "could not write the dump", data) from error
            if splitter.began and not said_so:
                said_so = True
                options.unlink(missing_ok=True)
                began()

        more = () if programs.is_mariadb(programs.version(program)) else _MYSQL_OPTIONS
        args = [program, f"--defaults-file={options}", *_OPTIONS, *more, "--databases", "--", *databases]
        try:
            ended = run_child(args, watch=watch, env=child_env(), stdout=take, secrets=[address.password])
        except BaseException:
            with suppress(OSError):  # the disk may be full
                splitter.close()
            raise
    if ended.code:
        splitter.close()
        raise _failed(ended.code, ended.stderr, address)
    try:
        splitter.finish()
    except OSError as error:
        raise filing.os_error(error, "could not write the dump", data) from error
    return splitter.tables


def _failed(code: int, stderr: str, address: Address) -> StoreError:
    how = f"exit code {code}" if code > 0 else f"ended by signal {-code}"
    words = programs.last_words(stderr)
    if code < 0:  # somebody ended it, or the kernel, out of memory
        return Transient(_WHAT, where=address.shown, why=f"{how}: {words}" if words else how)
    return fault(number_in(stderr), f"{how}: {words}" if words else how, _WHAT, address.shown)
