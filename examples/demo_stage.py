"""What both parts of the demo stand on: the command as a person calls it, and headings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TRUEUP = Path(sys.executable).with_name("trueup")
COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ
TAIL = 8


def run(folder: Path, *args: str, expect: int = 0, show: int = 12, env: dict[str, str] | None = None) -> str:
    """Runs the command in a folder, shows what it says, and checks its exit code; returns what it said."""
    say(f"$ trueup {' '.join(args)}", "1")
    environ = environment() | (env or {})
    done = subprocess.run([str(TRUEUP), *args], cwd=folder, env=environ, capture_output=True, text=True)
    text = done.stdout + ("" if "-v" in args else done.stderr)  # with -v what is under way is told there
    lines = text.rstrip().splitlines()
    cut = len(lines) > show + TAIL + 1
    for line in lines[:show] if cut else lines:
        print("    " + line)
    if cut:
        print(f"    … {len(lines) - show - TAIL} more lines …")
        print("\n".join("    " + line for line in lines[-TAIL:]))
    if done.returncode != expect:
        print("\n".join(lines[show:]))
        raise SystemExit(f"the demo expected exit code {expect}, and got {done.returncode}")
    if expect:
        print(f"    (exit code {done.returncode})")
    print()
    return text


def environment() -> dict[str, str]:
    """The command's environment: no colours, a fixed width."""
    return {**os.environ, "NO_COLOR": "1", "COLUMNS": "120"}


def chapter(title: str, text: str) -> None:
    """A heading and a sentence."""
    say(f"\n── {title} " + "─" * max(3, 96 - len(title)), "1;34")
    print(f"{text}\n")


def say(text: str, style: str = "") -> None:
    """Prints a line, in a style where a terminal shows it."""
    print(f"\033[{style}m{text}\033[0m" if style and COLOUR else text, flush=True)
