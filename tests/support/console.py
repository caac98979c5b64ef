"""Commands in a document's ```console blocks, run as a reader would run them, in one shell, block after block.

A line that begins with "$ " is a command (with its here-document, if it has one); what follows is what it prints. What differs
from run to run (ids, hashes, times, the folder) is compared as the same; a line "…" stands for any number of lines.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"```console\n(.*?)```", re.S)
_MARK = "--- end of a command ---"
_CHANGING = (
    (re.compile(r"\b\d{8}-\d{6}-\w{4}\b"), "RUN"),
    (re.compile(r"\(run RUN, [0-9a-f]{12}\)"), "(run RUN, HASH)"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +(\d+\.\d s)?"), "WHEN "),
    (re.compile(r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d{1,2} [A-Z][a-z]{2} \d{4}\b"), "DAY"),
    (re.compile(r"\b(apply|history|undo) 20\S+"), r"\1 RUN"),
    (re.compile(r"\b20\d{6}T\S*"), "SNAPSHOT"),
    (re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d\b"), "WHEN"),
    (re.compile(r" *\b[\d.]+ (?:bytes|kB|MB)\b"), " SIZE"),
    (re.compile(r"(?:under )?\b\d+ s\b(?: ago)?|just now"), "TIME"),
    (re.compile(r"(, TIME(?=\))|TIME, )"), ""),
)


@dataclass(frozen=True)
class Command:
    """A command as it is typed, and the lines that the document says it prints."""

    text: str
    expected: tuple[str, ...]


def commands(document: str) -> list[Command]:
    """The commands of a document in order."""
    found = []
    for block in _BLOCK.findall(document):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            lines = part.rstrip("\n").split("\n")
            length = _length(lines)
            found.append(Command("\n".join(lines[:length]), tuple(lines[length:])))
    return found


def _length(lines: list[str]) -> int:
    """How many lines the command itself has: up to the end of its here-document, or of its continued lines."""
    here = re.search(r"<<\s*'?(\w+)'?", lines[0])
    if here:
        return lines.index(here[1]) + 1
    return next(number for number, line in enumerate(lines, 1) if not line.endswith("\\"))


def replay(document: str, folder: Path, environment: Mapping[str, str]) -> list[tuple[Command, list[str]]]:
    """Runs all commands of a document in one shell; each with the lines it printed, errors among them."""
    known = commands(document)
    script = "".join(f"{one.text}\n_code=$?; echo; echo '{_MARK}'; (exit $_code)\n" for one in known)
    path = f"{Path(sys.executable).parent}:{environment['PATH']}"
    done = subprocess.run(
        ["bash", "--norc"],
        input=script,
        cwd=folder,
        env={**environment, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
    )
    printed = done.stdout.split(f"\n{_MARK}\n")[:-1]
    return [
        (one, text.rstrip("\n").split("\n") if text.strip("\n") else [])
        for one, text in zip(known, printed, strict=True)
    ]


def settled(line: str, folder: Path) -> str:
    """A line without what differs from run to run."""
    line = line.replace(str(folder), "~/calendars")
    for pattern, word in _CHANGING:
        line = pattern.sub(word, line)
    return line.rstrip()


def agrees(expected: list[str], printed: list[str]) -> bool:
    """Whether the lines are those; "…" is any number of lines."""
    if not expected:
        return not printed
    if expected[0].strip() == "…":
        return any(agrees(expected[1:], printed[skip:]) for skip in range(len(printed) + 1))
    return bool(printed) and expected[0] == printed[0] and agrees(expected[1:], printed[1:])
