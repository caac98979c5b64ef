"""Copies from one restic repository into another, block by block and without a detour over files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from trueup.connectors.restic.running import Restic
from trueup.model.errors import Permanent
from trueup.model.repository import Snapshot, Watch


def possible(source: Restic, target: Restic) -> bool:
    """Whether one restic can reach both: it has one environment for the credentials of both, and needs a second way in for a password."""
    theirs, ours = source.settings.credentials, target.settings.credentials
    return hasattr(os, "memfd_create") and all(ours.get(key, value) == value for key, value in theirs.items())


def copy(source: Restic, target: Restic, snapshot: str, watch: Watch) -> None:
    """Copies a snapshot; one that is there already is left as it is."""
    settings = source.settings
    with _readable(settings.password) as path:
        env = {
            **settings.address.passed(),
            **settings.credentials,
            "RESTIC_FROM_REPOSITORY": settings.address.text,
            "RESTIC_FROM_PASSWORD_FILE": path,
        }
        what = f"could not copy snapshot {snapshot[:8]} from {settings.name}"
        target.run(what, ["copy", snapshot], watch, both=True, env=env)


def copied(found: Sequence[Snapshot], snapshot: Snapshot) -> Snapshot:
    """The copy of a snapshot among those of the target: it keeps all but its id."""

    def same(one: Snapshot) -> tuple[object, ...]:
        return one.job, one.source, one.run, one.host, one.time, one.bytes

    for one in reversed(found):
        if same(one) == same(snapshot):
            return one
    raise Permanent(f"the copy of snapshot {snapshot.id[:8]} is not there", why="restic said that it had copied it")


@contextmanager
def _readable(secret: str) -> Iterator[str]:
    """A path that our own processes can read the secret from, once or often, and which is in memory only (memfd_create(2))."""
    file = os.memfd_create("trueup", os.MFD_CLOEXEC)
    try:
        os.write(file, secret.encode(errors="surrogateescape"))
        yield f"/proc/{os.getpid()}/fd/{file}"
    finally:
        os.close(file)
