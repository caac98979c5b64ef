"""Every command, as a person and as a program calls it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.proxy import Proxy
from tests.support.servers import Radicale
from tests.unit.cli.conftest import Office, Result

Trueup = Callable[..., Result]


class TestPlanAndApply:
    def test_a_plan_shows_every_change_and_how_to_do_it(self, office: Office, trueup: Trueup) -> None:
        office.put("work", "a", "Board meeting")
        result = trueup("plan", "team")
        assert result.code == 0
        assert re.search(r"^  \+ Board meeting +\S.* \[laptop/team\]", result.out, re.M), result.out
        assert re.search(r"To do it: trueup apply \S+", result.out)
        assert office.titles("laptop") == []

    def test_apply_does_what_the_newest_plan_says(self, office: Office, trueup: Trueup) -> None:
        office.put("work", "a", "Board meeting")
        trueup("plan", "team")
        result = trueup("apply")
        assert result.code == 0
        assert "1 created" in result.out
        assert office.titles("laptop") == ["Board meeting"]

    def test_apply_asks_a_person(self, office: Office, trueup: Trueup) -> None:
        office.put("work", "a", "Board meeting")
        trueup("plan", "team")
        assert "Nothing was changed" in trueup("apply", answers=["n"]).out
        assert office.titles("laptop") == []
        assert trueup("apply", answers=["y"]).code == 0
        assert office.titles("laptop") == ["Board meeting"]

    @pytest.mark.parametrize("option", ["--yes", "-y", "--no-input"])
    def test_apply_does_not_ask_where_it_was_told(self, office: Office, trueup: Trueup, option: str) -> None:
        office.put("work", "a", "Board meeting")
        trueup("plan", "team")
        assert trueup("apply", option, answers=[]).code == 0
        assert office.titles("laptop") == ["Board meeting"]

    def test_a_stale_plan_is_refused(self, office: Office, trueup: Trueup) -> None:
        office.put("work", "a", "Board meeting")
        run = trueup("plan", "team", "--json").json["run"]
        office.put("work", "a", "Board meeting, moved", starts="20270302T090000Z")
        trueup("plan", "team")
        result = trueup("apply", run)
        assert result.code == 4
        assert "later plan" in result.err
        assert "trueup plan team" in result.err

    def test_a_plan_is_stale_where_its_target_was_changed(self, office: Office, trueup: Trueup) -> None:
        office.put("work", "a", "Board meeting")
        trueup("run", "team")
        office.put("work", "a", "Board meeting, long")
        run = trueup("plan", "team", "--json").json["run"]
        (path,) = (office.root / "laptop" / "team").glob("*.ics")
        path.write_text(path.read_text().replace("SUMMARY:", "LOCATION:Room 1\nSUMMARY:"))
        refused = trueup("apply", run)
        assert refused.code == 4
        assert "Board meeting" in refused.err  # what changed since, by its title
        assert office.titles("laptop") == ["Board meeting"]
        trueup("run", "team")
        assert office.titles("laptop") == office.titles("work") == ["Board meeting, long"]
        assert all("Room 1" in one.read_text() for one in office.root.glob("*/team/*.ics"))

    def test_nothing_to_apply(self, office: Office, trueup: Trueup) -> None:
        result = trueup("apply")
        assert result.code == 1
        assert "there is no plan to apply" in result.err
        assert "trueup plan JOB" in result.err

    def test_exit_code_tells_whether_there_is_something_to_do(self, office: Office, trueup: Trueup) -> None:
        assert trueup("plan", "team", "--exit-code").code == 0
        office.put("work", "a", "Board meeting")
        assert trueup("plan", "team", "--exit-code").code == 2
        assert trueup("plan", "team").code == 0

    def test_links_are_counted_and_shown_with_v(self, office: Office, trueup: Trueup) -> None:
        for store in ("work", "laptop"):
            office.put(store, "a", "Board meeting")
        assert "  = " not in trueup("plan", "team").out
        assert "1 in step already" in trueup("plan", "team").out
        assert "  = Board meeting" in trueup("plan", "team", "-v").out

    def test_json_has_the_header_and_the_changes(self, office: Office, trueup: Trueup) -> None:
        office.put("work", "a", "Board meeting")
        plan = trueup("plan", "team", "--json").json
        assert (plan["complete"], plan["applyable"], plan["errored"]) == (True, True, False)
        assert [(one["action"], one["title"], one["collection"]) for one in plan["changes"]] == [
            ("create", "Board meeting", "laptop/team")
        ]
        assert len(plan["hash"]) == 64

    def test_json_lines_end_with_the_plan(self, office: Office, trueup: Trueup) -> None:
        office.put("work", "a", "Board meeting")
        lines = trueup("plan", "team", "--json-lines").lines
        assert lines[0]["event"] == "phase"
        assert lines[-1]["event"] == "result"
        assert lines[-1]["plan"]["job"] == "team"

    def test_fields_before_and_after(self, office: Office, trueup: Trueup) -> None:
        office.put("work", "a", "Board meeting")
        trueup("run", "team")
        office.put("work", "a", "Board meeting, long")
        out = trueup("plan", "team").out
        assert "  ~ Board meeting" in out
        assert "“Board meeting” -> “Board meeting, long”" in out


class TestRun:
    def test_a_second_run_has_nothing_to_do(self, office: Office, trueup: Trueup) -> None:
        office.put("work", "a", "Board meeting")
        assert trueup("run", "team").code == 0
        second = trueup("run", "team")
        assert second.code == 0
        assert "nothing to do" in second.out

    def test_quiet_says_nothing_where_nothing_needs_you(self, office: Office, trueup: Trueup) -> None:
        office.put("work", "a", "Board meeting")
        assert trueup("run", "team", "-q") == Result(0, "", "")

    def test_a_mass_deletion_waits_for_a_word(self, office: Office, trueup: Trueup) -> None:
        for number in range(12):
            office.put("work", f"e{number}", f"Event {number}")
        trueup("run", "team")
        for number in range(10):
            (office.root / "work" / "team" / f"e{number}.ics").unlink()
        blocked = trueup("run", "team")
        assert blocked.code == 4
        assert len(office.titles("laptop")) == 12
        command = re.search(r"If it is right: trueup (apply \S+ --allow max_delete)", blocked.out)
        assert command, blocked.out
        assert trueup(*command[1].split()).code == 0
        assert len(office.titles("laptop")) == 2

    def test_allow_for_this_once(self, office: Office, trueup: Trueup) -> None:
        for number in range(12):
            office.put("work", f"e{number}", f"Event {number}")
        trueup("run", "team")
        for path in list((office.root / "work" / "team").glob("*.ics"))[:10]:
            path.unlink()
        assert trueup("run", "team", "--allow", "max_delete").code == 0
        assert len(office.titles("laptop")) == 2

    def test_a_guard_that_is_none(self, office: Office, trueup: Trueup) -> None:
        result = trueup("run", "team", "--allow", "max_delet")
        assert result.code == 64
        assert "max_delete" in result.err

    def test_one_way(self, office: Office, trueup: Trueup) -> None:
        assert trueup("run", "holidays").code == 0
        assert office.titles("laptop", "holidays") == ["New Year"]

    def test_a_pipeline(self, office: Office, trueup: Trueup) -> None:
        office.put("work", "a", "Board meeting")
        result = trueup("run", "nightly")
        assert result.code == 0, result
        assert re.search(r"done +first", result.out)
        assert office.titles("laptop") == ["Board meeting"]
        assert office.titles("laptop", "holidays") == ["New Year"]

    def test_json_lines_tell_the_phases_and_end_with_the_report(self, office: Office, trueup: Trueup) -> None:
        office.put("work", "a", "Board meeting")
        lines = trueup("run", "team", "--json-lines").lines
        phases = [one["phase"] for one in lines if one["event"] == "phase"]
        assert sorted(set(phases), key=phases.index) == ["read", "plan", "guard", "apply", "verify", "report"]
        assert lines[-1]["event"] == "result"
        assert lines[-1]["state"] == "done"

    def test_one_store_that_cannot_be_read(self, office: Office, trueup: Trueup) -> None:
        (office.root / "feed.ics").unlink()
        result = trueup("run", "holidays")
        assert result.code not in (0, 70)
        assert "feed" in result.out + result.err

    def test_parameters_are_for_pipelines(self, office: Office, trueup: Trueup) -> None:
        assert trueup("run", "team", "-p", "day=monday").code == 64
        assert trueup("run", "nightly", "-p", "day").code == 64


class TestVerifyUndoHistory:
    def test_verify_agrees_and_disagrees(self, office: Office, trueup: Trueup) -> None:
        office.put("work", "a", "Board meeting")
        trueup("run", "team")
        assert trueup("verify", "team").code == 0
        (office.root / "laptop" / "team" / "a.ics").unlink(missing_ok=True)
        for path in (office.root / "laptop" / "team").glob("*.ics"):
            path.unlink()
        result = trueup("verify", "team")
        assert result.code == 3
        assert "Board meeting" in result.out
        assert trueup("verify", "team", "--json").json["agrees"] is False

    def test_undo_takes_back_what_a_run_did(self, office: Office, trueup: Trueup) -> None:
        office.put("work", "a", "Board meeting")
        trueup("run", "team")
        assert trueup("undo", "last", "--yes").code == 0
        assert office.titles("laptop") == []

    def test_undo_asks(self, office: Office, trueup: Trueup) -> None:
        office.put("work", "a", "Board meeting")
        trueup("run", "team")
        assert "Nothing was changed" in trueup("undo", "last", answers=["no"]).out
        assert office.titles("laptop") == ["Board meeting"]

    def test_undo_with_nobody_to_ask_does_nothing_and_says_so(self, office: Office, trueup: Trueup) -> None:
        office.put("work", "a", "Board meeting")
        trueup("run", "team")
        result = trueup("undo", "last")
        assert result.code == 64
        assert "--yes" in result.err
        assert office.titles("laptop") == ["Board meeting"]

    def test_history(self, office: Office, trueup: Trueup) -> None:
        assert "no runs yet" in trueup("history").out
        office.put("work", "a", "Board meeting")
        run = trueup("run", "team", "--json").json["run"]
        trueup("run", "holidays")
        assert len(trueup("history").out.splitlines()) == 2
        assert len(trueup("history", "--limit", "1").out.splitlines()) == 1
        assert run in trueup("history", "--job", "team").out
        one = trueup("history", run)
        assert "Board meeting" in one.out
        assert trueup("history", run, "--json").json["changes"][0]["title"] == "Board meeting"
        assert trueup("history", run[:-1], "--json").json["id"] == run
        ambiguous = trueup("history", run[:8])
        assert ambiguous.code == 1
        assert ambiguous.err

    def test_a_run_that_is_none(self, office: Office, trueup: Trueup) -> None:
        result = trueup("history", "2020")
        assert result.code == 1
        assert "2020" in result.err


class TestResolve:
    @pytest.fixture
    def conflict(self, office: Office, trueup: Trueup) -> Office:
        config = office.root / "trueup.yaml"
        config.write_text(
            config.read_text()
            .replace("name: team}, {store: laptop", "name: team}, {store: laptop")
            .replace("laptop, name: team}]", "laptop, name: team}]\n    conflicts: ask", 1)
        )
        office.put("work", "a", "Board meeting")
        trueup("run", "team")
        office.put("work", "a", "Board meeting at ten", more="LAST-MODIFIED:20270101T100000Z")
        (path,) = (office.root / "laptop" / "team").glob("*.ics")
        path.write_text(path.read_text().replace("Board meeting", "Board meeting at noon"))
        assert trueup("run", "team").code == 5
        return office

    def test_the_conflict_shows_both_versions(self, conflict: Office, trueup: Trueup) -> None:
        out = trueup("resolve", "team", "--list").out
        assert "“Board meeting at ten”" in out
        assert "“Board meeting at noon”" in out
        (one,) = trueup("resolve", "team", "--json").json["conflicts"]
        assert one["state"] == "open"

    def test_prefer_decides_and_the_next_run_does_it(self, conflict: Office, trueup: Trueup) -> None:
        assert trueup("resolve", "team", "--all", "--prefer", "laptop/team").code == 0
        assert trueup("run", "team").code == 0
        assert conflict.titles("work") == conflict.titles("laptop") == ["Board meeting at noon"]

    def test_a_person_is_asked(self, conflict: Office, trueup: Trueup) -> None:
        result = trueup("resolve", "team", answers=["1"])
        assert "1) work/team is right" in result.out
        assert trueup("run", "team").code == 0
        assert conflict.titles("laptop") == ["Board meeting at ten"]

    def test_a_loser_can_be_brought_back(self, conflict: Office, trueup: Trueup) -> None:
        trueup("resolve", "team", "--all", "--prefer", "laptop/team")
        trueup("run", "team")
        (one,) = trueup("resolve", "team", "--list", "--json").json["conflicts"]
        assert one["state"] == "resolved"
        assert trueup("resolve", "team", str(one["id"]), "--take", "work/team").code == 0
        assert trueup("run", "team").code == 0
        assert conflict.titles("work") == conflict.titles("laptop") == ["Board meeting at ten"]

    def test_nobody_to_ask(self, conflict: Office, trueup: Trueup) -> None:
        assert trueup("resolve", "team").code == 64

    def test_a_number_that_does_not_wait(self, conflict: Office, trueup: Trueup) -> None:
        result = trueup("resolve", "team", "77", "--prefer", "work/team")
        assert result.code == 1
        assert "--list" in result.err

    def test_a_side_that_is_none(self, conflict: Office, trueup: Trueup) -> None:
        result = trueup("resolve", "team", "--all", "--prefer", "home/team")
        assert result.code not in (0, 70), result


class TestInit:
    def test_the_example_is_valid_and_explains_itself(
        self, tmp_path: Path, trueup: Trueup, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert trueup("init", "--no-input").code == 0
        assert trueup("validate").code == 0
        text = (tmp_path / "trueup.yaml").read_text()
        for key in ("conflicts:", "guards:", "invitations:", "overlaps:"):
            assert f"# {key}" in text
        assert ".trueup/" in (tmp_path / ".gitignore").read_text()

    def test_it_does_not_overwrite(self, office: Office, trueup: Trueup) -> None:
        before = (office.root / "trueup.yaml").read_text()
        assert trueup("init", "--no-input").code == 64
        assert (office.root / "trueup.yaml").read_text() == before

    def test_a_gitignore_keeps_its_lines(self, tmp_path: Path, trueup: Trueup) -> None:
        (tmp_path / ".gitignore").write_text("*.log\n.trueup/\n")
        trueup("init", str(tmp_path), "--no-input")
        assert (tmp_path / ".gitignore").read_text() == "*.log\n.trueup/\n*.secret\n"

    def test_questions(self, office: Office, trueup: Trueup) -> None:
        target = office.root / "new"
        target.mkdir()
        connectors = ["caldav", "ics", "vdir"]
        vdir = str(connectors.index("vdir") + 1)
        # Two folders, no third; a job both ways; which calendar of each.
        answers = ["work", vdir, str(office.root / "work"), "laptop", vdir, str(office.root / "laptop"), ""]
        answers += ["team", "1", "team", ""]
        result = trueup("init", str(target), answers=answers)
        assert result.code == 0, result
        assert "found: team" in result.out
        assert trueup("-c", str(target), "validate").code == 0
        office.put("work", "a", "Board meeting")
        assert trueup("-c", str(target), "run", "team").code == 0
        assert office.titles("laptop") == ["Board meeting"]

    def test_a_feed_can_only_be_copied_from(self, office: Office, trueup: Trueup) -> None:
        target = office.root / "new"
        target.mkdir()
        answers = ["holidays", "2", "", str(office.root / "feed.ics"), "", "5"]
        answers += ["laptop", "3", str(office.root / "laptop"), "", "copies", ""]
        result = trueup("init", str(target), answers=answers)
        assert result.code == 0, result
        assert trueup("-c", str(target), "run", "copies").code == 0
        assert office.titles("laptop", "copies") == ["New Year"]

    def test_a_server_is_only_read(
        self, tmp_path: Path, trueup: Trueup, radicale_with_login: Radicale, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        radicale_with_login.make_calendar("team", "anna")
        monkeypatch.setattr("trueup.ui.cli.wizard.getpass", lambda question: "anna-secret")
        with Proxy(radicale_with_login.url) as proxy:
            url = proxy.through(radicale_with_login.url)
            answers = ["work", "1", url, "anna", "1", "work", "bad name", "laptop", "3", str(tmp_path / "laptop"), ""]
            answers += ["team", "2", "1", "team", "team"]
            result = trueup("init", str(tmp_path), answers=answers)
            methods = {one.request.method for one in proxy.exchanges}
        assert result.code == 0, result
        assert "found: team" in result.out
        assert methods
        assert methods <= {"OPTIONS", "PROPFIND", "REPORT", "GET", "HEAD"}
        secret = tmp_path / "work.secret"
        assert secret.read_text() == "anna-secret\n"
        assert secret.stat().st_mode & 0o777 == 0o600
        assert "*.secret" in (tmp_path / ".gitignore").read_text()
        text = (tmp_path / "trueup.yaml").read_text()
        assert "anna-secret" not in text + result.out
        job = trueup("-c", str(tmp_path), "validate", "--json").json["jobs"]
        assert job == ["team"]

    def test_a_folder_that_cannot_be_written(self, trueup: Trueup) -> None:
        result = trueup("init", "/proc", "--no-input")
        assert result.code == 1
        assert "cannot be written" in result.err

    def test_nobody_to_ask(self, tmp_path: Path, trueup: Trueup) -> None:
        result = trueup("init", str(tmp_path))
        assert result.code == 64
        assert "--no-input" in result.err

    def test_no_more_answers_is_a_stop(self, tmp_path: Path, trueup: Trueup) -> None:
        assert trueup("init", str(tmp_path), answers=["work"]).code == 130
        assert not (tmp_path / "trueup.yaml").exists()


class TestValidateAndDoctor:
    def test_validate(self, office: Office, trueup: Trueup) -> None:
        result = trueup("validate")
        assert result.code == 0
        assert "3 stores, 2 jobs, 1 pipeline" in result.out
        assert trueup("validate", "--json").json["jobs"] == ["team", "holidays"]
        assert not (office.root / ".trueup").exists()

    def test_validate_shows_every_error_with_its_line(self, office: Office, trueup: Trueup) -> None:
        path = office.root / "trueup.yaml"
        path.write_text(path.read_text().replace("kind: calendar", "kind: calender").replace("vdir", "vdri"))
        result = trueup("validate")
        assert result.code == 1
        for line in (3, 4, 8, 11):
            assert f"{path}:{line}:" in result.err
        assert "4 |   laptop: {connector: vdri, path: laptop}" in result.err
        assert "did you mean `vdir`?" in result.err

    def test_an_error_for_programs(self, office: Office, trueup: Trueup) -> None:
        path = office.root / "trueup.yaml"
        path.write_text(path.read_text().replace("kind: calendar", "kind: calender"))
        result = trueup("validate", "--json")
        assert result.code == result.json["exit_code"] == 1
        assert result.json["error"]["type"] == "InvalidConfig"
        assert [one["source"]["line"] for one in result.json["error"]["findings"]] == [8, 11]
        (line,) = trueup("validate", "--json-lines").lines
        assert line["event"] == "error"

    def test_a_password_is_never_shown(self, office: Office, trueup: Trueup) -> None:
        path = office.root / "trueup.yaml"
        path.write_text(
            "version: 1\nstores:\n"
            "  a: {connector: caldav, url: 'https://ana:hunter2@example.org/', pasword: hunter2, nme: x}\n"
            "  b: {connector: caldav, url: 'https://example.org/', password: 'hunter2', usr: y}\n"
        )
        for options in ((), ("--json",)):
            result = trueup("validate", *options)
            assert result.code == 1
            assert "hunter2" not in result.out + result.err

    def test_doctor_is_content(self, office: Office, trueup: Trueup) -> None:
        result = trueup("doctor")
        assert result.code == 0, result
        assert trueup("doctor", "--json").json["healthy"] is True

    def test_doctor_finds_what_is_missing(self, office: Office, trueup: Trueup) -> None:
        path = office.root / "trueup.yaml"
        path.write_text(
            path.read_text().replace(
                "jobs:", "  home: {connector: caldav, url: 'http://127.0.0.1:9/', password: {env: NO_SUCH}}\njobs:", 1
            )
        )
        os.environ.pop("NO_SUCH", None)
        result = trueup("doctor")
        assert result.code == 1
        assert "NO_SUCH" in result.out
        assert trueup("doctor", "laptop").code == 0
        assert trueup("doctor", "lptop").code == 1

    def test_not_initialised(self, trueup: Trueup, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir("/")  # a folder above the tests' own might hold a trueup.yaml
        result = trueup("plan", "team")
        assert result.code == 10
        assert "trueup init" in result.err


class TestOptions:
    def test_the_configuration_is_found_above(
        self, office: Office, trueup: Trueup, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        below = office.root / "a" / "b"
        below.mkdir(parents=True)
        monkeypatch.chdir(below)
        assert trueup("validate").code == 0

    def test_shared_options_stand_before_or_after(
        self, office: Office, trueup: Trueup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        path = str(office.root / "trueup.yaml")
        assert trueup("-c", path, "validate", "--json").json == trueup("--json", "validate", "--config", path).json

    def test_what_comes_close_is_named(self, office: Office, trueup: Trueup) -> None:
        for arguments, meant in (
            (("pln", "team"), "plan"),
            (("plan", "tema"), "team"),
            (("plan", "team", "--exitcode"), "--exit-code"),
            (("graph", "nightli"), "nightly"),
        ):
            result = trueup(*arguments)
            assert result.code in (1, 64)
            assert re.search(f"(?i)did you mean .?{meant}", result.err), result.err

    def test_help_of_every_command(self, trueup: Trueup) -> None:
        from trueup.ui.cli.commands import COMMANDS

        for command in COMMANDS:
            result = trueup(command.name, "--help")
            assert result.code == 0
            assert result.out.startswith(f"Usage: trueup {command.name}")

    def test_graph(self, office: Office, trueup: Trueup) -> None:
        assert "second" in trueup("graph", "nightly").out
        assert trueup("graph", "nightly", "--mermaid").out.startswith(("flowchart", "graph"))
        assert [one["name"] for one in trueup("graph", "nightly", "--json").json["steps"]] == ["first", "second"]

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_completion(self, trueup: Trueup, shell: str) -> None:
        result = trueup("completion", shell)
        assert result.code == 0
        assert "_TRUEUP_COMPLETE" in result.out

    def test_a_bug_is_told_as_one(self, office: Office, trueup: Trueup, monkeypatch: pytest.MonkeyPatch) -> None:
        from trueup.app import App

        def broken(self: App, job: str, **more: object) -> None:
            raise ZeroDivisionError("division by zero")

        monkeypatch.setattr(App, "plan", broken)
        result = trueup("plan", "team")
        assert result.code == 70
        assert "report" in result.err
        assert "Traceback" not in result.err
        monkeypatch.setenv("TRUEUP_DEBUG", "1")
        assert "Traceback" in trueup("plan", "team").err
