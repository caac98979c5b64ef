"""Rows of a table as contacts: which column is which property, both ways."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trueup.jobs.contacts.mapping.proposal import propose
    from trueup.jobs.contacts.mapping.spec import Mapping
    from trueup.jobs.contacts.mapping.store import MappedStore

__all__ = ["MappedStore", "Mapping", "propose"]

_HOMES = {"MappedStore": "store", "Mapping": "spec", "propose": "proposal"}


def __getattr__(name: str) -> object:
    """Imports what is asked for, when it is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
