"""Jobs: from the schema to what the core works with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from trueup.config.mappings import part_of
from trueup.config.models import CollectionModel, GuardsModel, JobModel, PreferModel
from trueup.config.scheduled import schedule_spec, trigger_specs
from trueup.model.job import CollectionRef, ConflictPolicy, Guards, JobSpec

if TYPE_CHECKING:
    from trueup.config.contacts_models import ContactsJobModel


def job_spec(name: str, job: JobModel) -> JobSpec:
    """The frozen job of calendars."""
    options: dict[str, object] = {
        key: value.model_dump(mode="json")
        for key, value in (("transform", job.transform), ("filter", job.filter), ("overlaps", job.overlaps))
        if value is not None
    }
    return _spec(name, job, options, invite=job.invitations == "allow")


def contacts_spec(name: str, job: ContactsJobModel) -> JobSpec:
    """The frozen job of contacts."""
    from trueup.config.contacts_models import MatchModel
    from trueup.config.quality import limits, rules

    blanks = {"*": job.blanks} if isinstance(job.blanks, str) else dict(job.blanks)
    options: dict[str, object] = {
        "truth": dict(job.truth),
        "blanks": blanks,
        "match": job.match.model_dump(mode="json") if isinstance(job.match, MatchModel) else None,
        "duplicates": job.duplicates or "",
        "survivor": dict(job.survivor),
        "quality": rules(job.quality),
        "profile": limits(job.guards.profile),
    }
    if job.filter is not None:
        options["filter"] = job.filter.model_dump(mode="json")
    tables = [(one, one.mapping) for one in (*job.collections, *job.from_, *job.to) if one.mapping is not None]
    if tables:
        options["mappings"] = {
            f"{one.store}/{part_of(one)}": one_mapping.model_dump(mode="json", by_alias=True, exclude_none=True)
            for one, one_mapping in tables
        }
    return _spec(name, job, options)


def _spec(name: str, job: JobModel | ContactsJobModel, options: dict[str, object], *, invite: bool = False) -> JobSpec:
    shape = {key: options[key] for key in ("transform", "filter") if key in options}
    return JobSpec(
        name=name,
        kind=job.kind,
        sources=_refs(job.collections or job.from_),
        targets=_refs(job.to),
        conflicts=ConflictPolicy.PREFER if isinstance(job.conflicts, PreferModel) else ConflictPolicy(job.conflicts),
        prefer=job.conflicts.prefer if isinstance(job.conflicts, PreferModel) else "",
        delete_wins=job.on_delete == "delete-wins",
        guards=guards(job.guards),
        invite=invite,
        options=options,
        digest=digest(job.model_dump(mode="json", exclude={"schedule", "triggers", "notify"})),
        shape=digest(shape),
        schedule=schedule_spec(job.schedule),
        triggers=trigger_specs(job.triggers),
    )


def guards(given: GuardsModel) -> Guards:
    """The limits; what is not named in `max_delete` (a share or a number) is not limited by it."""
    shares = [one for one in given.max_delete if isinstance(one, float)]
    counts = [one for one in given.max_delete if isinstance(one, int)]
    return Guards(
        max_delete_share=min(shares, default=None),
        max_delete=min(counts, default=Guards().max_delete if shares else None),
        max_update_share=given.max_update,
        empty=given.empty,
        changed_filter=given.changed_filter,
    )


def _refs(models: Sequence[CollectionModel]) -> tuple[CollectionRef, ...]:
    return tuple(CollectionRef(one.store, part_of(one)) for one in models)


def digest(value: Any) -> str:
    """A digest of plain JSON values."""
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]
