"""Locks of an archive, as objects: any number of backups at once, and who prunes alone. See docs/reference/archive-format.md."""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from trueup.connectors.archive.places import Gone, Place, whole
from trueup.connectors.archive.processes import boot, host, start
from trueup.model.errors import StoreError, TimedOut, Transient, TrueupError
from trueup.model.repository import Watch

RENEWED = 300.0
STALE = 1800.0
PATIENCE = 60.0
"""Seconds that `prune` waits for backups to end."""

_PAUSE = 0.25
_RELEASE = 5.0


class Quiet:
    """A watch for what goes on beside the work."""

    def moved(self, amount: int = 1) -> None:
        """Nobody looks."""

    def ok(self) -> None:
        """Always."""

    def left(self) -> float | None:
        """For ever."""
        return None


class Brief(Quiet):
    """A watch that ends after some seconds: for what may go on without us."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    def ok(self) -> None:
        if time.monotonic() > self._until:
            raise TimedOut("the archive does not answer")

    def left(self) -> float | None:
        return max(0.0, self._until - time.monotonic())


class Lock:
    """One that is held: `valid` until it could not be renewed for too long (the machine slept, the place was away)."""

    def __init__(self, place: Place, exclusive: bool) -> None:
        self.name = f"locks/{secrets.token_hex(16)}.json"
        self.exclusive = exclusive
        self._place = place
        self._renewed = _now()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True, name="archive-lock")

    def write(self, watch: Watch) -> None:
        """Writes it."""
        about = {
            "exclusive": self.exclusive,
            "host": host(),
            "boot": boot(),
            "pid": os.getpid(),
            "start": start(os.getpid()),
        }
        asked = _now()
        self._place.put_bytes(self.name, json.dumps(about).encode(), watch)
        self._renewed = asked

    def keep(self) -> None:
        """Renews it in the background from now on."""
        self._thread.start()

    @property
    def valid(self) -> bool:
        """Whether nobody can have taken it for stale."""
        return _now() - self._renewed < STALE * 2 / 3

    def _renew(self) -> None:
        while not self._done.wait(RENEWED):
            if not self.valid:
                return
            with suppress(StoreError, OSError):
                self.write(Quiet())

    def release(self) -> None:
        """Takes it away. Where the place hangs nobody waits for that, and it becomes stale by itself in the end."""
        self._done.set()
        if self._thread.is_alive():
            self._thread.join(_RELEASE)
        with suppress(TrueupError, OSError):
            self._place.delete([self.name], Brief(_RELEASE))


@contextmanager
def locked(place: Place, watch: Watch, *, exclusive: bool) -> Iterator[Lock]:
    """Holds a lock.

    Raises:
        Transient: backups go on and do not end (exclusive).
    """
    lock = Lock(place, exclusive)
    give_up = time.monotonic() + PATIENCE
    try:
        while True:
            lock.write(watch)
            if not (others := _against(lock, place, watch)):
                break
            if exclusive:  # let them go on: two who prune would wait for each other
                place.delete([lock.name], watch)
                if time.monotonic() > give_up:
                    raise Transient(
                        "the archive is in use", where=place.where, why=others, hint="run it again when that has ended"
                    )
            time.sleep(_PAUSE * (1 + secrets.randbelow(100) / 100))
            watch.ok()
        lock.keep()
        yield lock
    finally:
        lock.release()


def _against(lock: Lock, place: Place, watch: Watch) -> str:
    """Who holds a lock that does not go with ours; "" for nobody. Removes stale ones."""
    found = place.listing("locks", watch)
    now = max((one.time for one in found.values()), default=0.0)
    for name, one in found.items():
        if name == lock.name:
            continue
        about = _about(place, name, watch)
        if about is None:
            continue
        if now - one.time > STALE or _dead(about):
            place.delete([name], watch)
        elif lock.exclusive or about.get("exclusive"):
            doing = "a prune" if about.get("exclusive") else "a backup"
            return f"{doing} by process {about.get('pid')} of {about.get('host')} is under way"
    return ""


def _about(place: Place, name: str, watch: Watch) -> dict[str, object] | None:
    """What a lock says; None where it has just gone. One that cannot be read says nothing, and holds until it is stale."""
    try:
        about = json.loads(whole(place, name, watch))
    except Gone:
        return None
    except ValueError:
        return {"exclusive": True}
    return about if isinstance(about, dict) else {"exclusive": True}


def _dead(about: dict[str, object]) -> bool:
    """Whether its process is known to have ended: only on the host it ran on."""
    if about.get("host") != host():
        return False
    pid = about.get("pid")
    return about.get("boot") != boot() or (isinstance(pid, int) and start(pid) != about.get("start"))


def _now() -> float:
    """Seconds on a clock that goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
