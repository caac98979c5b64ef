"""What the schema cannot say: names that must be known, shapes that exclude each other, things that are named twice.

All of it works on the values as they were written, so that one mistake does not hide another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from trueup.config.findings import meant
from trueup.config.source import Source, Where
from trueup.config.spec import StoreSpec
from trueup.model.diagnostics import Diagnostic

NAME = re.compile(r"\w[\w.-]{0,63}")
READ_ONLY = frozenset({"ics"})
TABLES = frozenset({"csv", "xlsx", "jsonl", "parquet", "avro", "sql"})
EITHER = frozenset({"vcf", *TABLES})  # a folder has named address books, a file is one without a name
# What the stores of a connector hold, where it is always the same.
HOLDS = {"caldav": "calendar", "vdir": "calendar", "ics": "calendar", "carddav": "contacts", "vcf": "contacts"}
NOUNS = {"contacts": "address book"}


def names(source: Source) -> Iterator[Diagnostic]:
    """Names that would make trouble later."""
    for section in ("stores", "jobs", "pipelines"):
        for name in _mapping(source.value.get(section)):
            if not NAME.fullmatch(name):
                hint = "letters, digits, dot, dash and underscore, at most 64"
                yield source.finding((section, name), f"{name!r} is no good as a name", hint=hint, key=True)


def job(source: Source, name: str, stores: Mapping[str, StoreSpec | None]) -> Iterator[Diagnostic]:
    """What is wrong with a job beside its single values.

    Args:
        source: the file.
        name: the job's.
        stores: the stores of the file; None for one that is wrong itself.
    """
    given = _mapping(_mapping(source.value.get("jobs")).get(name))
    where: Where = ("jobs", name)
    kind = str(given.get("kind"))
    noun = NOUNS.get(kind, "calendar")
    yield from _shape(source, where, given, noun)
    seen: set[tuple[str, str]] = set()
    for place, key, ref in _refs(where, given):
        store, calendar = ref.get("store"), ref.get("name") or ""
        if not isinstance(store, str) or not isinstance(calendar, str):
            continue
        if store in stores and (store, calendar) in seen:
            what = f"`{store}/{calendar}` is named twice in this job" if calendar else f"`{store}` is named twice"
            yield source.finding(place, what, hint=f"name each {noun} once")
        if store in stores:
            seen.add((store, calendar))
        yield from known_calendar(source, place, key, ref, stores, noun)
        yield from _holds(source, (*place, "store"), kind, stores.get(store))
    yield from _prefers(source, where, given, seen)


def known_calendar(
    source: Source,
    place: Where,
    key: str,
    ref: Mapping[str, Any],
    stores: Mapping[str, StoreSpec | None],
    noun: str = "calendar",
) -> Iterator[Diagnostic]:
    """Whether a calendar (or what `noun` says) that is named (`store`, `name`) can be there; `key` "to": whether it can be written to."""
    store, calendar = ref.get("store"), ref.get("name") or ""
    if not isinstance(store, str) or not isinstance(calendar, str):
        return
    if store not in stores:
        yield source.finding((*place, "store"), f"there is no store `{store}`", hint=meant(store, stores))
        return
    yield from _ref(source, place, key, store, calendar, stores[store], noun)


def _holds(source: Source, place: Where, kind: str, spec: StoreSpec | None) -> Iterator[Diagnostic]:
    """Whether a store holds what the job is about, where its connector knows one kind only."""
    if spec is not None and spec.connector in TABLES and kind == "calendar":
        yield source.finding(place, f"store `{spec.name}` holds rows, and the job is about events")
        return
    held = HOLDS.get(spec.connector, kind) if spec is not None else kind
    if spec is not None and held != kind and kind in ("calendar", "contacts"):
        holds, wants = ("calendars", "contacts") if held == "calendar" else ("contacts", "events")
        what = f"store `{spec.name}` holds {holds}, and the job is about {wants}"
        hint = "use a store with the connector carddav or vcf" if kind == "contacts" else "write `kind: contacts`"
        yield source.finding(place, what, hint=hint)


def step(source: Source, where: Where, given: Any) -> Iterator[Diagnostic]:
    """A step runs exactly one thing."""
    targets = [key for key in ("job", "python", "pipeline") if _mapping(given).get(key) is not None]
    if isinstance(given, dict) and len(targets) != 1:
        why = f"it has {' and '.join(f'`{one}`' for one in targets)}" if targets else ""
        yield source.finding(
            where, f"step `{where[-1]}` needs exactly one of `job`, `python` and `pipeline`", why=why, key=True
        )


def _shape(source: Source, where: Where, given: Mapping[str, Any], noun: str) -> Iterator[Diagnostic]:
    both, source_side, target = given.get("collections"), given.get("from"), given.get("to")
    if both is not None and (source_side is not None or target is not None):
        extra = (*where, "from" if source_side is not None else "to")
        hint = "`collections` is for both ways, `from` and `to` for one way: use one of the two"
        yield source.finding(extra, "a job works both ways or one way", hint=hint, key=True)
    elif both is None and (source_side is None or target is None):
        missing = "`to` is missing" if source_side is not None else "`from` is missing" if target is not None else ""
        hint = "`collections` (two or more) keeps them in step both ways; `from` and `to` copy one way"
        yield source.finding(where, missing or f"the job does not say which {noun}s", hint=hint, key=True)
    elif isinstance(both, list) and len(both) < 2 and not (both and (given.get("duplicates") or given.get("quality"))):
        hint = (
            "one is enough where the job looks for duplicates, or has rules of quality"
            if noun == "address book"
            else ""
        )
        yield source.finding((*where, "collections"), "`collections` needs two or more", hint=hint, key=True)
    for key in ("from", "to"):
        if given.get(key) == []:
            yield source.finding(
                (*where, key), f"`{key}` is empty", hint=f"name {'an' if noun[0] in 'ae' else 'a'} {noun}", key=True
            )
    if both is not None and given.get("transform") is not None:
        why = "copies that show less could not be merged back"
        yield source.finding(
            (*where, "transform"), "a transform works one way only", why=why, hint="use `from` and `to`", key=True
        )


def _ref(
    source: Source, place: Where, key: str, store: str, calendar: str, spec: StoreSpec | None, noun: str
) -> Iterator[Diagnostic]:
    if spec is None:
        return
    if spec.connector in READ_ONLY and key == "to":
        why = "a published .ics file cannot be written to"
        hint = "name it under `from`, or choose another store"
        yield source.finding((*place, "store"), f"store `{store}` is read-only", why=why, hint=hint)
    elif spec.connector in READ_ONLY and calendar:
        hint = f"name the store alone: {{store: {store}}}"
        yield source.finding((*place, "name"), f"store `{store}` is one calendar, without a name", hint=hint)
    elif spec.connector not in READ_ONLY | EITHER and not calendar:
        hint = f"write {{store: {store}, name: …}}; `trueup doctor {store}` lists its {noun}s"
        yield source.finding(place, f"`name` of the {noun} is missing", hint=hint)


def _refs(where: Where, given: Mapping[str, Any]) -> Iterator[tuple[Where, str, Mapping[str, Any]]]:
    for key in ("collections", "from", "to"):
        value = given.get(key)
        if isinstance(value, dict) and key != "collections":
            yield (*where, key), key, value
        for index, one in enumerate(value if isinstance(value, list) else ()):
            if isinstance(one, dict):
                yield (*where, key, index), key, one


def _prefers(
    source: Source, where: Where, given: Mapping[str, Any], used: set[tuple[str, str]]
) -> Iterator[Diagnostic]:
    """Stores that a policy names must be stores of the job; what has priority may be a collection as well."""
    stores = sorted({store for store, _ in used})
    known = [*stores, *(f"{store}/{name}" for store, name in sorted(used))]
    named: list[tuple[Where, Any, list[str]]] = []
    if isinstance(given.get("conflicts"), dict):
        named.append(((*where, "conflicts", "prefer"), given["conflicts"].get("prefer"), stores))
    priority = _mapping(given.get("overlaps")).get("priority")
    if isinstance(priority, list):
        named += [((*where, "overlaps", "priority", index), one, known) for index, one in enumerate(priority)]
    elif isinstance(priority, str):
        named.append(((*where, "overlaps", "priority"), priority, known))
    for place, name, among in named:
        if isinstance(name, str) and name not in among:
            yield source.finding(place, f"`{name}` is no store of this job", hint=meant(name, among))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
