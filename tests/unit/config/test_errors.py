"""Everything that is wrong is told at once, each at its place, with a hint."""

from __future__ import annotations

import pytest

from tests.unit.config.conftest import STORES, TEAM, Load, Wrong

ONE_WAY = STORES + "jobs:\n  m:\n    kind: calendar\n    from: {store: feed}\n    to: [{store: home, name: h}]\n"


def test_all_at_once_in_the_order_of_the_file(wrong: Wrong) -> None:
    text = STORES.replace("username", "usrname") + TEAM.replace("kind", "kidn").replace("store: home", "store: hme")
    text += "    conflcits: merge\n    guards: {max_delete: 150%, empty: maybe}\n"
    text += (
        "pipelines:\n  night:\n    steps: {a: {}, b: {job: team, timeout: 5x}, c: {job: team, when: {outcome: don}}}\n"
    )
    text += "  day: {steps: {a: {job: taem}, b: {job: team, needs: [x]}}}\nledgr: x\n"
    found = [one.rsplit(" |", 2)[0] for one in wrong(text)]
    limit = "must be a percentage (50%), a number of items (200), both in a list, or off"
    duration = "must be a number and a unit: 90s, 10m, 1h, 30d, 2w, 2y or 1h 30m"
    assert found == [
        "3:57 unknown key `usrname`",
        "7:3 `kind` is missing",
        "8:5 unknown key `kidn`",
        "9:54 there is no store `hme`",
        "10:5 unknown key `conflcits`",
        f"11:26 `max_delete` {limit}",
        "11:39 `empty` must be on or off",
        "14:13 step `a` needs exactly one of `job`, `python` and `pipeline`",
        f"14:44 `timeout` {duration}",
        "14:70 `when` has the outcome `don`; there are done, partial, failed, skipped and always; did you mean `done`?",
        *[one for one in found if one.startswith("15:")],
        "16:1 unknown key `ledgr`",
    ]
    assert sum("taem" in one for one in found) == 1
    assert sum("'x'" in one or "`x`" in one for one in found if one.startswith("15:")) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("stores: {}\n", "1:1 `version` is missing | it says the format of this file"),
        (STORES.replace("version: 1", "version: 2"), "1:10 `version` must be 1 | it is 2"),
        (STORES.replace("version: 1", 'version: "1"'), "1:10 `version` must be 1 | it is “1”"),
        ("version: 1\nstores:\n  a:\n", "3:3 store `a` is empty |  | like {connector: caldav, …}"),
        ("version: 1\nstores:\n  a: caldav\n", "3:6 store `a` must hold keys and values"),
        (
            "version: 1\nstores:\n  a: {path: x}\n",
            "3:3 store `a` has no `connector` |  | one of archive, avro, caldav, carddav, csv, ics, jsonl, parquet, restic, "
            "sql, vcf, vdir, xlsx",
        ),
        ("version: 1\nstores:\n  a: {connector: calddav}\n", "3:18 there is no connector `calddav` |  | did you mean `ca"),
        ("version: 1\nstores:\n  a: {connector: [vdir]}\n", "3:18 there is no connector"),
        ("version: 1\nstores:\n  a: {connector: vdir}\n", "3:3 store `a` has no `path` |  | `path`: the folder"),
        ("version: 1\nstores:\n  a: {connector: vdir, path: }\n", "3:29 `path` is empty"),
        ("version: 1\nstores:\n  a: {connector: vdir, path: 5}\n", "3:30 `path` must be a text; put it in quotes"),
        ("version: 1\nstores: [a]\n", "2:9 `stores` must hold keys and values"),
        (STORES + "jobs:\n  team:\n", "7:3 `team` is empty |  | fill it, or take the line out"),
        (STORES + "jobs: [a]\n", "6:7 `jobs` must hold keys and values"),
        (STORES + TEAM + "    conflicts: newset\n", "10:16 `conflicts` must be `merge`, `newest`, `keep-both` or `ask` |"),
        (STORES + TEAM + "    conflicts: {prefer: wrk}\n", "10:25 `wrk` is no store of this job |  | did you mean `work`?"),
        (STORES + TEAM + "    conflicts: {prefer: feed}\n", "10:25 `feed` is no store of this job |  | there are: home, w"),
        (STORES + TEAM + "    transform: {only: busy}\n", "10:5 a transform works one way only | copies that show less"),
        (STORES + TEAM + "    filter: {title: '('}\n", "10:21 `title` must be a regular expression: missing )"),
        (STORES + TEAM + "    filter: {window: {past: 30 days}}\n", "10:29 `past` must be a number and a unit"),
        (STORES + TEAM + "    filter: {window: {past: -1}}\n", "10:29 `past` must be a number and a unit"),
        (STORES + TEAM + "    filter: {only_busy: 1}\n", "10:25 `only_busy` must be on or off | it is 1"),
        (STORES + TEAM + "    guards: {max_delete: on}\n", "10:26 `max_delete` must be a percentage"),
        (STORES + TEAM + "    guards: {max_delete: -3}\n", "10:26 `max_delete` must be a percentage"),
        (STORES + TEAM + "    guards: {max_delete: 1.5}\n", "10:26 `max_delete` must be a percentage"),
        (STORES + TEAM + "    guards: {max_delete: []}\n", "10:26 `max_delete` must not be empty"),
        (STORES + TEAM + "    guards: {max_update: 5}\n", "10:26 `max_update` must be a percentage from 0% to 100%, or off"),
        (STORES + TEAM + "    guards:\n", "10:5 `guards` is empty |  | fill it, or take the line out"),
        (STORES + TEAM + "    overlaps: {priority: [nobody]}\n", "10:27 `nobody` is no store of this job"),
        (STORES + TEAM + "ledger: 5\n", "10:9 `ledger` must be a text | it is 5 | put it in quotes"),
        (STORES + TEAM + "ledger: {evn: X}\n", "10:10 unknown key `evn` |  | did you mean `env`?"),
        (STORES + TEAM.replace("team:", '"te am":', 1), "7:3 'te am' is no good as a name |  | letters, digits"),
        (STORES + TEAM + "pipelines:\n  team: {steps: {a: {job: team}}}\n", "11:3 a job is called 'team' too"),
        (STORES + TEAM + "pipelines:\n  p: {}\n", "11:3 `steps` is missing"),
        (STORES + TEAM + "pipelines:\n  p: {steps: {a: {job: team, retry: {attempts: 0}}}}\n", "11:48 `attempts` must be at"),
        (ONE_WAY + "    transform: {drop: [alarms, foo]}\n", "11:23 `foo` is nothing an event has |  | known are: "),
        (ONE_WAY + "    transform: {only: busi}\n", "11:23 `only` must be `busy` | it is “busi” | did you mean `busy`?"),
    ],
)  # fmt: skip
def test_one_mistake_is_one_finding(wrong: Wrong, text: str, expected: str) -> None:
    (found,) = wrong(text)
    assert found.startswith(expected)


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        ("{kind: calendar}", "7:3 the job does not say which calendars |  | `collections` (two or more) keeps"),
        ("{kind: calendar, from: {store: feed}}", "7:3 `to` is missing"),
        ("{kind: calendar, to: {store: home, name: a}}", "7:3 `from` is missing"),
        ("{kind: calendar, collections: [{store: home, name: a}]}", "7:23 `collections` needs two or more"),
        ("{kind: calendar, from: {store: feed}, to: []}", "7:44 `to` is empty"),
        (
            "{kind: calendar, collections: [{store: home, name: a}, {store: work, name: a}], from: {store: feed}}",
            "7:86 a job works both ways or one way",
        ),
        (
            "{kind: calendar, collections: [work/team, {store: home, name: team}]}",
            "7:37 `collections[0]` must hold keys and values | it is “work/team” | write {store: work, name: team}",
        ),
        (
            "{kind: calendar, collections: [{store: home, name: t}, {store: home, name: t}]}",
            "7:61 `home/t` is named twice in this job",
        ),
        (
            "{kind: calendar, from: {store: home, name: t}, to: {store: home, name: t}}",
            "7:57 `home/t` is named twice in this job",
        ),
        (
            "{kind: calendar, from: {store: home, name: t}, to: {store: feed}}",
            "7:65 store `feed` is read-only | a published .ics file cannot be written to",
        ),
        (
            "{kind: calendar, from: {store: feed, name: x}, to: {store: home, name: t}}",
            "7:49 store `feed` is one calendar, without a name |  | name the store alone: {store: feed}",
        ),
        (
            "{kind: calendar, from: {store: feed}, to: {store: home}}",
            "7:48 `name` of the calendar is missing |  | write {store: home, name: …}; `trueup doctor home`",
        ),
        ("{kind: people, collections: [{store: home, name: a}, {store: work, name: a}]}", "7:13 there is no kind of job `people`"),
    ],
)  # fmt: skip
def test_shapes_of_jobs(wrong: Wrong, job: str, expected: str) -> None:
    (found,) = wrong(STORES + f"jobs:\n  m: {job}\n")
    assert found.startswith(expected)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ('url: "dav.example.org"', "3:31 `url` of store a is no address |"),
        ('url: ""', "3:31 `url` is empty"),
        ('url: "http://x/", timeout: soon', "3:53 `timeout` must be a number and a unit"),
        ('url: "http://x/", parallel: 2.5', "3:54 `parallel` must be a whole number"),
        ('url: "http://x/", parallel: 99', "3:54 `parallel` of store a is 99 |  | 1 to 64"),
        ('url: "http://x/", verify: maybe', "3:52 `verify` must be on or off"),
        ('url: "http://x/", usrname: ana', "3:44 unknown key `usrname` |  | did you mean `username`?"),
        ('url: "http://x/", workers: 0', "3:53 `workers` must be a whole number, 1 or more"),
        ('url: "http://x/", workers: many', "3:53 `workers` must be a whole number, 1 or more"),
        ('url: "http://x/", wokers: 2', "3:44 unknown key `wokers` |  | did you mean `workers`?"),
        ('url: "http://x/", password: {env: X, file: y}', "3:54 `password` must be {env: NAME}, {file: path}"),
        ('url: "http://x/", password: {evn: X}', "3:54 `password` must be {env: NAME}"),
        ('url: "http://x/", password: 1234', "3:54 `password` must be {env: NAME}"),
    ],
)
def test_options_of_a_connector(wrong: Wrong, options: str, expected: str) -> None:
    (found,) = wrong(f"version: 1\nstores:\n  a: {{connector: caldav, {options}}}\n")
    assert found.startswith(expected)


