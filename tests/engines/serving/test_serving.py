"""`trueup serve` with the real command, real processes and real kills."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.engines.serving.office import Serve, office

pytestmark = pytest.mark.slow

HOOK = """
  hook:
    params: {what: {}, seconds: {type: number, default: 0.0}}
    steps: {a: {python: "steps:note", with: {what: "${params.what}", seconds: "${params.seconds}"}}}
    triggers: [{http: /hooks/note, token: {env: TOKEN}}]
"""
TOKEN = {"TOKEN": "let-me-in"}


def call(
    serve: Serve, body: Any, token: str = "let-me-in", path: str = "/hooks/note", **headers: str
) -> tuple[int, Any]:
    address = serve.wait(event="serve", state="listening")[-1]["address"]
    data = None if body is None else json.dumps(body).encode()
    sent = {"Authorization": f"Bearer {token}", **headers}
    request = urllib.request.Request(f"http://{address}{path}", data, sent)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_call_with_the_right_token_runs_and_one_with_a_wrong_one_does_not(tmp_path: Path) -> None:
    with office(tmp_path, HOOK) as place:
        serve = place.serve(**TOKEN)
        assert call(serve, {"what": "x"}, token="wrong")[0] == 401
        assert call(serve, {"what": 5})[0] == 422
        status, answer = call(serve, {"what": "one"}, **{"Idempotency-Key": "k"})
        assert (status, answer["new"]) == (202, True)
        assert call(serve, {"what": "one"}, **{"Idempotency-Key": "k"})[1]["new"] is False
        (ended,) = serve.wait(event="run", state="ended", subject="hook")
        assert ended["outcome"] == "done"
        status, known = call(serve, None, path=answer["place"])
        assert (status, known["outcome"], known["run"]) == (200, "done", ended["run"])
        assert place.notes() == ["begin one", "end one"]
        assert serve.stop() == 0
        assert [one["state"] for one in serve.told(event="serve")] == ["leading", "listening", "stopping", "stopped"]


def test_a_call_that_was_answered_is_not_lost_by_a_kill_right_after(tmp_path: Path) -> None:
    with office(tmp_path, HOOK) as place:
        serve = place.serve(**TOKEN)
        assert call(serve, {"what": "one"})[0] == 202
        serve.stop(signal.SIGKILL)
        again = place.serve(**TOKEN)
        again.wait(event="run", state="ended", subject="hook", outcome="done")
        assert place.notes() == ["begin one", "end one"]
        assert len(place.runs("hook")) == 1


def test_a_run_outlives_a_kill_of_serve_and_is_not_repeated(tmp_path: Path) -> None:
    with office(tmp_path, HOOK) as place:
        serve = place.serve(**TOKEN)
        call(serve, {"what": "long", "seconds": 3.0})
        place.wait_for(lambda: place.notes("begin"))
        serve.stop(signal.SIGKILL)
        assert place.children()
        again = place.serve(**TOKEN)
        (ended,) = again.wait(event="run", state="ended", subject="hook")
        assert ended["outcome"] == "done"
        assert place.notes() == ["begin long", "end long"]
        assert place.runs("hook") == [(ended["run"], "done")]


def test_serve_and_its_run_killed_together_go_on_with_the_same_run(tmp_path: Path) -> None:
    two = HOOK.replace("steps: {a:", 'steps: {first: {python: "steps:note", with: {what: first}}, a:').replace(
        'seconds: "${params.seconds}"}}}', 'seconds: "${params.seconds}"}, needs: first}}'
    )
    with office(tmp_path, two) as place:
        serve = place.serve(**TOKEN)
        call(serve, {"what": "long", "seconds": 1.0})
        place.wait_for(lambda: "begin long" in place.notes())
        serve.process.kill()
        for pid in place.children():
            os.killpg(pid, signal.SIGKILL)
        serve.process.wait()
        place.wait_for(lambda: not place.children())
        again = place.serve(**TOKEN)
        assert again.wait(event="run", state="started")[0]["resumed"] is True
        (ended,) = again.wait(event="run", state="ended", subject="hook")
        assert place.runs("hook") == [(ended["run"], "done")]
        assert place.notes("end") == ["end first", "end long"]  # the first step was not repeated


def test_sigterm_in_the_middle_of_a_run_ends_with_0_and_the_run_goes_on_later(tmp_path: Path) -> None:
    two = HOOK.replace("steps: {a:", 'steps: {b: {python: "steps:note", needs: a, with: {what: after}}, a:')
    with office(tmp_path, two) as place:
        serve = place.serve(**TOKEN)
        call(serve, {"what": "long", "seconds": 1.5})
        place.wait_for(lambda: place.notes("begin"))
        assert serve.stop() == 0
        assert serve.told(event="run", state="stopped")
        assert not place.children()
        assert place.runs("hook")[0][1] == "running"
        again = place.serve(**TOKEN)
        again.wait(event="run", state="ended", subject="hook", outcome="done")
        assert len(place.runs("hook")) == 1
        assert place.notes("end")[-2:] == ["end long", "end after"]
        assert place.notes().count("end after") == 1


def test_a_second_signal_ends_everything_at_once(tmp_path: Path) -> None:
    with office(tmp_path, HOOK) as place:
        serve = place.serve(**TOKEN)
        call(serve, {"what": "endless", "seconds": 600.0})
        place.wait_for(lambda: place.notes("begin"))
        children = place.children()
        for pid in children:
            os.kill(pid, signal.SIGSTOP)  # it cannot even hear that it is to stop
        serve.process.send_signal(signal.SIGTERM)
        serve.wait(event="serve", state="stopping")
        assert serve.stop() == 130
        place.wait_for(lambda: not place.children(), 10)


def test_a_run_that_crashes_is_tried_again_and_ends_nothing_else(tmp_path: Path) -> None:
    pipelines = (
        HOOK
        + """
  once:
    steps: {a: {python: "steps:crash_once", with: {what: once}}}
    triggers: [{file: "in/once"}]
  always:
    steps: {a: {python: "steps:crash", with: {what: always}}}
    triggers: [{file: "in/always"}]
