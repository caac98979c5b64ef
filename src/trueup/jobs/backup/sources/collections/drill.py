"""The drill: every file is what was fetched, and can be read as an item; on request they go through a scratch collection of a store."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trueup import __version__
from trueup.jobs.backup.sources.collections.files import all_files, read
from trueup.jobs.backup.sources.collections.index import Item, Kinds, items, normal_digest
from trueup.jobs.backup.sources.collections.scratch import ScratchCollection
from trueup.model.backup import MANIFEST, Drilled, SourceContext
from trueup.model.errors import CannotDrill, ItemRefused, Permanent, StoreError, TimedOut, UserError
from trueup.model.items import digest
from trueup.model.repository import Watch

TOLD = 50
LOOK_EVERY = 100


def drill(about: Path, data: Path, context: SourceContext, watch: Watch) -> Drilled:
    """See `SourceKind.drill`.

    Raises:
        CannotDrill: the scratch collection cannot be had, or what the items mean is not known here.
    """
    began = time.monotonic()
    manifest = _manifest(about)
    kinds = Kinds(context.item_kind)
    differences: list[str] = []
    whole: list[Item] = []
    compared = {"items": 0, "bytes": 0, "collections": len(manifest.get("collections", ()))}
    for item, difference in _files(about, data, kinds, manifest.get("normal") == __version__, watch):
        if difference:
            differences.append(difference)
        elif item is not None:
            compared["items"] += 1
            compared["bytes"] += item.size
            whole.append(item)
    seconds = {"compare": time.monotonic() - began}
    store = str(manifest.get("drill_store") or "")
    if store:
        began = time.monotonic()
        differences += _through_store(store, whole, data, context, kinds, compared, watch)
        seconds["store"] = time.monotonic() - began
    return Drilled(tuple(_few(differences)), compared, seconds)


def _manifest(about: Path) -> dict[str, Any]:
    try:
        found = json.loads((about / MANIFEST).read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return found
        why = "it is no JSON object"
    except (OSError, ValueError) as error:
        why = str(error)
    raise Permanent("the snapshot's manifest cannot be read", where=MANIFEST, why=why)


def _few(differences: list[str]) -> Iterator[str]:
    yield from differences[:TOLD]
    if len(differences) > TOLD:
        yield f"and {len(differences) - TOLD:,} more differences"


def _files(
    about: Path, data: Path, kinds: Kinds, same_version: bool, watch: Watch
) -> Iterator[tuple[Item | None, str]]:
    extra = all_files(data)
    for number, item in enumerate(items(about)):
        if not number % LOOK_EVERY:
            watch.moved()
            watch.ok()
        extra.discard(item.file)
        yield item, _difference(item, data, kinds, same_version)
    for file in sorted(extra):
        yield None, f"{file}: is there, though it was not in what was backed up"


def _difference(item: Item, data: Path, kinds: Kinds, same_version: bool) -> str:
    """What is wrong with an item's file; "" for nothing."""
    where = f"{item.place}: {item.shown}"
    try:
        body = read(data, item.file)
    except FileNotFoundError:
        return f"{where} is missing"
    except OSError as error:
        return f"{where} cannot be read: {error.strerror}"
    if digest(body) != item.sum:
        return f"{where} is not what was backed up ({len(body):,} bytes, and had {item.size:,})"
    if not item.digest:
        return ""  # it was not understood then: its bytes are all there is to compare
    kind = kinds.get(item.kind)
    if kind is None:
        raise CannotDrill(f"{item.kind} cannot be compared", why="nothing here knows what they mean")
    try:
        glance = kind.glance(body)
        found = normal_digest(kind, body)
    except ItemRefused as error:
        return f"{where} cannot be understood any more: {error.why or error.what}"
    # Another version may have another normal form; the bytes are the same ones.
    if glance.uid != item.uid or (same_version and found != item.digest):
        return f"{where} does not mean any more what it meant when it was backed up"
    return ""


def _through_store(
    name: str,
    whole: list[Item],
    data: Path,
    context: SourceContext,
    kinds: Kinds,
    compared: dict[str, int],
    watch: Watch,
) -> list[str]:
    try:
        with ScratchCollection(context.store(name), kinds, watch) as scratch:
            differences = list(
                scratch.compare([one for one in whole if one.digest], lambda item: read(data, item.file))
            )
            compared["written to the store"] = scratch.written
            compared["not taken by the store"] = scratch.refused
            return differences
    except (TimedOut, CannotDrill):
        raise
    except (StoreError, UserError) as error:
        raise CannotDrill(
            f"the drill through {name} could not be done", where=error.where, why=str(error), hint=error.hint
        ) from error
