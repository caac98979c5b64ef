"""Keeping the server's schedules equal to those of trueup.yaml."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from temporalio.client import Client, ScheduleDescription, ScheduleUpdate, ScheduleUpdateInput
from temporalio.service import RPCError, RPCStatusCode

from trueup.engines import calls
from trueup.engines.temporal import following
from trueup.engines.temporal.connection import web_address
from trueup.engines.temporal.schedules import Wanted, canonical, differences, found, schedule_id
from trueup.model.schedule import CatchUp, ScheduleSpec

Json = dict[str, Any]


def wanted(config: str, queue: str) -> list[Wanted]:
    """The schedules of trueup.yaml.

    Args:
        config: its absolute path.
        queue: the task queue of its workers.
    """
    found = [_wanted(config, name, kind, spec, queue) for name, kind, spec in specs(config)]
    often = following.refresh(one.spec for one in found)
    if often is not None:
        every = ScheduleSpec(every=max(10.0, often), catch_up=CatchUp.SKIP)
        found.append(Wanted(following.FOLLOW, "follow", every, queue))
    return found


def specs(config: str) -> list[tuple[str, str, ScheduleSpec]]:
    """Name, kind and schedule of everything in trueup.yaml that has one."""
    known = calls.describe(config)
    return [
        (name, kind, ScheduleSpec.from_json(one["schedule"]))
        for kind, group in (("pipeline", known["pipelines"]), ("job", known["jobs"]))
        for name, one in group.items()
        if one.get("schedule")
    ]


def _wanted(config: str, name: str, kind: str, spec: ScheduleSpec, queue: str) -> Wanted:
    times = following.moments(config, name) if following.follows(spec) else None
    return Wanted(name, kind, spec, queue, times)


async def follow(client: Client, config: str, queue: str) -> list[Json]:
    """Makes the lists of moments equal to the calendars; leaves alone whatever else a person has changed, or paused."""
    changed = []
    for name, kind, spec in specs(config):
        if not following.follows(spec):
            continue
        one = await asyncio.to_thread(_wanted, config, name, kind, spec, queue)
        handle = client.get_schedule_handle(one.id)
        has = (await handle.describe()).schedule
        if canonical(has)["calendars"] == one.canonical()["calendars"]:
            continue

        def renewed(input: ScheduleUpdateInput, one: Wanted = one) -> ScheduleUpdate:
            schedule = input.description.schedule
            schedule.spec = one.schedule().spec
            return ScheduleUpdate(schedule)

        await handle.update(renewed)
        changed.append({"name": name, "kind": "schedule", "state": "updated"})
    return changed


async def make_equal(client: Client, schedules: Sequence[Wanted], queue: str) -> list[Json]:
    """Creates, updates and deletes; what is equal is left alone."""
    has = await existing(client, schedules, queue)
    changed = [await _make_one(client, one, has.get(one.id)) for one in schedules]
    for extra in sorted(has.keys() - {one.id for one in schedules}):
        await client.get_schedule_handle(extra).delete()
        changed.append({"name": _name(extra, queue), "kind": "schedule", "state": "deleted"})
    return changed


async def _make_one(client: Client, one: Wanted, has: ScheduleDescription | None) -> Json:
    unit = {"name": one.name, "kind": "schedule"}
    if has is None:
        await client.create_schedule(one.id, one.schedule())
        return {**unit, "state": "created"}
    if not differences(one.canonical(), found(has)) and has.schedule.state.paused == one.spec.paused:
        return {**unit, "state": "same"}

    def put_back(_: ScheduleUpdateInput) -> ScheduleUpdate:
        return ScheduleUpdate(one.schedule())

    await client.get_schedule_handle(one.id).update(put_back)
    return {**unit, "state": "updated"}


async def compare(client: Client, schedules: Sequence[Wanted], queue: str) -> list[Json]:
    """What `status` tells of the schedules: ok, missing, changed, paused, extra."""
    has = await existing(client, schedules, queue)
    base = f"{web_address(client)}/namespaces/{client.namespace}/schedules"
    units = [_compared(one, has.get(one.id), base) for one in schedules]
    for extra in sorted(has.keys() - {one.id for one in schedules}):
        units.append(_unit(_name(extra, queue), "extra", None, found(has[extra]), f"{base}/{extra}"))
    return units


def _compared(one: Wanted, has: ScheduleDescription | None, base: str) -> Json:
    url = f"{base}/{one.id}"
    if has is None:
        return _unit(one.name, "missing", one.canonical(), None, url)
    wants, there = one.canonical(), found(has)
    differing = differences(wants, there)
    paused = has.schedule.state.paused
    state = "changed" if differing else "ok"
    if paused != one.spec.paused:
        state = "paused" if paused else "changed"
        wants, there = {**wants, "paused": one.spec.paused}, {**there, "paused": paused}
        differing = [*differing, "paused"]
    nexts = [at.isoformat() for at in has.info.next_action_times[:3]]
    shown = {key: wants[key] for key in differing}, {key: there[key] for key in differing}
    return {**_unit(one.name, state, *shown, url), "next": nexts}


def _unit(name: str, state: str, wants: Mapping[str, Any] | None, there: Mapping[str, Any] | None, url: str) -> Json:
    return {"name": name, "kind": "schedule", "state": state, "wanted": wants, "found": there, "url": url}


async def existing(client: Client, schedules: Sequence[Wanted], queue: str) -> dict[str, ScheduleDescription]:
    """The schedules of this trueup.yaml on the server, by id: those it wants, and others whose id begins with the task
    queue's name. Others come from a list that may lag some seconds behind."""
    others = {one.id async for one in await client.list_schedules() if one.id.startswith(schedule_id(queue, ""))}
    known = {}
    for one in sorted(others | {one.id for one in schedules}):
        try:
            known[one] = await client.get_schedule_handle(one).describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
    return known


def _name(id: str, queue: str) -> str:
    return id.removeprefix(schedule_id(queue, ""))
