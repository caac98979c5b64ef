"""Jobs that keep address books in step: from the configuration to what the phases work with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from trueup.core.work import Work
from trueup.jobs.contacts import ContactsFilter, ContactsKind, ContactsRules

if TYPE_CHECKING:
    from trueup.app import App
    from trueup.model.job import JobSpec
    from trueup.model.ports import Store


def contacts_work(app: App, spec: JobSpec, on_event: Callable[[dict[str, Any]], None], *, reading: bool) -> Work:
    """A job of kind `contacts`, ready for its phases."""
    filters = spec.options.get("filter")
    return Work(
        spec=spec,
        ledger=app.ledger,
        store=_stores(app, spec, app.reading_store if reading else app.store),
        kind=ContactsKind(),
        filter=ContactsFilter.from_options(filters) if isinstance(filters, Mapping) else None,
        rules=ContactsRules.from_options(spec.options),
        on_event=on_event,
    )


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
