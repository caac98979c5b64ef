"""Jobs: from the schema to what the core works with."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from trueup.config.models import CollectionModel, GuardsModel, JobModel
from trueup.config.scheduled import schedule_spec, trigger_specs
from trueup.model.job import CollectionRef, ConflictPolicy, Guards, JobSpec


def job_spec(name: str, job: JobModel) -> JobSpec:
    """The frozen job."""
    policy = ConflictPolicy(job.conflicts) if isinstance(job.conflicts, str) else ConflictPolicy.PREFER
    options: dict[str, object] = {
        key: value.model_dump(mode="json")
        for key, value in (("transform", job.transform), ("filter", job.filter), ("overlaps", job.overlaps))
        if value is not None
    }
    shape = {key: options[key] for key in ("transform", "filter") if key in options}
    return JobSpec(
        name=name,
        kind=job.kind,
        sources=_refs(job.collections or job.from_),
        targets=_refs(job.to),
        conflicts=policy,
        prefer="" if isinstance(job.conflicts, str) else job.conflicts.prefer,
        delete_wins=job.on_delete == "delete-wins",
        guards=guards(job.guards),
        invite=job.invitations == "allow",
        options=options,
        digest=digest(job.model_dump(mode="json", exclude={"schedule", "triggers"})),
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


def _refs(models: list[CollectionModel]) -> tuple[CollectionRef, ...]:
    return tuple(CollectionRef(one.store, one.name) for one in models)


def digest(value: Any) -> str:
    """A digest of plain JSON values."""
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]
