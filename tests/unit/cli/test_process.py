"""What only shows in a process of its own: start-up, signals, pipes, encodings, terminals."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.feed import FeedServer
from tests.support.proxy import Proxy
from tests.unit.cli.conftest import CONFIG, Office

TRUEUP = [sys.executable, "-m", "trueup"]


def environment(**more: str) -> dict[str, str]:
    return {**{key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "TRUEUP_DEBUG")}, **more}


def in_terminal(arguments: list[str], cwd: Path, **more: str) -> str:
    """What the command writes to a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*TRUEUP, *arguments],
        cwd=cwd,
        env=environment(TERM="xterm", **more),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    text = b""
    with contextlib.suppress(OSError):  # EIO: the other end is closed
        while piece := os.read(ours, 65_536):
            text += piece
    os.close(ours)
    assert process.wait(60) == 0, text
    return text.decode()


def test_colours_and_progress_are_for_terminals(office: Office) -> None:
    office.put("work", "a", "Board meeting")
    text = in_terminal(["plan", "team"], office.root)
    assert "\033[32m+\033[0m" in text
    assert "\rplanning" in text
    plain = subprocess.run(
        [*TRUEUP, "plan", "team"], cwd=office.root, env=environment(), capture_output=True, text=True
    )
    assert "\033" not in plain.stdout + plain.stderr
    assert plain.stderr == ""


def test_no_color(office: Office) -> None:
    office.put("work", "a", "Board meeting")
    assert "\033[" not in in_terminal(["plan", "team"], office.root, NO_COLOR="1")


def test_a_title_commands_no_terminal(office: Office) -> None:
    # Sets the window's title, clears the screen, moves the cursor, rings (as 7-bit and as 8-bit control characters).
    office.put("work", "a", "x\033]0;owned\007\033[2J\u009b31m\u202egnp.exe")
    text = in_terminal(["plan", "team"], office.root, NO_COLOR="1")
    assert "\\x1b]0;owned\\x07\\x1b[2J\\x9b31mgnp.exe" in text
    for char in ("\033", "\007", "\u009b", "\u202e"):
        assert char not in text


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_title_that_the_terminal_cannot_show(office: Office, encoding: str) -> None:
    office.put("work", "a", "会議 – Žofie 🎉")
    done = subprocess.run(
        [*TRUEUP, "plan", "team"], cwd=office.root, env=environment(PYTHONIOENCODING=encoding), capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert rb"\u4f1a\u8b70" in done.stdout


def test_a_reader_that_goes_away(office: Office) -> None:
    for number in range(150):
        office.put("work", f"e{number}", f"Event {number} " + "long " * 100)
    process = subprocess.Popen(
        [*TRUEUP, "plan", "team"], cwd=office.root, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == 128 + signal.SIGPIPE


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["validate"], ["plan", "team"], ["plan", "nope"]], ids=" ".join
)
def test_streams_that_are_closed_full_or_gone(office: Office, arguments: list[str]) -> None:
    def shell(redirection: str) -> subprocess.CompletedProcess[str]:
        command = f'"$@" {redirection}'
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", command, "sh", *TRUEUP, *arguments],
            cwd=office.root,
            env=environment(),
            capture_output=True,
            text=True,
        )

    right = int("nope" in arguments)
    for redirection, codes in (
        (">&-", {right}),
        ("2>&-", {right}),
        (">/dev/full", {1}),
        ("| true", {right, 141, 128 + 13}),
    ):
        done = shell(redirection)
        assert done.returncode in codes, (redirection, done)
        assert "Traceback" not in done.stderr
        assert "our mistake" not in done.stderr
        assert "Exception ignored" not in done.stderr


def test_ctrl_c_leaves_nothing_half_done(office: Office) -> None:
    """Stopped while it waits for a slow server."""
    with FeedServer((office.root / "feed.ics").read_text()) as feed, Proxy(feed.url) as proxy:
        rule = proxy.on("GET").delay(30)
        config = office.root / "trueup.yaml"
        config.write_text(config.read_text().replace("path: feed.ics", f"url: '{proxy.through(feed.url)}'"))
        process = subprocess.Popen(
            [*TRUEUP, "run", "holidays"], cwd=office.root, env=environment(), stderr=subprocess.PIPE, text=True
        )
        while not rule.hits:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert process.stderr.readline() == "\n"
        assert "Once more stops at once" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 130
        assert "Traceback" not in process.stderr.read()
    config.write_text(CONFIG)
    done = subprocess.run([*TRUEUP, "run", "holidays"], cwd=office.root, env=environment(), capture_output=True)
    assert done.returncode == 0, done.stderr
    assert office.titles("laptop", "holidays") == ["New Year"]


def test_ctrl_c_while_a_person_is_asked(office: Office) -> None:
    ours, theirs = pty.openpty()
    (office.root / "new").mkdir()
    process = subprocess.Popen(
        [*TRUEUP, "init", "new"],
        cwd=office.root,
        env=environment(),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job is born deaf to it
    )
    os.close(theirs)
    shown = b""
    while b"Name of place" not in shown:
        shown += os.read(ours, 4096)
    time.sleep(0.3)  # a signal between the prompt and the reading is only seen after the reading
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(OSError):  # EIO: the other end is closed
        while piece := os.read(ours, 4096):
            shown += piece
    os.close(ours)
    assert process.wait(20) == 130
    assert b"Nothing half-done is lost: run it again" in shown
    assert b"Traceback" not in shown


def test_names_are_completed(office: Office) -> None:
    def complete(words: str) -> list[str]:
        asked = environment(
            COMP_WORDS=words, COMP_CWORD=str(len(words.split(" ")) - 1), _TRUEUP_COMPLETE="bash_complete"
        )
        done = subprocess.run(TRUEUP, cwd=office.root, env=asked, capture_output=True, text=True)
        return [line.partition(",")[2] for line in done.stdout.splitlines() if line]

    assert complete("trueup pl") == ["plan"]
    assert complete("trueup plan t") == ["team"]
    assert complete("trueup run n") == ["nightly"]
    assert complete("trueup apply --allow max_d") == ["max_delete"]
    (office.root / "trueup.yaml").write_text("version: [")
    assert complete("trueup plan t") == []
