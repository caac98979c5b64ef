"""What a contact means: identity, fields in normal form, patches in place, versions of vCard, filters, sources of truth, blanks."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trueup.jobs.contacts.filter import ContactsFilter
    from trueup.jobs.contacts.kind import ContactsKind
    from trueup.jobs.contacts.matching.matcher import ContactsMatcher
    from trueup.jobs.contacts.quality.inspector import ContactsInspector
    from trueup.jobs.contacts.rules import ContactsRules

__all__ = ["ContactsFilter", "ContactsInspector", "ContactsKind", "ContactsMatcher", "ContactsRules"]

_HOMES = {
    "ContactsFilter": "filter",
    "ContactsInspector": "quality.inspector",
    "ContactsKind": "kind",
    "ContactsMatcher": "matching.matcher",
    "ContactsRules": "rules",
}


def __getattr__(name: str) -> object:
    """Imports what is asked for, when it is asked for: a run with nothing to do asks little."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
