"""Jobs that keep address books in step: from the configuration to what the phases work with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from trueup.core.work import Work
from trueup.jobs.contacts import ContactsFilter, ContactsKind, ContactsRules

if TYPE_CHECKING:
    from trueup.app import App
    from trueup.model.job import JobSpec


def contacts_work(app: App, spec: JobSpec, on_event: Callable[[dict[str, Any]], None], *, reading: bool) -> Work:
    """A job of kind `contacts`, ready for its phases."""
    filters = spec.options.get("filter")
    return Work(
        spec=spec,
        ledger=app.ledger,
        store=app.reading_store if reading else app.store,
        kind=ContactsKind(),
        filter=ContactsFilter.from_options(filters) if isinstance(filters, Mapping) else None,
        rules=ContactsRules.from_options(spec.options),
        on_event=on_event,
    )
