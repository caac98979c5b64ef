"""A pool of Airflow for every store that a job uses, with as many slots as the store may have `workers`.

The ledger keeps a store's limit in any case. The pool keeps tasks that would wait for it from taking up Airflow's workers, and shows under
Admin, Pools how busy a store is. A task of Airflow has one pool, and a mapped one the same for all that it is mapped over: a job's tasks take
that of its narrowest store, the one with the fewest workers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from urllib.parse import quote

from trueup.engines.airflow.rest import Api
from trueup.engines.base import Json


def prefix_of(config: str) -> str:
    """How the names of a configuration's pools begin."""
    folder = re.sub(r"[^A-Za-z0-9]+", "_", config.rpartition("/")[0].rpartition("/")[2])
    return f"trueup_{folder}_{sha256(config.encode()).hexdigest()[:6]}_"


def wanted(config: str) -> dict[str, Json]:
    """The pools of a configuration by name: {"slots", "description"}. Looks at the configuration alone."""
    return {
        prefix_of(config) + store: {"slots": workers, "description": f"Workers at the store {store} of {config}."}
        for store, workers in _workers(config).items()
    }


def chooser(config: str) -> Callable[[Sequence[str]], str | None]:
    """Chooses the pool of the tasks that speak to some stores."""
    workers, prefix = _workers(config), prefix_of(config)

    def choose(stores: Sequence[str]) -> str | None:
        return prefix + min(stores, key=lambda store: (workers[store], store)) if stores else None

    return choose


def compare(api: Api, config: str) -> Iterator[Json]:
    """What `status` tells of the pools: ok, missing, changed, extra."""
    asked, there = wanted(config), _found(api, config)
    for name in sorted({*asked, *there}):
        unit: Json = {"name": name, "kind": "pool", "wanted": asked.get(name, {}), "found": there.get(name, {})}
        state = "missing" if name not in there else "extra" if name not in asked else "ok"
        if state == "ok" and asked[name]["slots"] != there[name]["slots"]:
            state = "changed"
        yield {**unit, "state": state, "url": f"{api.url}/pools"}


def make_equal(api: Api, config: str) -> list[Json]:
    """Creates, updates and deletes; what is equal is left alone. Returns [{"name", "kind", "state"}]."""
    return [{"name": one["name"], "kind": "pool", "state": _put_right(api, one)} for one in compare(api, config)]


def _put_right(api: Api, unit: Json) -> str:
    name, path = unit["name"], f"/pools/{quote(unit['name'], safe='')}"
    if unit["state"] == "missing":
        # A task that waits for something, and has no worker meanwhile, talks to no store.
        api.call("POST", "/pools", {"name": name, **unit["wanted"], "include_deferred": False})
        return "created"
    if unit["state"] == "changed":
        api.call("PATCH", path, {"slots": unit["wanted"]["slots"]}, {"update_mask": "slots"})
        return "updated"
    if unit["state"] == "extra":
        api.call("DELETE", path)
        return "deleted"
    return "same"


def _found(api: Api, config: str) -> dict[str, Json]:
    """The pools of this configuration that Airflow has."""
    return {
        one["name"]: {"slots": one["slots"], "description": one["description"]}
        for one in api.pages("/pools", "pools")
        if one["name"].startswith(prefix_of(config))
    }


def _workers(config: str) -> dict[str, int]:
    """The workers of every store that a job uses."""
    from trueup.engines import calls
    from trueup.engines.calls.opened import opened

    stores = {store for job in calls.describe(config)["jobs"].values() for store in job["stores"]}
    with opened(config) as app:
        return {store: app.config.stores[store].workers for store in sorted(stores)}
