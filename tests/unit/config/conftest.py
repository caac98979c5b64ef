"""Writing a trueup.yaml and loading it with the real connectors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from trueup.app import App
from trueup.config import Config
from trueup.config.source import InvalidConfig

STORES = """\
version: 1
stores:
  work: {connector: caldav, url: "http://127.0.0.1:1/", username: ana, password: {env: X}}
  home: {connector: vdir, path: calendars}
  feed: {connector: ics, url: "http://127.0.0.1:1/a.ics"}
"""
"""Lines 1 to 5."""

TEAM = """\
jobs:
  team:
    kind: calendar
    collections: [{store: work, name: team}, {store: home, name: team}]
"""
"""Lines 6 to 9 after STORES; what is added with four spaces belongs to the job."""

Load = Callable[[str | bytes], Config]
Wrong = Callable[[str | bytes], list[str]]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads a configuration as `trueup validate` does."""

    def load(text: str | bytes) -> Config:
        file = tmp_path / "trueup.yaml"
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        with App.load(file) as app:
            return app.validate()

    return load


@pytest.fixture
def wrong(load: Load) -> Wrong:
    """What is wrong with a configuration, a line each: "7:3 what | why | hint"."""

    def wrong(text: str | bytes) -> list[str]:
        with pytest.raises(InvalidConfig) as caught:
            load(text)
        found = caught.value.diagnostics
        assert all(one.source is not None for one in found)
        return [
            f"{one.source.line}:{one.source.column} {one.what} | {one.why} | {one.hint}" for one in found if one.source
        ]

    return wrong
