"""Bringing items back: into a collection of a store, or as files into a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from trueup.jobs.backup.sources.collections.selection import selected
from trueup.model.backup import RestoreStep, RestoreTarget, SourceContext
from trueup.model.errors import NotFound
from trueup.model.repository import Watch


def is_folder(to: str, context: SourceContext | None) -> bool:
    """Whether `to` names a folder: it begins with `.`, `/` or `~`; without a configuration there is nothing else.

    Raises:
        NotFound: it is neither that nor store/collection.
    """
    if to.startswith((".", "/", "~")):
        return True
    if context is None:
        return True
    if "/" not in to.strip("/"):
        raise NotFound(
            f"{to} is no place to restore to",
            hint=f"say store/collection, as {to}/* for all collections of a store, or ./{to} for a folder",
        )
    return False


def plan(about: Path, target: RestoreTarget, context: SourceContext | None) -> Iterator[RestoreStep]:
    """See `SourceKind.plan_restore`."""
    wanted = selected(about, target.only)
    if is_folder(target.to, context):
        from trueup.jobs.backup.sources.collections.to_folder import FolderRestore

        yield from FolderRestore(wanted, target).plan()
        return
    from trueup.jobs.backup.sources.collections.to_store import StoreRestore

    assert context is not None
    yield from StoreRestore(wanted, target, context).plan()


def restore(
    about: Path, data: Path, target: RestoreTarget, context: SourceContext | None, watch: Watch
) -> Iterator[RestoreStep]:
    """See `SourceKind.restore`."""
    wanted = selected(about, target.only)
    if is_folder(target.to, context):
        from trueup.jobs.backup.sources.collections.to_folder import FolderRestore

        yield from FolderRestore(wanted, target).run(data, watch)
        return
    from trueup.jobs.backup.sources.collections.to_store import StoreRestore

    assert context is not None
    yield from StoreRestore(wanted, target, context).run(data, watch)
