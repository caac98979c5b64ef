"""Profiles of what a run read: made when a load changed enough to tell, kept with the run, compared with the last that was carried out.

Marks say, by collection, which run made the newest profile (`seen`), with which the next is compared (`base`), and at which revision. The base
moves on when a run's plan was carried out, so that a load that was stopped goes on to be unlike the last until it is allowed or mended. What a
run wrote itself is no anomaly of the next load: a collection it wrote much to is looked at again when it ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trueup.core.noted import SHARED
from trueup.core.profiling import FORMAT
from trueup.core.side import Side
from trueup.core.work import Work
from trueup.model.diagnostics import Diagnostic, Severity
from trueup.model.errors import ItemRefused
from trueup.model.plan import GuardFinding
from trueup.model.ports import Inspector
from trueup.model.quality import BLOCK, Anomaly, ProfileLimits

GUARD = "profile"
PAGE = 250
SMALL = 2_000
SHARE = 0.005
"""A collection of more than SMALL records is profiled anew when this share of them moved: fewer raise no alarm."""

KEEP = 30
"""Profiles that are kept of each collection."""

TOLD = 20

_MARK, _RUN, _WRITTEN = "profile/mark", "profile/run/", "profile/written/"
Json = dict[str, Any]


def compare_loads(work: Work, run_id: str, sides: Mapping[str, Side]) -> tuple[list[GuardFinding], list[Diagnostic]]:
    """Makes the profiles that are due, and says what is unlike the last time.

    Args:
        work: the job.
        run_id: the run whose plan is made.
        sides: its collections, by ref.

    Returns:
        What stops the run, and what is told only.
    """
    stops: list[GuardFinding] = []
    told: list[Diagnostic] = []
    inspector = work.inspector
    limits = inspector.limits if inspector is not None else None
    if inspector is None or limits is None:
        return stops, told
    marks = _marks(work)
    for ref, side in sides.items():
        if not side.read or not side.exists or not _loaded(work, ref):
            continue
        mark = _look(work, run_id, side, marks.get(ref), inspector)
        for message, blocks in _unlike(work, ref, mark, limits):
            if blocks:
                stops.append(GuardFinding(GUARD, ref, message))
            else:
                told.append(Diagnostic(Severity.WARNING, message, ref))
    return _first(stops), told[:TOLD]


def carried_out(work: Work, run_id: str, *, undo: bool = False) -> None:
    """A run's plan is carried out: its loads are what the next ones are compared with. May be repeated.

    Args:
        work, run_id: the run.
        undo: it took back what another run wrote: it read nothing that could be compared.
    """
    inspector = work.inspector
    if inspector is not None and undo:
        work.ledger.facts.remove(work.spec.name, SHARED)
    if inspector is None or inspector.limits is None:
        return
    marks = _marks(work)
    moved: Json = {}
    written: dict[str, int] = {}
    for batch in work.ledger.journal.batches(run_id):
        written[batch.collection] = written.get(batch.collection, 0) + batch.changes
    for ref, mark in marks.items():
        if undo and mark["base"] != mark["seen"]:
            continue
        if written.get(ref) and _loaded(work, ref) and _tells(work, work.row(ref).id, written[ref]):
            name = f"{_WRITTEN}{run_id}/{ref}"
            work.ledger.facts.put(work.spec.name, name, _take(work, ref, inspector))
            mark = {**mark, "seen": name, "base": name, "revision": work.row(ref).revision}
            moved[ref] = mark
        elif mark["base"] != mark["seen"]:
            moved[ref] = {**mark, "base": mark["seen"]}
    if moved:
        work.ledger.facts.merge(work.spec.name, _MARK, moved)
        _forget(work, {**marks, **moved})


def stored(work: Work, run_id: str) -> Json:
    """The profiles that are kept of a run's loads, by collection; where its load changed too little to make one, the last before it."""
    found: Json = {}
    started = work.ledger.journal.get(run_id).started
    for name in work.ledger.facts.names(work.spec.name, _RUN):
        at, run, ref = _parts(name)
        if run == run_id or (at <= started and not _of(run_id, found.get(ref))):
            found[ref] = name
    kept = {ref: _document(work, name) for ref, name in found.items()}
    return {ref: one for ref, one in kept.items() if one["format"] == FORMAT}


def newest(work: Work) -> Json:
    """The newest profile that is kept of each collection, with what the last run wrote to it."""
    return {ref: _document(work, mark["seen"]) for ref, mark in _marks(work).items()}


def history(work: Work, ref: str) -> list[Json]:
    """What is kept of a collection's loads, the oldest first: {"run", "at", "rows", "empty": {field: share of records without it}}."""
    found = []
    for name in work.ledger.facts.names(work.spec.name, _RUN):
        _, run, own = _parts(name)
        if own == ref and (one := _document(work, name))["format"] == FORMAT:
            empty = {
                field: (1 - values["present"] / one["rows"]) if one["rows"] else 0.0
                for field, values in one["fields"].items()
            }
            found.append({"run": run, "at": one["at"], "rows": one["rows"], "empty": empty})
    return found


