"""Every command in the documents is executed, and prints what the document says it prints."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.console import agrees, commands, replay, settled

DOCS = Path(__file__).parents[3] / "docs"
PAGES = [
    "tutorial.md",
    "how-to/pipelines.md",
    "how-to/double-bookings.md",
    "how-to/backup.md",
    "how-to/contacts.md",
    "how-to/contacts-duplicates.md",
    "how-to/contacts-tables.md",
    "how-to/data-quality.md",
]
SHOWN = Path("/home/ana/calendars")


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_the_commands_print_what_the_page_says(name: str, tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    for command, printed in replay((DOCS / name).read_text("utf-8"), tmp_path, environment):
        shown = [settled(line, tmp_path) for line in printed]
        assert agrees([settled(line, SHOWN) for line in command.expected], shown), f"$ {command.text}\n" + "\n".join(
            shown
        )


def test_the_tutorial_shows_every_everyday_command() -> None:
    typed = " ".join(one.text for one in commands((DOCS / "tutorial.md").read_text("utf-8")))
    for name in ("validate", "doctor", "plan", "apply", "run", "resolve", "undo", "verify", "history"):
        assert f"trueup {name}" in typed
