"""`trueup verify` of a backup: the whole repository is read, and sources are restored and compared, due or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from trueup.jobs.backup import proving
from trueup.jobs.backup.results import Result
from trueup.jobs.backup.status import status
from trueup.jobs.backup.work import BackupWork
from trueup.model.change import ChangeState
from trueup.model.errors import NotFound

Json: TypeAlias = dict[str, Any]


def audit(work: BackupWork, sources: Sequence[str] = ()) -> Json:
    """Proves a backup.

    Args:
        work: the job.
        sources: which are restored; empty: all.

    Returns:
        {"job", "kind", "agrees", "stages": [{"stage", "title", "state", "reason", …}], and what `status` says}.

    Raises:
        NotFound: there is no source of that name.
    """
    for one in sources:
        if one not in work.backup.by_name:
            raise NotFound(f"there is no source {one}", hint=f"there are: {', '.join(work.backup.by_name)}")
    store = work.backup.repository
    stages = [_told(work, "check", store, proving.check(work, store, 1.0))]
    for name in sources or work.backup.by_name:
        work.check()
        stages.append(_told(work, "drill", name, proving.drill(work, name)))
    agrees = all(one["state"] == ChangeState.VERIFIED.value for one in stages)
    return {"job": work.spec.name, "kind": "backup", "agrees": agrees, "stages": stages, **status(work)}


def _told(work: BackupWork, stage: str, title: str, result: Result) -> Json:
    work.on_event({"event": "stage", "stage": stage, "title": title, "state": result.state.value})
    return {"stage": stage, "title": title, "state": result.state.value, **result.to_json()}


def accept(work: BackupWork, causes: Sequence[str] = ()) -> list[str]:
    """A person has looked at what was suspicious, and takes it for right: from now on it is what later ones are compared with.

    Args:
        work: the job.
        causes: sources, or causes as `status` names them ("anomaly/crm", "vanished/vault"); empty: all of them. Damage is not accepted but
            mended, unless its source or store is not in the job any more.

    Returns:
        The causes that are gone.
    """
    found = [one for one in work.memory.freezes() if one.startswith(("anomaly/", "vanished/"))]
    found += [one for one in work.memory.freezes() if one not in work.freezes() and one not in found]
    wanted = [one for one in found if not causes or one in causes or one.partition("/")[2] in causes]
    for one in wanted:
        source, store = one.partition("/")[2], work.backup.repository
        with work.ledger.transaction("backup.accept"):
            for snapshot, fact in work.memory.snapshots(store, source).items():
                if fact.get("suspicious"):
                    work.memory.keep(store, source, snapshot, {"suspicious": False, "accepted": work.clock()})
            work.memory.thaw(one)
    return wanted
