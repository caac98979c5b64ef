"""Files of cards keep the contract: one card a file, and many in one."""

import shutil
from pathlib import Path
from typing import ClassVar

import pytest

from tests.contract import cards
from tests.contract.suite import CollectionContract, Kill
from trueup.connectors.folder.store import FolderStore
from trueup.connectors.vcf import CONNECTOR
from trueup.connectors.vcf.store import FileStore


class TestFolder(CollectionContract):
    items = cards

    @pytest.fixture
    def store(self, tmp_path: Path) -> FolderStore | FileStore:
        return CONNECTOR.open("phone", {"path": tmp_path})

    @pytest.fixture
    def kill(self, tmp_path: Path) -> Kill:
        return lambda: shutil.rmtree(tmp_path / "contract")


class TestFile(CollectionContract):
    items = cards
    name: ClassVar[str] = ""

    @pytest.fixture
    def store(self, tmp_path: Path) -> FolderStore | FileStore:
        return CONNECTOR.open("phone", {"path": tmp_path / "contacts.vcf"})

    @pytest.fixture
    def kill(self, tmp_path: Path) -> Kill:
        return lambda: (tmp_path / "contacts.vcf").unlink()
