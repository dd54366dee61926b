"""Both stores keep the whole contract; what only a file can promise stands below."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from arrcli.store.contract import Store
from arrcli.store.memory import MemoryStore
from arrcli.store.sqlite import SQLiteStore
from arrcli.testing import StoreContract


class TestMemoryStore(StoreContract):
    def new_store(self) -> Store:
        return MemoryStore()


class TestSQLiteStore(StoreContract):
    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> Iterator[None]:
        self.store = SQLiteStore(tmp_path / "arr.db")
        yield
        self.store.close()

    def setup_method(self) -> None:
        """The store is made by the fixture, which knows where."""

    def teardown_method(self) -> None:
        """Likewise."""
