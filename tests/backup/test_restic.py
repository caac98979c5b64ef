"""Repositories of restic, with the real one: the contract, and what only restic has."""

from __future__ import annotations

import functools
import shutil
import tempfile
from pathlib import Path
from typing import ClassVar

from tests.backup.repository_contract import RepositoryContract, watch
from tests.support.restic import cheapen, restic
from trueup.connectors.restic import CONNECTOR
from trueup.connectors.restic.store import ResticStore

SECRETS = ("the first pass word", "another, wrong one")


def opened(folder: Path, key: int = 0, **more: object) -> ResticStore:
    options = {"path": folder / "vault", "password": SECRETS[key], "program": restic(), "cache": folder / "cache"}
    return CONNECTOR.open("vault", {**options, **more})


@functools.cache
def template() -> tempfile.TemporaryDirectory[str]:
    """An empty repository to copy: making one takes seconds."""
    folder = tempfile.TemporaryDirectory(prefix="trueup-restic-")
    opened(Path(folder.name)).prepare(False, watch())
    cheapen(Path(folder.name) / "vault", SECRETS[0])
    return folder


def prepared(folder: Path, **more: object) -> ResticStore:
    shutil.copytree(Path(template().name) / "vault", folder / "vault", dirs_exist_ok=True)
    return opened(folder, **more)


class TestRestic(RepositoryContract):
    secrets: ClassVar[tuple[str, ...]] = SECRETS

    def make(self, folder: Path, key: int = 0) -> ResticStore:
        return opened(folder, key)

    def prepared(self, folder: Path) -> ResticStore:
        return prepared(folder)