"""
    )
    with office(tmp_path, pipelines) as place:
        (tmp_path / "in").mkdir()
        (tmp_path / "in" / "once").touch()
        (tmp_path / "in" / "always").touch()
        serve = place.serve_later(0.0, **TOKEN)
        (crashed,) = serve.wait(event="run", state="crashed", subject="once")
        assert "signal 9" in crashed["note"]
        serve.wait(event="run", state="ended", subject="once", outcome="done")
        (failed,) = serve.wait(event="run", state="ended", subject="always", outcome="failed")
        assert "given up after 3 attempts" in failed["note"]
        assert [state for _, state in place.runs("always")] == ["failed"]
        assert call(serve, {"what": "alive"})[0] == 202
        serve.wait(event="run", state="ended", subject="hook", outcome="done")


def test_two_of_them_start_everything_once_and_the_second_takes_over(tmp_path: Path) -> None:
    pipelines = """
  tick:
    steps: {a: {python: "steps:note", with: {what: tick}}}
    schedule: {every: 2s}
"""
    with office(tmp_path, pipelines) as place:
        one, two = place.serve(), place.serve()
        place.wait_for(lambda: one.told(state="leading") or two.told(state="leading"))
        leader, other = (one, two) if one.told(state="leading") else (two, one)
        other.wait(event="serve", state="standby")
        leader.wait(event="run", state="ended", subject="tick", count=2)
        assert not other.told(state="leading")
        leader.stop(signal.SIGKILL)
        other.wait(event="serve", state="leading", seconds=30)
        before = len(other.told(event="run", state="started"))
        other.wait(event="run", state="ended", subject="tick", count=before + 2)
        assert other.stop() == 0
        started = [
            one["key"]
            for serve in (one, two)
            for one in serve.told(event="run", state="started")
            if not one.get("resumed")
        ]
        assert len(started) == len(set(started))
        known = place.runs("tick")
        assert len(known) == len(place.notes("begin"))


@pytest.mark.parametrize(("policy", "number"), [("skip", 0), ("one", 1), ("all", 6)])
def test_what_was_missed_is_made_up_for_by_policy(tmp_path: Path, policy: str, number: int) -> None:
    pipelines = f"""
  tick:
    steps: {{a: {{python: "steps:note", with: {{what: tick}}}}}}
    schedule: {{every: 10m, catch_up: {policy}, start: "START"}}
"""
    # Two minutes after a start: an hour later six more have passed, and none is near.
    start = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() - 120))
    with office(tmp_path, pipelines.replace("START", start)) as place:
        serve = place.serve()
        serve.wait(event="occurrence", state="wanted", subject="tick", count=6)
        serve.stop(signal.SIGKILL)
        later = place.serve_later(3600.0)
        if number:
            later.wait(event="run", state="ended", subject="tick", count=number)
        missed = {"skip": 6, "one": 5, "all": 0}[policy]
        if missed:
            later.wait(event="occurrence", state="missed", subject="tick", count=missed)
        assert later.stop() == 0
        assert len(place.notes("end")) == number
        assert [state for _, state in place.runs("tick")] == ["done"] * number if number else True


def test_a_file_that_is_half_written_waits_and_each_runs_once_also_over_a_restart(tmp_path: Path) -> None:
    pipelines = """
  load:
    params: {file: {}}
    steps: {a: {python: "steps:note", with: {what: "${params.file}"}}}
    triggers: [{file: "in/*.csv", settle: 2s}]
