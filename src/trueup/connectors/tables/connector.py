"""What all connectors of files of rows share: their options, and how they are opened."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trueup.connectors.base import Option
from trueup.connectors.tables.formats import Format
from trueup.connectors.tables.store import TableStore
from trueup.model.errors import ConfigError, Permanent

EXTRA = 'pip install "trueup[tables]"'

PATH = Option("path", "path", required=True, help="the file, or a folder of such files, each a collection")
KEY = Option("key", "words", required=True, help="the column, or list of columns, whose value names a row for ever")


@dataclass(frozen=True, slots=True)
class FileConnector:
    """A kind of files of rows on this machine.

    Attributes:
        make: the format, of the options.
        suffixes: what the names of its files end with.
    """

    name: str
    help: str
    make: Callable[[Mapping[str, object]], Format]
    suffixes: tuple[str, ...]
    more: tuple[Option, ...] = ()
    holds: str = "rows"

    @property
    def options(self) -> tuple[Option, ...]:
        """`path`, `key`, and its own."""
        return (PATH, KEY, *self.more)

    def open(self, name: str, options: Mapping[str, object]) -> TableStore:
        """The store at `path`: a file where there is one, or where none is there yet and the name is that of such a file.

        Raises:
            ConfigError: an option says what cannot be.
        """
        given = options["path"]
        assert isinstance(given, str | os.PathLike)
        path = os.path.abspath(os.path.expanduser(os.fspath(given)))
        key = options.get("key") or ()
        assert isinstance(key, tuple | list)
        if not key or len(set(key)) != len(key):
            raise ConfigError(f"`key` of {name} must name columns, each once", hint="as: key: id")
        folder = os.path.isdir(path) or not (os.path.isfile(path) or path.lower().endswith(self.suffixes))
        return TableStore(name, path, self.make(options), key, folder=folder)


def missing_package(package: str, what: str) -> Permanent:
    """The error of a package that an extra brings."""
    return Permanent(f"could not read {what}", why=f"the package {package} is not installed", hint=EXTRA)
