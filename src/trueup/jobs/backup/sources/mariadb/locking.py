"""The moment at which two connections see the same state: nobody may write while both transactions begin.

MariaDB has no snapshot that one session could take over from another. So writers are held off for the fraction of a second in which the
reader's and the dump's transaction begin: with FLUSH TABLES WITH READ LOCK where the user has the right RELOAD, else with LOCK TABLES … READ.
(https://mariadb.com/kb/en/flush/, https://mariadb.com/kb/en/lock-tables/)
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from trueup.jobs.backup.sources.mariadb.address import Address
from trueup.jobs.backup.sources.mariadb.faults import NO_RIGHT
from trueup.jobs.backup.sources.mariadb.link import Link, pause
from trueup.jobs.backup.sources.mariadb.names import quoted
from trueup.model.errors import Permanent, Transient
from trueup.model.repository import Watch

WAIT_SECONDS = 10
"""For a lock that is not granted at once: meanwhile the server lets nobody else write either."""

_ATTEMPTS = 4
_PAUSE = 3.0
_GRANT = "GRANT RELOAD ON *.* TO the user of the backup, or GRANT LOCK TABLES on its databases"


class ReadLock:
    """Holds writers off until it is released. To be released by the thread that made it, or after all its users are done.

    Args:
        address: the server.
        tables: (database, table) of all that is dumped, for the way without RELOAD.
        watch: who looks after the work.

    Raises:
        Transient: long queries or transactions keep the lock from being granted. Permanent: the user has neither right.
    """

    def __init__(self, address: Address, tables: Sequence[tuple[str, str]], watch: Watch) -> None:
        self._link: Link | None = Link(address, watch, "could not hold writers off for the snapshot")
        self._tables = tables
        self._watch = watch
        try:
            self._take()
        except BaseException:
            self._link.close()
            raise

    def _take(self) -> None:
        assert self._link
        self._link.rows(f"SET SESSION lock_wait_timeout = {WAIT_SECONDS}")
        listed = ", ".join(f"{quoted(database)}.{quoted(table)} READ" for database, table in self._tables)
        ways = ["FLUSH TABLES WITH READ LOCK", f"LOCK TABLES {listed}" if listed else "DO 1"]
        for last in range(1, _ATTEMPTS + 1):
            try:
                self._try(ways)
                break
            except Transient:
                if last == _ATTEMPTS:
                    raise
                pause(self._watch, _PAUSE)

    def _try(self, ways: list[str]) -> None:
        assert self._link
        while True:
            try:
                self._link.rows(ways[0])
                return
            except Permanent as error:
                if self._link.number not in NO_RIGHT:
                    raise
                if len(ways) == 1:
                    raise Permanent(error.what, where=error.where, why=error.why, hint=_GRANT) from None
                ways.pop(0)

    def release(self) -> None:
        """Lets writers go on; may be called twice.

        Raises:
            Transient: the connection was lost meanwhile, and with it the lock: the two states may differ.
        """
        if self._link is not None:
            link, self._link = self._link, None
            try:
                link.rows("UNLOCK TABLES")
            finally:
                link.close()

    def drop(self) -> None:
        """Releases it where something else has failed already."""
        with contextlib.suppress(Exception):
            self.release()