def bodies(work: Work, collection_id: int) -> Iterator[tuple[str, str, bytes]]:
    """(href, title, body) of all that is in a collection, in order, page by page; what was never handed out is not in it."""
    after = ""
    while page := work.ledger.state.each_live(collection_id, after, PAGE):
        held = work.ledger.blobs.get_many({one.seen for one in page if one.seen})
        for one in page:
            if one.seen:
                yield one.href, one.title, held[one.seen]
        after = page[-1].href


def _parts(name: str) -> tuple[float, str, str]:
    """When, run and collection of a load, by the name of its profile."""
    at, run, ref = name.removeprefix(_RUN).split("/", 2)
    return float(at), run, ref


def _of(run_id: str, name: str | None) -> bool:
    return name is not None and _parts(name)[1] == run_id


def _loaded(work: Work, ref: str) -> bool:
    """Whether a collection is read for what is in it: the targets of a one-way job hold what we put there."""
    return ref not in {str(target) for target in work.spec.targets}


def _marks(work: Work) -> Json:
    kept = work.ledger.facts.get(work.spec.name, _MARK) or {}
    return {ref: mark for ref, mark in kept.items() if mark["format"] == FORMAT}


def _document(work: Work, name: str) -> Json:
    return work.ledger.facts.get(work.spec.name, name) or {"format": 0, "rows": 0, "fields": {}}


def _look(work: Work, run_id: str, side: Side, mark: Json | None, inspector: Inspector) -> Json:
    """A collection's mark, after a new profile where one is due."""
    revision = work.row(side.ref).revision
    if mark is not None and mark["id"] != side.id:
        mark = None  # it left the job and came back
    if mark is not None and (
        mark["revision"] == revision
        or not _tells(work, side.id, work.ledger.state.moved(side.id, mark["revision"]), mark["rows"])
    ):
        return mark
    profile = _take(work, side.ref, inspector)
    name = f"{_RUN}{profile['at']:017.6f}/{run_id}/{side.ref}"  # names stand in the order of time
    work.ledger.facts.put(work.spec.name, name, profile)
    base = mark["base"] if mark is not None else name
    made = {"format": FORMAT, "id": side.id, "seen": name, "base": base, "revision": revision, "rows": profile["rows"]}
    work.ledger.facts.merge(work.spec.name, _MARK, {side.ref: made})
    return made


def _tells(work: Work, collection_id: int, moved: int, rows: int | None = None) -> bool:
    """Whether so many records that moved can tell anything new."""
    live = work.ledger.state.counts(collection_id).live
    return max(moved, abs(live - rows) if rows is not None else 0) >= SHARE * live or live <= SMALL


def _take(work: Work, ref: str, inspector: Inspector) -> Json:
    """The profile of what the ledger knows to be in a collection."""
    from trueup.core.profiling.profile import Profile

    profile = Profile(inspector.expects)
    for count, (_, _, data) in enumerate(bodies(work, work.row(ref).id)):
        try:
            profile.add(inspector.values(data))
        except ItemRefused as error:
            profile.refuse(error.what if not error.why else f"{error.what}: {error.why}")
        if count % PAGE == 0:
            work.check()
    return {"at": work.clock(), "collection": ref, **profile.to_json()}


def _unlike(work: Work, ref: str, mark: Json, limits: ProfileLimits) -> Iterator[tuple[str, bool]]:
    """What is unlike the load that is compared with, a sentence a field; and whether that stops the run."""
    if mark["base"] == mark["seen"]:
        return
    from trueup.core.profiling.drift import anomalies

    fields: dict[str, list[Anomaly]] = {}
    for one in anomalies(_document(work, mark["base"]), _document(work, mark["seen"]), limits):
        fields.setdefault(one.field, []).append(one)
    for name, found in fields.items():
        said = "; ".join(one.message for one in found)
        blocks = any(limits.action_of(one.kind) == BLOCK for one in found)
        yield f"{ref} is unlike the last load: {f'{name}: ' if name else ''}{said}", blocks


def _first(stops: list[GuardFinding]) -> list[GuardFinding]:
    if len(stops) <= TOLD:
        return stops
    more = GuardFinding(GUARD, stops[TOLD].collection, f"… and {len(stops) - TOLD} more")
    return [*stops[:TOLD], more]


def _forget(work: Work, marks: Json) -> None:
    """Old profiles go; never one that is still compared with."""
    facts, job = work.ledger.facts, work.spec.name
    needed = {mark[key] for mark in marks.values() for key in ("seen", "base")}
    by_ref: dict[str, list[str]] = {}
    for name in facts.names(job, _RUN):
        by_ref.setdefault(_parts(name)[2], []).append(name)
    old = [name for names in by_ref.values() for name in names[:-KEEP]] + facts.names(job, _WRITTEN)
    for name in old:
        if name not in needed:
            facts.remove(job, name)
