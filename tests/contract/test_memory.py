"""The reference store keeps the contract, with cursors and without."""

import pytest

from tests.contract.suite import CollectionContract, Kill
from tests.support.memory import MemoryCollection, MemoryStore


class TestMemory(CollectionContract):
    @pytest.fixture(params=["cursors", "listings"])
    def store(self, request: pytest.FixtureRequest) -> MemoryStore:
        return MemoryStore("memory", delta=request.param == "cursors")

    @pytest.fixture
    def kill(self, collection: MemoryCollection) -> Kill:
        return lambda: setattr(collection, "dead", True)