"""
    with office(tmp_path, pipelines) as place:
        folder = tmp_path / "in"
        folder.mkdir()
        (folder / "there.csv").write_text("it arrived while nobody was there")
        serve = place.serve()
        with (folder / "half.csv").open("w") as file:
            for _ in range(4):
                file.write("more\n")
                file.flush()
                time.sleep(1.0)
            assert not [one for one in place.notes() if one.endswith("half.csv")]
        serve.wait(event="run", state="ended", subject="load", outcome="done", count=2)
        serve.stop(signal.SIGKILL)
        again = place.serve()
        (folder / "new.csv").write_text("x")
        again.wait(event="run", state="ended", subject="load", outcome="done")
        begun = sorted(Path(one).name for one in place.notes("begin"))
        assert begun == ["half.csv", "new.csv", "there.csv"]


def test_the_end_of_a_run_starts_another_whoever_started_it(tmp_path: Path) -> None:
    pipelines = """
  first:
    steps: {a: {python: "steps:note", with: {what: first}}}
  then:
    steps: {a: {python: "steps:note", with: {what: then}}}
    triggers: [{after: first}]
  never:
    steps: {a: {python: "steps:note", with: {what: never}}}
    triggers: [{after: first, outcome: failed}]
"""
    with office(tmp_path, pipelines) as place:
        place.trueup("run", "first")  # before anybody waits for it
        serve = place.serve()
        serve.wait(event="serve", state="leading")
        time.sleep(1.5)
        place.trueup("run", "first")
        serve.wait(event="run", state="ended", subject="then", outcome="done")
        time.sleep(1.5)
        assert serve.stop() == 0
        assert place.notes("end") == ["end first", "end first", "end then"]


def test_trueup_yaml_is_read_again_and_a_wrong_one_changes_nothing(tmp_path: Path) -> None:
    tick = """
  tick:
    steps: {a: {python: "steps:note", with: {what: WHAT}}}
    schedule: {every: EVERY}
"""
    with office(tmp_path, tick.replace("EVERY", "1h").replace("WHAT", "old")) as place:
        serve = place.serve()
        serve.wait(event="occurrence", state="wanted", subject="tick")
        place.configure(tick.replace("EVERY", "soon"))
        (trouble,) = serve.wait(event="serve", state="trouble", seconds=30)
        assert "trueup.yaml:8:23" in trouble["error"]["where"]
        place.configure(tick.replace("EVERY", "2s").replace("WHAT", "new"))
        serve.wait(event="serve", state="reloaded", seconds=30)
        assert serve.wait(event="occurrence", state="withdrawn", subject="tick")
        serve.wait(event="run", state="ended", subject="tick", outcome="done")
        assert set(place.notes()) == {"begin new", "end new"}


def test_what_somebody_else_began_and_was_killed_is_taken_up(tmp_path: Path) -> None:
    with office(tmp_path, HOOK) as place:
        first = Serve(tmp_path, command=("-m", "trueup", "run", "hook", "-p", "what=mine", "-p", "seconds=2"), **TOKEN)
        place.wait_for(lambda: place.notes("begin"))
        first.process.kill()
        first.close()
        (run,) = place.runs("hook")
        assert run[1] == "running"
        serve = place.serve(**TOKEN)
        (ended,) = serve.wait(event="run", state="ended", subject="hook", seconds=30)
        assert (ended["run"], ended["outcome"]) == (run[0], "done")
        assert len(place.runs("hook")) == 1


@pytest.mark.parametrize("policy", ["skip", "queue", "cancel", "allow"])
def test_the_last_run_is_still_under_way(tmp_path: Path, policy: str) -> None:
    pipelines = f"""
  tick:
    steps: {{a: {{python: "steps:note", with: {{what: tick, seconds: 3.0}}}}}}
    schedule: {{every: 2s, overlap: {policy}}}
"""
    with office(tmp_path, pipelines) as place:
        serve = place.serve()
        started = {"skip": 2, "queue": 2, "cancel": 3, "allow": 3}[policy]
        serve.wait(event="run", state="started", subject="tick", count=started)
        if policy == "skip":
            assert serve.told(event="occurrence", state="skipped")
        if policy == "queue":
            assert serve.told(event="occurrence", state="queued")
        if policy == "cancel":
            serve.wait(event="run", state="ended", subject="tick", outcome="cancelled")
            # One that is cancelled before its process came to begin a run has none.
            place.wait_for(lambda: any(state == "superseded" for _, state in place.runs("tick")))
        if policy == "allow":
            place.wait_for(
                lambda: any(a == b == "begin tick" for a, b in zip(place.notes(), place.notes()[1:], strict=False))
            )
        else:
            assert (
                not any(a == b == "begin tick" for a, b in zip(place.notes(), place.notes()[1:], strict=False))
                or policy == "cancel"
            )
        assert serve.stop() == 0
