"""Folders of files keep the contract."""

import shutil
from pathlib import Path

import pytest

from tests.contract.suite import CollectionContract, Kill
from trueup.connectors.folder.store import FolderStore
from trueup.connectors.vdir import CONNECTOR


class TestVdir(CollectionContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> FolderStore:
        return CONNECTOR.open("laptop", {"path": tmp_path})

    @pytest.fixture
    def kill(self, store: FolderStore, tmp_path: Path) -> Kill:
        return lambda: shutil.rmtree(tmp_path / "contract")
