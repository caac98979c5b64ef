"""Folders of files keep the contract."""

import shutil
from pathlib import Path

import pytest

from tests.contract.suite import CollectionContract, Kill
from trueup.connectors.vdir import CONNECTOR
from trueup.connectors.vdir.store import VdirStore


class TestVdir(CollectionContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> VdirStore:
        return CONNECTOR.open("laptop", {"path": tmp_path})

    @pytest.fixture
    def kill(self, store: VdirStore, tmp_path: Path) -> Kill:
        return lambda: shutil.rmtree(tmp_path / "contract")