def test_a_feed_needs_an_address_or_a_path(wrong: Wrong) -> None:
    both, neither = wrong(
        'version: 1\nstores:\n  a: {connector: ics, url: "http://x/a.ics", path: b.ics}\n  b: {connector: ics}\n'
    )
    assert both.startswith("3:28 store a needs exactly one of `url` and `path` | both are given")
    assert "neither is given" in neither


def test_a_policy_with_a_key_nobody_knows(wrong: Wrong) -> None:
    assert wrong(STORES + TEAM + "    conflicts: {prfer: work}\n") == [
        "10:5 `prefer` is missing | it says the store whose value wins | ",
        "10:17 unknown key `prfer` |  | did you mean `prefer`?",
    ]


def test_a_wrong_number_is_never_shown_where_it_may_be_a_password(wrong: Wrong) -> None:
    (found,) = wrong('version: 1\nstores:\n  a: {connector: caldav, url: "http://x/", password: 9876}\n')
    assert "9876" not in found


def test_sections_may_be_empty(load: Load) -> None:
    config = load(STORES + "jobs:\npipelines:\n")
    assert (dict(config.jobs), dict(config.pipelines)) == ({}, {})


def test_names_in_other_alphabets(load: Load) -> None:
    assert list(load(STORES + TEAM.replace("team:", "büro:", 1)).jobs) == ["büro"]
