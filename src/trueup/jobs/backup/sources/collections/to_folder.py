"""Items as .ics and .vcf files in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from trueup.core.syncing import sync_folder
from trueup.jobs.backup.sources.collections.files import body_of
from trueup.jobs.backup.sources.collections.index import Item
from trueup.model.backup import RestoreStep, RestoreTarget
from trueup.model.errors import Permanent
from trueup.model.items import digest
from trueup.model.repository import Watch

LOOK_EVERY = 100


class FolderRestore:
    """One restore into a folder: directly, where all items are of one collection, else into a folder for each.

    Args:
        items: what is wanted.
        target: where to.
    """

    def __init__(self, items: Sequence[Item], target: RestoreTarget) -> None:
        self._items = items
        self._overwrite = target.overwrite
        self._folder = Path(os.path.realpath(os.path.expanduser(target.to)))
        self._several = len({os.path.dirname(one.file) for one in items}) > 1

    def plan(self) -> Iterator[RestoreStep]:
        """What would be done."""
        for item in self._items:
            yield self._step(item, self._path(item))

    def run(self, data: Path, watch: Watch) -> Iterator[RestoreStep]:
        """Does it.

        Raises:
            Permanent: a file cannot be written; what was written before stays.
        """
        for number, item in enumerate(self._items):
            if not number % LOOK_EVERY:
                watch.moved()
                watch.ok()
            path = self._path(item)
            step = self._step(item, path)
            if step.action != "skip":
                self._write(path, body_of(item, data), replace=step.action == "update")
            yield step
        if self._folder.is_dir():
            fd = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                sync_folder(fd)
            finally:
                os.close(fd)

    def _path(self, item: Item) -> Path:
        folder, name = os.path.split(item.file)
        return self._folder / folder / name if self._several else self._folder / name

    def _step(self, item: Item, path: Path) -> RestoreStep:
        if os.path.realpath(path.parent) != str(path.parent):
            return RestoreStep("skip", item.shown, str(path), "a symbolic link stands where a folder is needed")
        if not os.path.lexists(path):
            return RestoreStep("create", item.shown, str(path))
        if path.is_symlink() or not path.is_file():
            return RestoreStep("skip", item.shown, str(path), "something else has its name")
        if digest(path.read_bytes()) == item.sum:
            return RestoreStep("skip", item.shown, str(path), "it is there as it was")
        if not self._overwrite:
            return RestoreStep("skip", item.shown, str(path), "another file of this name is there already")
        return RestoreStep("update", item.shown, str(path))

    def _write(self, path: Path, body: bytes, *, replace: bool) -> None:
        """Written beside, then named: there is never half a file."""
        beside = path.with_name(f".trueup-{os.urandom(8).hex()}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                beside.write_bytes(body)
                if replace:
                    os.replace(beside, path)
                else:
                    os.link(beside, path)
            finally:
                beside.unlink(missing_ok=True)
        except OSError as error:
            raise Permanent("the file cannot be written", where=str(path), why=error.strerror or str(error)) from error
