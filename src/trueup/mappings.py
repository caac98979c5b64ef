"""Tables of contacts jobs: what `doctor` and `init` say of their mappings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from trueup.jobs.contacts.mapping.proposal import covered
from trueup.jobs.contacts.mapping.spec import Mapping as Columns
from trueup.model.diagnostics import Diagnostic, Severity

if TYPE_CHECKING:
    from trueup.app import App


def examine_mappings(app: App, store: str) -> Iterator[Diagnostic]:
    """What the jobs' mappings cover of a store's tables, what they leave out, and what they name and is not there."""
    for job in app.config.jobs.values():
        given = job.options.get("mappings")
        for ref in job.collections if isinstance(given, Mapping) else ():
            options = given.get(f"{ref.store}/{ref.name}") if isinstance(given, Mapping) else None
            if ref.store != store or not isinstance(options, Mapping):
                continue
            found = app.reading_store(store).open(ref.name)
            columns = () if found is None else found.capabilities.columns
            if not columns:
                continue
            named, left, missing = covered(Columns.from_options(options), columns)
            what = ", ".join(f"{name}: {' + '.join(held)}" for name, held in named.items())
            yield Diagnostic(Severity.INFO, f"the mapping of {ref} covers {what}", f"job {job.name}")
            if left:
                yield Diagnostic(
                    Severity.INFO, f"columns that no property is mapped to: {', '.join(left)}", f"job {job.name}"
                )
            if missing:
                hint = f"the columns are: {', '.join(columns)}"
                what = f"the mapping of {ref} names columns that are not there: {', '.join(missing)}"
                yield Diagnostic(Severity.ERROR, what, f"job {job.name}", "", hint)
