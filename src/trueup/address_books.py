"""Jobs that keep address books in step: from the configuration to what the phases work with."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.core.work import Work
from trueup.jobs.contacts import ContactsFilter, ContactsInspector, ContactsKind, ContactsMatcher, ContactsRules

if TYPE_CHECKING:
    from trueup.app import App
    from trueup.core.ledger.state import State
    from trueup.model.job import JobSpec
    from trueup.model.ports import Store


def contacts_work(app: App, spec: JobSpec, on_event: Callable[[dict[str, Any]], None], *, reading: bool) -> Work:
    """A job of kind `contacts`, ready for its phases."""
    filters = spec.options.get("filter")
    names = JobNames(app.ledger.state, spec)
    return Work(
        spec=spec,
        ledger=app.ledger,
        store=_renaming(_stores(app, spec, app.reading_store if reading else app.store), names),
        kind=ContactsKind(names),
        filter=ContactsFilter.from_options(filters) if isinstance(filters, Mapping) else None,
        rules=ContactsRules.from_options(spec.options),
        narrow=_tables(spec),
        matcher=ContactsMatcher.from_options(spec.options),
        inspector=contacts_inspector(app.config.root, spec),
        on_event=on_event,
    )


class JobNames:
    """What the ledger knows of the contacts' keys; implements `jobs.contacts.members.Names`."""

    def __init__(self, state: State, spec: JobSpec) -> None:
        self._state, self._job, self._one_way = state, spec.name, spec.one_way

    def keys(self, uids: Collection[str]) -> Mapping[str, str]:
        """See `Names.keys`."""
        return {uid: key for uid, (key, _) in self._state.link_keys(self._job, uids).items()}

    def title(self, key: str) -> str:
        """See `Names.title`."""
        found = self._state.link_keys(self._job, {key, key.upper(), key.lower()})
        return next((title for _, title in found.values() if title), "")

    def own(self, ref: str, uids: Collection[str]) -> Mapping[str, str]:
        """Of members' UIDs, the one that a collection knows each by; copies that are not there yet will have the job's key."""
        keys = self.keys(uids)
        own = self._state.own_keys(self._job, ref, set(keys.values()))
        return {uid: own.get(key, key if self._one_way else uid) for uid, key in keys.items()}


def _renaming(store: Callable[[str], Store], names: JobNames) -> Callable[[str], Store]:
    """The stores, given members of groups under the UIDs that they know them by."""
    from trueup.jobs.contacts.renaming import RenamingStore

    return lambda name: RenamingStore(store(name), names.own)


def contacts_inspector(root: Path, spec: JobSpec) -> ContactsInspector:
    """Knows the job's rules of quality; files that they look values up in are read when the first record is looked at."""
    named = [one["lookup"] for one in _rules(spec) if one.get("lookup")]
    if not named:
        return ContactsInspector(spec.options)
    from trueup.lookups import FileLookup

    found = {json.dumps(one, sort_keys=True): FileLookup(root, one) for one in named}
    versions = [each.version() for each in found.values()]
    return ContactsInspector(spec.options, lambda one: found[json.dumps(one, sort_keys=True)], versions)


def _rules(spec: JobSpec) -> list[Mapping[str, Any]]:
    given = spec.options.get("quality")
    return given if isinstance(given, list) else []


def _tables(spec: JobSpec) -> frozenset[str]:
    """The collections that are tables."""
    given = spec.options.get("mappings")
    known = given if isinstance(given, Mapping) else {}
    return frozenset(str(ref) for ref in spec.collections if f"{ref.store}/{ref.name}" in known)


def _stores(app: App, spec: JobSpec, store: Callable[[str], Store]) -> Callable[[str], Store]:
    """The job's stores, those of tables as address books."""
    given = spec.options.get("mappings")
    if not isinstance(given, Mapping) or not given:
        return store
    from trueup.jobs.contacts.mapping import MappedStore
    from trueup.jobs.contacts.mapping import Mapping as Columns
    from trueup.jobs.contacts.rules import by_property

    blanks = by_property(spec.options.get("blanks"))
    mapped: dict[str, dict[str, Columns]] = {}
    for ref in spec.collections:
        options = given.get(f"{ref.store}/{ref.name}")
        if isinstance(options, Mapping):
            mapped.setdefault(ref.store, {})[ref.name] = Columns.from_options(options, blanks)

    def opened(name: str) -> Store:
        inner = store(name)
        if name not in mapped:
            return inner
        key = app.config.stores[name].options.get("key") or ()
        return MappedStore(inner, mapped[name], key)

    return opened
