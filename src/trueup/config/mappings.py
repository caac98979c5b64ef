"""What is to be checked of the tables of a contacts job: a mapping where there are rows, and none where there are cards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from trueup.config.checks import TABLES
from trueup.config.models import CollectionModel
from trueup.config.source import Source, Where
from trueup.config.spec import StoreSpec
from trueup.model.diagnostics import Diagnostic


def part_of(ref: CollectionModel) -> str:
    """A collection's name with the part of it that `where` means: "customers?region=north"."""
    where = getattr(ref, "where", None)
    if not where:
        return ref.name
    pairs: list[tuple[str, str]] = []
    for column, said in where.items():
        if isinstance(said, str | list):
            pairs += [(column, one) for one in ([said] if isinstance(said, str) else said)]
        else:
            pairs.append((column, f"{said.from_}..{said.to}"))
    return f"{ref.name}?{urlencode(pairs)}"


def mapping_findings(
    source: Source, where: Where, given: Mapping[str, Any], stores: Mapping[str, StoreSpec | None]
) -> Iterator[Diagnostic]:
    """Tables without a mapping, mappings without a table, and columns that are named for two things."""
    for key in ("collections", "from", "to"):
        listed = given.get(key)
        for index, ref in enumerate(listed if isinstance(listed, list) else [listed]):
            if isinstance(ref, dict):
                place: Where = (*where, key, index) if isinstance(listed, list) else (*where, key)
                yield from _of(source, place, ref, stores)


def _of(
    source: Source, place: Where, ref: Mapping[str, Any], stores: Mapping[str, StoreSpec | None]
) -> Iterator[Diagnostic]:
    spec, mapping = stores.get(str(ref.get("store"))), ref.get("mapping")
    if spec is None:
        return
    if spec.connector in TABLES and not mapping:
        hint = "mapping: {name: …, email: …, phone: …}, or a preset: mapping: google; `trueup doctor` lists the columns"
        what = f"store `{spec.name}` holds rows, and nothing says which column is what"
        yield source.finding(place, what, hint=hint, key=True)
    elif spec.connector not in TABLES and ref.get("where"):
        what = f"store `{spec.name}` holds contacts, and `where` is for tables"
        yield source.finding((*place, "where"), what, hint="use `filter` of the job", key=True)
    elif spec.connector not in TABLES and mapping:
        what = f"store `{spec.name}` holds contacts, and needs no `mapping`"
        yield source.finding((*place, "mapping"), what, hint="leave it out", key=True)
    elif isinstance(mapping, dict):
        yield from _twice(source, (*place, "mapping"), mapping)


def _twice(source: Source, place: Where, mapping: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """A column that is named for two properties could not be written."""
    seen: dict[str, str] = {}
    for key, value in mapping.items():
        if key in ("preset", "constants"):
            continue
        for column in _columns(value):
            if column in seen and not {key, seen[column]} <= {"uid", key} | {"uid"}:
                what = f"column “{column}” is `{seen[column]}` already"
                yield source.finding((*place, key), what, hint="a column holds one property", key=True)
            seen.setdefault(column, key)


def _columns(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _columns(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            if key not in ("separator", "wipes", "parts", "format", "as", "type", "type_column"):
                yield from _columns(one)
