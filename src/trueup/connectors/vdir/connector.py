"""The vdir connector's name, options and way in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from trueup.connectors.base import Option
from trueup.connectors.folder.layout import Layout
from trueup.connectors.folder.store import FolderStore

CALENDARS = Layout("calendar", ".ics")


@dataclass(frozen=True, slots=True)
class VdirConnector:
    """Folders of .ics files on this machine."""

    name: str = "vdir"
    help: str = "a folder of calendars, each a folder of .ics files with one event a file (as khal and vdirsyncer use)"
    options: tuple[Option, ...] = (
        Option("path", "path", required=True, help="the folder that holds the calendars' folders"),
    )

    def open(self, name: str, options: Mapping[str, object]) -> FolderStore:
        """The store in the folder `path`."""
        path = options["path"]
        assert isinstance(path, str | os.PathLike)
        return FolderStore(name, os.fspath(path), CALENDARS)


CONNECTOR = VdirConnector()
