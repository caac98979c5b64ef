"""`schedule` and `triggers` of trueup.yaml: what is right, and every mistake at its place."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.unit.config.conftest import STORES, TEAM, Load, Wrong
from trueup.config.secrets import SecretRef
from trueup.model.run import RunState
from trueup.model.schedule import (
    AfterTrigger,
    CalendarSource,
    CatchUp,
    Collide,
    ExceptPolicy,
    ExceptSpec,
    FileTrigger,
    HttpTrigger,
    Overlap,
    ScheduleSpec,
    trigger_from_json,
    trigger_id,
)

NIGHT = (
    STORES
    + TEAM
    + "pipelines:\n  night:\n    params: {day: {type: integer}, file: {default: none}}\n    steps: {a: {job: team}}\n"
)
"""Line 14 is the next one; what is added with four spaces belongs to the pipeline."""


def test_everything_a_schedule_may_say(load: Load) -> None:
    text = NIGHT + (
        '    schedule: {cron: "0  6 * * 1-5", zone: Europe/Berlin, catch_up: all, jitter: 2m, overlap: cancel, collide: ask,\n'
        "      except: [{calendar: {store: feed, categories: holiday}, policy: shift}, {calendar: {store: work, name: off}}],\n"
        "      paused: on, params: {day: 3}}\n"
    )
    assert load(text).pipelines["night"].schedule == ScheduleSpec(
        cron="0 6 * * 1-5",
        zone="Europe/Berlin",
        except_=(
            ExceptSpec(CalendarSource("feed", categories=("holiday",)), ExceptPolicy.SHIFT),
            ExceptSpec(CalendarSource("work", "off"), ExceptPolicy.SKIP),
        ),
        catch_up=CatchUp.ALL,
        jitter=120.0,
        overlap=Overlap.CANCEL,
        collide=Collide.ASK,
        paused=True,
        params={"day": 3},
    )


def test_a_job_and_a_calendar(load: Load) -> None:
    calendar = "{store: work, name: ops, categories: [a, b], title: ^Close, refresh: 30s}"
    config = load(STORES + TEAM + f"    schedule: {{calendar: {calendar}}}\n    triggers: [{{file: in/*.csv}}]\n")
    team = config.jobs["team"]
    assert team.schedule == ScheduleSpec(calendar=CalendarSource("work", "ops", ("a", "b"), "^Close", 30.0))
    assert team.triggers == (FileTrigger("in/*.csv"),)


def test_triggers_and_their_tokens(load: Load) -> None:
    config = load(
        NIGHT + "    triggers:\n"
        '      - {file: "in/*.csv", settle: 5s, params: {day: 1}}\n'
        "      - {http: /hooks/crm, token: {env: CRM}}\n"
        "      - {http: /b, token: plain}\n"
        "      - {after: team, outcome: [failed, partial], params: {day: 2}}\n"
    )
    assert config.pipelines["night"].triggers == (
        FileTrigger("in/*.csv", 5.0, {"day": 1}),
        HttpTrigger("/hooks/crm"),
        HttpTrigger("/b"),
        AfterTrigger("team", (RunState.FAILED, RunState.PARTIAL), {"day": 2}),
    )
    assert config.hooks == {"/hooks/crm": SecretRef(env="CRM"), "/b": "plain"}
    assert [one.what for one in config.warnings] == ["the token of /b stands in trueup.yaml in plain text"]


def test_a_schedule_is_no_part_of_what_a_run_does(load: Load) -> None:
    bare, timed = (
        load(NIGHT),
        load(NIGHT + "    schedule: {every: 1h, params: {day: 1}}\n    triggers: [{after: team, params: {day: 1}}]\n"),
    )
    assert bare.pipelines["night"].digest == timed.pipelines["night"].digest
    assert bare.pipelines["night"].to_json() == {
        key: one for key, one in timed.pipelines["night"].to_json().items() if key not in ("schedule", "triggers")
    }
    job = load(STORES + TEAM + "    schedule: {every: 1h}\n").jobs["team"]
    assert job.digest == bare.jobs["team"].digest
    assert replace(job, schedule=None) == bare.jobs["team"]


@pytest.mark.parametrize(
    "spec",
    [
        ScheduleSpec(cron="0 6 * * *"),
        ScheduleSpec(every=5.5, start="2026-01-01T00:00:00+00:00", jitter=1.0, paused=True, params={"a": [1]}),
        ScheduleSpec(
            calendar=CalendarSource("w", "o", ("x",), "t", 9.0),
            except_=(ExceptSpec(CalendarSource("f"), ExceptPolicy.SHIFT),),
            catch_up=CatchUp.SKIP,
            overlap=Overlap.ALLOW,
            collide=Collide.SKIP,
        ),
    ],
)
def test_json_and_back(spec: ScheduleSpec) -> None:
    assert ScheduleSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    assert spec.kind in ("cron", "every", "calendar")


def test_triggers_to_json_and_back() -> None:
    for one in (FileTrigger("x", 1.0, {"a": 1}), HttpTrigger("/x"), AfterTrigger("y", (RunState.FAILED,))):
        assert trigger_from_json(json.loads(json.dumps(one.to_json()))) == one
    assert trigger_id(FileTrigger("x", 1.0)) == trigger_id(FileTrigger("x", 2.0, {"a": 1}))
    assert trigger_id(AfterTrigger("y")) != trigger_id(AfterTrigger("y", (RunState.FAILED,)))


BERLIN = "must be a time zone as Europe/Berlin"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ('schedule: {cron: "0 6 * * 8"}', "14:22 `cron` is no cron expression: bad day-of-week | it is “0 6 * * 8”"),
        ('schedule: {cron: "0 6 * *"}', "14:22 `cron` must have five fields (minute, hour, day of month, month, day of week)"),
        ('schedule: {cron: "0 0 6 * * *"}', "14:22 `cron` must have five fields"),
        ('schedule: {cron: "@daily"}', '14:22 `cron` must have five fields: `@daily` is "0 0 * * *"'),
        ('schedule: {cron: "0 0 31 2,4 *"}', "14:22 `cron` "),
        ("schedule: {cron: 6}", "14:22 `cron` must be a text | it is 6 | put it in quotes"),
        ("schedule: {every: 1h, zone: Berlin}", f"14:33 `zone` {BERLIN}; did you mean `Europe/Berlin`?"),
        ("schedule: {every: 1h, zone: Europe/Berln}", f"14:33 `zone` {BERLIN}; did you mean `Europe/Berlin`?"),
        ("schedule: {every: 1h, zone: ../etc}", f"14:33 `zone` {BERLIN}"),
        ("schedule: {every: soon}", "14:23 `every` must be a number and a unit"),
        ("schedule: {every: 0}", "14:23 `every` must be at least 1s"),
        ("schedule: {every: 1h, start: tomorrow}", "14:34 `start` must be a moment with its offset"),
        ("schedule: {every: 1h, start: 2026-01-01T00:00:00}", "14:34 `start` must be a moment with its offset"),
        ('schedule: {cron: "0 6 * * *", start: "2026-01-01T00:00:00Z"}', "14:35 `start` belongs to `every`"),
        ("schedule: {}", "14:5 a schedule needs exactly one of `cron`, `every` and `calendar`"),
        ("schedule: {params: {day: 1}}", "14:5 a schedule needs exactly one of `cron`, `every` and `calendar`"),
        (
            'schedule: {cron: "0 6 * * *", every: 1h}',
            "14:35 a schedule needs exactly one of `cron`, `every` and `calendar` | it has `cron` and `every`",
        ),
        ("schedule: {calendar: {store: wrk, name: x}}", "14:34 there is no store `wrk` |  | did you mean `work`?"),
        ("schedule: {calendar: {store: work}}", "14:26 `name` of the calendar is missing"),
        ("schedule: {calendar: {store: feed, name: x}}", "14:46 store `feed` is one calendar, without a name"),
        ("schedule: {calendar: {store: feed, title: '('}}", "14:47 `title` must be a regular expression"),
        ("schedule: {every: 1h, except: {calendar: {store: fed}}}", "14:54 there is no store `fed`"),
        ("schedule: {every: 1h, except: [{calendar: {store: feed}, policy: shft}]}", "14:70 `policy` must be `skip` or `shift`"),
        ("schedule: {every: 1h, except: [{calendar: {store: feed, nme: x}}]}", "14:61 unknown key `nme`"),
        ("schedule: {every: 1h, catch_up: two}", "14:37 `catch_up` must be `skip`, `one` or `all`"),
        ("schedule: {every: 1h}", "14:5 nothing gives the parameter `day` a value"),
        ("schedule: {every: 1h, params: {day: x}}", "14:41 'day' of pipeline night must be a whole number, not \"x\""),
        ("schedule: {calendar: {store: feed}, params: {dya: 1}}", "14:50 pipeline night has no parameter 'dya'"),
        ("schedule: {every: 1h, params: {day: 1}, colide: skip}", "14:45 unknown key `colide` |  | did you mean `collide`?"),
        ("triggers: {file: x}", "14:15 `triggers` must be a list"),
        ("triggers: [{}]", "14:16 a trigger needs exactly one of `file`, `http` and `after`"),
        ("triggers: [{file: x, after: team, params: {day: 1}}]", "14:16 a trigger needs exactly one of"),
        ("triggers: [{file: x, token: y, params: {day: 1}}]", "14:26 `token` belongs to `http`"),
        ("triggers: [{file: x}]", "14:16 nothing gives the parameter `day` a value"),
        ("triggers: [{http: hooks, token: x}]", "14:23 `http` must be a path as /hooks/crm"),
        ("triggers: [{http: /a}]", "14:16 an HTTP trigger needs a `token`"),
        ("triggers: [{http: /a, token: {}}]", "14:34 `token` must be named in exactly one way"),
        ("triggers: [{http: /a, token: {env: A, file: b}}]", "14:34 `token` must be named in exactly one way"),
        ("triggers: [{http: /a, token: x}, {http: /a, token: y}]", "14:45 `/a` is taken"),
        ("triggers: [{after: taem, params: {day: 1}}]", "14:24 there is no job or pipeline `taem` |  | did you mean `team`?"),
        ("triggers: [{after: night, params: {day: 1}}]", "14:24 `night` would start itself again and again"),
        ("triggers: [{after: team, outcome: ok, params: {day: 1}}]", "14:39 `outcome"),
    ],
)  # fmt: skip
def test_mistakes(wrong: Wrong, given: str, expected: str) -> None:
    found = wrong(NIGHT + f"    {given}\n")
    beside = "14:5 nothing gives the parameter `day` a value"
    others = [one for one in found if not one.startswith(beside) or expected == beside]
    assert len(others) == 1, found
    assert others[0].startswith(expected), others[0]


def test_two_that_start_each_other_for_ever(wrong: Wrong) -> None:
    text = STORES + TEAM + "    triggers: [{after: b}]\n"
    text += "pipelines:\n  a: {steps: {x: {job: team}}, triggers: [{after: team}]}\n  b: {steps: {x: {job: team}}, triggers: [{after: a}]}\n"
    found = wrong(text)
    assert len(found) == 3
    assert all("these start each other for ever" in one for one in found)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("schedule: {every: 1h, overlap: allow}", "10:36 a job never runs beside itself"),
        ("schedule: {every: 1h, params: {a: 1}}", "10:27 a job takes no parameters"),
        ("triggers: [{after: x}]", "10:24 there is no job or pipeline `x`"),
        ("triggers: [{http: /a, token: x, params: {a: 1}}]", "10:37 a job takes no parameters"),
    ],
)
def test_mistakes_of_jobs(wrong: Wrong, given: str, expected: str) -> None:
    found = wrong(STORES + TEAM + f"    {given}\n")
    assert len(found) == 1, found
    assert found[0].startswith(expected), found[0]
