"""Jobs: from the schema to what the core works with."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from trueup.config.models import CollectionModel, GuardsModel, JobModel
from trueup.config.quantities import share
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
        digest=_digest(job.model_dump(mode="json")),
        shape=_digest(shape),
    )


def guards(given: GuardsModel) -> Guards:
    """The limits; a percentage is a share, a whole number a count."""
    limits = given.max_delete if isinstance(given.max_delete, list) else [given.max_delete]
    off = _is_off(given.max_delete)
    shares = [share(one) for one in limits if _is_share(one)]
    counts = [int(one) for one in limits if not _is_share(one) and not isinstance(one, bool)]
    default = Guards()
    return Guards(
        max_delete_share=None if off else min(shares, default=default.max_delete_share if not counts else None),
        max_delete=None if off else min(counts, default=default.max_delete),
        max_update_share=None if _is_off(given.max_update) else share(given.max_update),
        empty=given.empty,
        changed_filter=given.changed_filter,
    )


def _is_off(value: object) -> bool:
    return value is False or value == "off"


def _is_share(value: object) -> bool:
    return isinstance(value, float) or (isinstance(value, str) and not value.strip().isdigit())


def _refs(models: list[CollectionModel]) -> tuple[CollectionRef, ...]:
    return tuple(CollectionRef(one.store, one.name) for one in models)


def _digest(value: Any) -> str:
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]
