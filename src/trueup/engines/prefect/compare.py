"""Comparing what a Prefect server has with what trueup.yaml asks for: missing, changed by hand, paused, extra."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias
from uuid import UUID

from prefect.exceptions import ObjectNotFound

from trueup.engines.prefect import automations, found, occurrences, wanted
from trueup.engines.prefect.names import POOL, config_tag
from trueup.engines.prefect.pages import page

Json: TypeAlias = dict[str, Any]

_BIG = ("schema",)


def units(client: Any, config: str) -> list[Json]:
    """Everything of ours, each as {"name", "kind", "state", "wanted", "found", "url"}.

    "state" is ok, missing, changed, paused (by hand, and nothing else) or extra; "wanted" and "found" hold only what differs.

    Args:
        client: Prefect's client.
        config: the absolute path of trueup.yaml.
    """
    tag = config_tag(config)
    asked_for = wanted.deployments(config)
    there = found.deployments(client, tag, asked_for)
    automatic = found.automations(client)
    asked = wanted_automations(config, {name: one.id for name, one in there.items()})
    mine = {name: one for name, one in automatic.items() if name in asked or tag in one.tags}
    return [
        _pool(client),
        *_compared("deployment", asked_for, there, found.deployment),
        *_occurrences(client, config),
        *_compared(
            "limit",
            {name: {"limit": number, "active": True} for name, number in wanted.limits(config).items()},
            _used(client, config),
            _limit,
        ),
        *_compared(
            "automation", {name: automations.shown(one) for name, one in asked.items()}, mine, automations.shown
        ),
    ]


def wanted_automations(config: str, ids: Mapping[str, Any]) -> dict[str, Any]:
    """The automations that are wanted, by name.

    Args:
        config: the absolute path of trueup.yaml.
        ids: the deployments' ids by the names of their jobs and pipelines; one that is not there yet has none.
    """
    tag = config_tag(config)
    afters = [
        automations.after(name, one, ids.get(name, UUID(int=0)), tag) for name, one in wanted.after_triggers(config)
    ]
    return {one.name: one for one in (automations.silent(), automations.crashed(), *afters)}


def _pool(client: Any) -> Json:
    unit: Json = {"name": POOL, "kind": "work pool", "wanted": {}, "found": {}, "url": ""}
    try:
        one = client.read_work_pool(POOL)
    except ObjectNotFound:
        return {**unit, "state": "missing"}
    if one.is_paused:
        return {**unit, "state": "paused", "wanted": {"paused": False}, "found": {"paused": True}}
    return {**unit, "state": "ok"}


def _occurrences(client: Any, config: str) -> list[Json]:
    """The runs that are scheduled one by one: one unit for each job or pipeline."""
    result = []
    for name, deployment, missing, extra, problem in occurrences.differing(client, config):
        unit: Json = {"name": name, "kind": "scheduled runs", "state": "ok", "wanted": {}, "found": {}}
        if missing or extra or problem:
            unit["state"] = "changed"
            unit["wanted"] = {"problem": problem} if problem else {"runs": [one.shown() for one in missing]}
            unit["found"] = {"runs": [one.shown() for _, one in extra]}
        result.append({**unit, "url": page("deployment", deployment)})
    return result


def _used(client: Any, config: str) -> dict[str, Any]:
    """The limits of this configuration's stores: other configurations on the same server have theirs."""
    names = wanted.limits(config)
    return {name: one for name, one in found.limits(client).items() if name in names}


def _limit(one: Any) -> Json:
    return {"limit": one.limit, "active": one.active}


def _compared(
    kind: str, asked: Mapping[str, Json], there: Mapping[str, Any], shown: Callable[[Any], Json]
) -> list[Json]:
    result = []
    for name in sorted({*asked, *there}):
        unit: Json = {"name": name, "kind": kind, "state": "ok", "wanted": {}, "found": {}, "url": ""}
        if name not in there:
            unit["state"] = "missing"
        elif name not in asked:
            unit["state"] = "extra"
        else:
            unit |= differences(asked[name], shown(there[name]))
        if name in there and kind != "limit":
            unit["url"] = page(kind, there[name].id)
        result.append(unit)
    return result


def differences(asked: Json, there: Json) -> Json:
    """{"state", "wanted", "found"} of one thing: only what differs, and of what is long only that it does."""
    keys = [key for key in asked if asked[key] != there.get(key)]
    if not keys:
        return {"state": "ok", "wanted": {}, "found": {}}

    def short(value: Json) -> Json:
        return {key: "…" if key in _BIG else value.get(key) for key in keys}

    state = "paused" if _only_paused(keys, asked, there) else "changed"
    return {"state": state, "wanted": short(asked), "found": short(there)}


def _only_paused(keys: list[str], asked: Json, there: Json) -> bool:
    """Whether all that differs is that it was switched off."""
    if keys == ["paused"]:
        return bool(there["paused"])
    if keys == ["enabled"] or keys == ["active"]:
        return not there[keys[0]]
    if keys in (["schedules"], ["schedules", "paused"]):
        return _active(there["schedules"]) == _active(asked["schedules"])
    return False


def _active(schedules: list[Json]) -> list[Json]:
    return [{**one, "active": True} for one in schedules]
