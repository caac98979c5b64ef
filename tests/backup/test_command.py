"""Command sources: exit code, completeness and size are ours; a drill proves the file; no secret stays anywhere."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.sources import Trial, context, files_without, manifest_of, watch
from trueup.jobs.backup.sources.command import KIND
from trueup.model.backup import Captured, RestoreTarget, SourceSpec
from trueup.model.errors import CannotDrill, ConfigError, NotFound, Permanent, SecretMissing, TimedOut, Transient

SECRET = "s3cret-of-crm"


def trial(
    tmp_path: Path, run: object, min_size: int = 0, secrets: dict[str, str] | None = None, **options: Any
) -> Trial:
    spec = SourceSpec("export", "command", {"run": run, **options}, min_size=min_size)
    return Trial(KIND, spec, tmp_path, context(tmp_path, secrets=secrets))


def test_the_output_becomes_a_file(tmp_path: Path) -> None:
    one = trial(tmp_path, ["printf", "a\\nb\\n-- done\\n"], name="dump.sql", ends_with="-- done")
    captured = one.capture()
    assert (captured.root / "dump.sql").read_text() == "a\nb\n-- done\n"
    assert (captured.bytes, captured.files) == (12, 1)
    found = manifest_of(captured)
    assert (found["file"], found["bytes"], found["exit_code"]) == ("dump.sql", 12, 0)
    assert found["command"] == "printf 'a\\nb\\n-- done\\n'"
    drilled = one.drill(captured)
    assert drilled.differences == ()
    assert drilled.compared == {"files": 1, "bytes": 12}, "no command proved it: only bytes were compared"


FAILURES: dict[str, tuple[object, dict[str, Any], str]] = {
    "another exit code": ("echo data; echo no disk left >&2; exit 3", {}, "exit code 3: no disk left"),
    "the first part of a pipe": ("(echo data; exit 3) | cat", {}, "exit code 3"),
    "nothing": ("true", {}, "wrote nothing"),
    "too little": ("echo data", {"min_size": 100}, "suspiciously small"),
    "no marker": ("echo data", {"ends_with": "-- done"}, "not complete"),
    "the marker only before the end": ("echo '-- done'; echo more", {"ends_with": "-- done"}, "not complete"),
    "no such program": (["no-such-program-here"], {}, "not installed"),
    "no such program in the shell": ("no-such-program-here", {}, "exit code 127"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_what_failed_is_no_backup(tmp_path: Path, case: str) -> None:
    run, options, words = FAILURES[case]
    with pytest.raises(Permanent) as told:
        trial(tmp_path, run, **options).capture()
    assert words in str(told.value)


@pytest.mark.parametrize("run", ["echo data; exit 75", "echo data; kill -9 $$"])
def test_what_may_help_to_try_again_is_told_as_such(tmp_path: Path, run: str) -> None:
    with pytest.raises(Transient, match=r"the command failed: it (ended with exit code 75|was ended by signal 9)"):
        trial(tmp_path, run).capture()


def test_other_exit_codes_may_be_good(tmp_path: Path) -> None:
    captured = trial(tmp_path, "echo data; exit 1", codes=[0, 1]).capture()
    assert manifest_of(captured)["exit_code"] == 1


def test_what_is_wrongly_configured_is_told(tmp_path: Path) -> None:
    for options in ({"name": "a/b"}, {"name": ".."}, {"drill": 5}):
        with pytest.raises(ConfigError):
            trial(tmp_path, "echo data", **options).capture()
    with pytest.raises(ConfigError):
        trial(tmp_path, None).capture()


def test_probe_looks_and_runs_nothing(tmp_path: Path) -> None:
    one = trial(tmp_path, "touch ran", drill=["no-such-program-here"])
    assert [finding.what for finding in KIND.probe(one.spec, one.context)] == [
        "the program no-such-program-here is not installed"
    ]
    assert not (tmp_path / "ran").exists()


def test_a_hanging_command_is_ended_with_all_it_started(tmp_path: Path) -> None:
    with pytest.raises(TimedOut):
        trial(tmp_path, "echo data; sleep 321 & echo $! > child; sleep 321").capture(no_progress=0.5)
    child = int((tmp_path / "child").read_text())
    for _ in range(100):
        if not Path(f"/proc/{child}").exists() or " Z " in Path(f"/proc/{child}/stat").read_text():
            return
        time.sleep(0.05)
    pytest.fail("it left an orphan")


def test_a_full_disk_is_told_even_where_the_command_is_silent(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system takes root")
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", small], check=True)
    try:
        with pytest.raises(Permanent, match="full"):
            KIND.capture(
                SourceSpec("export", "command", {"run": "head -c 9000000 /dev/zero 2>&- || true"}),
                context(tmp_path),
                small,
                watch(),
            )
    finally:
        subprocess.run(["umount", "-l", small], check=True)


def test_a_secret_is_in_the_environment_of_that_child_only(tmp_path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    plain = "plain-text-token"
    one = trial(
        tmp_path,
        'until [ -e go ]; do sleep 0.02; done; test -n "$PGPASSWORD" && test -n "$API_TOKEN" && echo got',
        env={"PGPASSWORD": {"env": "CRM"}, "API_TOKEN": plain},
        secrets={"CRM": SECRET},
    )
    done: list[Captured] = []
    worker = threading.Thread(target=lambda: done.append(one.capture()))
    worker.start()
    time.sleep(0.3)
    holders = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and int(process.name) != os.getpid():
                assert SECRET.encode() not in (process / "cmdline").read_bytes()
                if SECRET.encode() in (process / "environ").read_bytes():
                    holders.append(process.name)
        except OSError:
            continue
    (tmp_path / "go").touch()
    worker.join()
    other.communicate(b"\n")
    assert holders, "the command did not have it"
    assert str(other.pid) not in holders
    with files_without(tmp_path, SECRET):
        assert (done[0].root / "output").read_text() == "got\n"
    with files_without(done[0].about, plain):
        assert manifest_of(done[0])["env"] == {"PGPASSWORD": {"env": "CRM"}, "API_TOKEN": None}


def test_a_secret_in_its_last_words_or_its_text_is_not_shown(tmp_path: Path) -> None:
    secrets = {"CRM": SECRET}
    with pytest.raises(Permanent) as told:
        trial(tmp_path, 'echo "bad password $P" >&2; exit 1', env={"P": {"env": "CRM"}}, secrets=secrets).capture()
    assert "bad password ***" in str(told.value)
    captured = trial(tmp_path, f"echo {SECRET} | wc -c", env={"P": {"env": "CRM"}}, secrets=secrets).capture()
    assert manifest_of(captured)["command"] == "echo *** | wc -c"


def test_a_drill_command_proves_the_file(tmp_path: Path) -> None:
    one = trial(
        tmp_path, "echo data", drill='grep -q data "$TRUEUP_FILE" && touch left-behind && test "$P" = x', env={"P": "x"}
    )
    captured = one.capture()
    drilled = one.drill(captured)
    assert (drilled.differences, drilled.compared["commands"]) == ((), 1)
    (captured.root / "output").write_text("dada\n")
    assert one.drill(captured).differences == ("output has as many bytes (5), but not the same",)
    (captured.root / "output").write_text("data")
    assert one.drill(captured).differences == ("output has 4 bytes, and had 5",)
    (captured.root / "output").unlink()
    assert one.drill(captured).differences == ("the file output is missing",)


def test_a_drill_command_that_fails_is_a_difference_and_one_that_is_not_there_is_not(tmp_path: Path) -> None:
    one = trial(tmp_path, "echo data", drill="echo cannot load it >&2; exit 4")
    assert one.drill(one.capture()).differences == (
        "the drill command says that it is no good: it ended with exit code 4: cannot load it",
    )
    for command in ("no-such-program-here", ["no-such-program-here"]):
        one = trial(tmp_path, "echo data", drill=command)
        with pytest.raises(CannotDrill):
            one.drill(one.capture())


def test_a_snapshot_alone_makes_no_command_run(tmp_path: Path) -> None:
    one = trial(tmp_path, "echo data", drill="touch ran")
    captured = one.capture()
    one.context = replace(one.context, options={})
    with pytest.raises(CannotDrill, match="not known here"):
        one.drill(captured)
    assert not (tmp_path / "ran").exists()


def test_a_drill_command_that_was_added_since_proves_older_snapshots(tmp_path: Path) -> None:
    one = trial(tmp_path, "echo data")
    captured = one.capture()
    one.context = replace(one.context, options={"run": "echo data", "drill": "exit 4"})
    assert one.drill(captured).differences == ("the drill command says that it is no good: it ended with exit code 4",)


def restore(captured: Captured, to: str, *only: str, overwrite: bool = False) -> list[tuple[str, str]]:
    target = RestoreTarget(to, only, overwrite)
    KIND.wanted(captured.about, target)
    planned = list(KIND.plan_restore(captured.about, target, None))
    assert list(KIND.restore(captured.about, captured.root, target, None, watch())) == planned
    return [(step.action, step.what) for step in planned]


def test_the_file_is_brought_back(tmp_path: Path) -> None:
    captured = trial(tmp_path, "echo data").capture()
    (tmp_path / "back").mkdir()
    assert restore(captured, str(tmp_path / "back")) == [("create", "file output")]
    place = tmp_path / "back/output"
    assert place.read_text() == "data\n"
    place.write_text("mine")
    assert restore(captured, str(place)) == [("skip", "file output")]
    assert place.read_text() == "mine"
    assert restore(captured, str(place), "output", overwrite=True) == [("update", "file output")]
    assert place.read_text() == "data\n"
    assert os.listdir(tmp_path / "back") == ["output"]
    with pytest.raises(NotFound):
        KIND.wanted(captured.about, RestoreTarget("./x", ("other",)))
    with pytest.raises(Permanent, match="no such folder"):
        restore(captured, str(tmp_path / "no/such/place"))
    with pytest.raises(Permanent, match="no restore command"):
        restore(captured, "crm")


def test_the_restore_command_takes_it_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = f'cp "$TRUEUP_FILE" {tmp_path}/"$TRUEUP_TO-$P"; exit $CODE'
    captured = trial(
        tmp_path, "echo data", restore=command, env={"P": "x", "CODE": {"env": "C"}}, secrets={"C": "the-code"}
    ).capture()
    monkeypatch.delenv("CODE", raising=False)
    with pytest.raises(SecretMissing, match="P"):
        restore(captured, "crm", overwrite=True)
    monkeypatch.setenv("P", "here")
    monkeypatch.setenv("CODE", "0")
    assert restore(captured, "crm") == [("skip", f"run {command}")]
    assert not (tmp_path / "crm-here").exists()
    assert restore(captured, "crm", overwrite=True) == [("update", f"run {command}")]
    assert (tmp_path / "crm-here").read_text() == "data\n"
    monkeypatch.setenv("CODE", "5")
    with pytest.raises(Permanent, match="exit code 5"):
        restore(captured, "crm", overwrite=True)
