"""Two manifests of a database, one from the backup and one from what was restored: what is different, as sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Any

from trueup.jobs.backup.sources.postgresql.words import listed, rows

_RELATIONS = ("table", "view")
_OF_RELATIONS = ("columns of", "grants on")


def differences(before: Mapping[str, Any], after: Mapping[str, Any], *, same_version: bool) -> Iterator[str]:
    """What came back differently.

    Args:
        before: from the backup.
        after: measured where it was restored.
        same_version: whether both servers have the same major version: another may write definitions and default grants differently,
            and then their names alone are compared.
    """
    yield from _tables(before["tables"], after["tables"])
    yield from _sequences(before["sequences"], after["sequences"])
    yield from _large_objects(before["large_objects"], after["large_objects"])
    yield from _owners(before["owners"], after["owners"])
    told = {
        title for title, one in before["tables"].items() if one["rows"] is not None and title not in after["tables"]
    }
    relations = [{name for kind in _RELATIONS for name in one["objects"][kind]} for one in (before, after)]
    one_sided = relations[0] ^ relations[1]
    for kind, names in before["objects"].items():
        found = after["objects"].get(kind, {})
        if kind in _OF_RELATIONS:  # of what is missing as a whole, the parts need no word
            names, found = (
                {name: one for name, one in side.items() if name not in one_sided} for side in (names, found)
            )
        yield from _objects(kind, names, found, told if kind == "table" else set(), same_version)


def compared(manifest: Mapping[str, Any]) -> dict[str, int]:
    """How much there is to compare."""
    tables = [one for one in manifest["tables"].values() if one["rows"] is not None]
    return {
        "databases": 1,
        "tables": len(tables),
        "rows": sum(one["rows"] for one in tables),
        "checksums": sum(1 for one in tables if one["sum"] is not None),
        "sequences": len(manifest["sequences"]),
        "large objects": manifest["large_objects"]["count"],
        "objects": sum(len(names) for names in manifest["objects"].values()),
    }


def _tables(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for title, one in before.items():
        if one["rows"] is None:
            continue  # that it is there is compared among the objects
        there = after.get(title)
        if there is None or there["rows"] is None:
            yield f"table {title}: {rows(one['rows'])} were backed up, the table did not come back"
        elif there["rows"] != one["rows"]:
            yield f"table {title}: {rows(one['rows'])} were backed up, {there['rows']:,} came back"
        elif one["sum"] is not None and there["sum"] != one["sum"]:
            yield f"table {title}: as many rows came back as were backed up ({one['rows']:,}), but with other content"


def _sequences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for title, one in before.items():
        there = after.get(title)
        if there is None:
            yield f"sequence {title} did not come back"
        elif list(there) != list(one):
            yield f"sequence {title}: stood at {_stand(one)}, came back at {_stand(there)}"


def _stand(one: list[Any]) -> str:
    return f"{one[0]:,}" + ("" if one[1] else " (not yet given out)")


def _large_objects(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    if before["count"] != after["count"]:
        yield f"large objects: {before['count']:,} were backed up, {after['count']:,} came back"
    elif before["sum"] != after["sum"]:
        yield f"large objects: as many came back as were backed up ({before['count']:,}), but with other content or owners"


def _owners(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for name, owner in before.items():
        if name in after and after[name] != owner:
            yield f"{name} belonged to {owner}, and came back belonging to {after[name]}"


def _objects(
    kind: str, before: Mapping[str, str], after: Mapping[str, str], told: Set[str], same_version: bool
) -> Iterator[str]:
    missing = [name for name in sorted(before) if name not in after and name not in told]
    surplus = [name for name in sorted(after) if name not in before]
    changed = [name for name in sorted(before) if name in after and before[name] != after[name]]
    for names, what in ((missing, "did not come back"), (changed if same_version else [], "came back different")):
        if names:
            yield f"{kind} {listed(names)} {what}"
    if surplus and same_version:
        yield f"{kind} {listed(surplus)} came back, but was not in the backup"
