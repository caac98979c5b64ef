"""Files of rows keep the contract: one file, and a folder of them, of every kind."""

import shutil
from pathlib import Path
from typing import ClassVar

import pytest

from tests.contract import rows
from tests.contract.suite import CollectionContract, Kill
from trueup.connectors import avro, csv, jsonl, parquet, xlsx
from trueup.connectors.tables.connector import FileConnector
from trueup.connectors.tables.store import TableStore


class _Table(CollectionContract):
    """A file whose options are found out where none are given."""

    items = rows
    name: ClassVar[str] = ""
    many: ClassVar[int] = 100
    connector: ClassVar[FileConnector]
    options: ClassVar[dict[str, object]] = {}

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / f"people{self.connector.suffixes[0]}"

    @pytest.fixture
    def store(self, path: Path) -> TableStore:
        return self.connector.open("crm", {"path": path, "key": ["id"], **self.options})

    @pytest.fixture
    def kill(self, path: Path) -> Kill:
        return path.unlink


class TestCsv(_Table):
    connector = csv.CONNECTOR


class TestCsvInUtf16(_Table):
    items = rows.Few()
    connector = csv.CONNECTOR
    options: ClassVar[dict[str, object]] = {"delimiter": "tab", "encoding": "utf-16"}


class TestJsonl(_Table):
    connector = jsonl.CONNECTOR


class TestParquet(_Table):
    items = rows.Few()
    connector = parquet.CONNECTOR


class TestAvro(_Table):
    items = rows.Few()
    connector = avro.CONNECTOR


class TestXlsx(_Table):
    items = rows.Few()
    connector = xlsx.CONNECTOR


class TestFolder(CollectionContract):
    items = rows.Few()

    @pytest.fixture
    def store(self, tmp_path: Path) -> TableStore:
        return csv.CONNECTOR.open("crm", {"path": tmp_path / "tables", "key": ["id"]})

    @pytest.fixture
    def kill(self, tmp_path: Path) -> Kill:
        return lambda: shutil.rmtree(tmp_path / "tables")
