"""The vcf connector's name, options and way in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from trueup.connectors.base import Option
from trueup.connectors.folder.layout import Layout
from trueup.connectors.folder.store import FolderStore
from trueup.connectors.vcf.store import FileStore

CARDS = Layout("address book", ".vcf")
SUFFIXES = (".vcf", ".vcard")


@dataclass(frozen=True, slots=True)
class VcfConnector:
    """Files of vCards on this machine."""

    name: str = "vcf"
    help: str = (
        "a folder of address books, each a folder of .vcf files with one card a file; or one .vcf file with many cards"
    )
    options: tuple[Option, ...] = (
        Option(
            "path", "path", required=True, help="the folder that holds the address books' folders, or the .vcf file"
        ),
    )

    def open(self, name: str, options: Mapping[str, object]) -> FolderStore | FileStore:
        """The store at `path`: a file where there is one, or where none is there yet and the name is that of a .vcf file."""
        given = options["path"]
        assert isinstance(given, str | os.PathLike)
        path = os.path.abspath(os.path.expanduser(os.fspath(given)))
        if os.path.isfile(path) or (path.lower().endswith(SUFFIXES) and not os.path.isdir(path)):
            return FileStore(name, path, CARDS)
        return FolderStore(name, path, CARDS)


CONNECTOR = VcfConnector()
