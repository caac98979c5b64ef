"""Every link inside the documents leads somewhere, and every page is linked to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import click
import pytest

ROOT = Path(__file__).parents[3]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def without_code(text: str) -> str:
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.S)


def links(path: Path) -> list[str]:
    return [one for one in _LINK.findall(without_code(path.read_text("utf-8"))) if "://" not in one]


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", path.read_text("utf-8"), flags=re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    for link in links(path):
        file, _, anchor = unquote(link).partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), f"{link} is not there"
        assert not anchor or anchor in anchors(target), f"{link}: no such heading"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, new = set(), {ROOT / "README.md"}
    while new:
        reached |= new
        found = {(path.parent / link.partition("#")[0]).resolve() for path in new for link in links(path)}
        pages = {one / "README.md" if one.is_dir() else one for one in found}
        new = {one for one in pages if one.suffix == ".md" and one.exists()} - reached
    pages = [one for one in DOCUMENTS if one.parent != ROOT]  # CHANGELOG, SECURITY: code hosts show them by themselves
    assert [str(one.relative_to(ROOT)) for one in pages if one not in reached] == []


def below(command: click.Command) -> Iterator[click.Command]:
    """The command and all its commands."""
    yield command
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for name in command.list_commands(ctx):
            found = command.get_command(ctx, name)
            assert found is not None
            yield from below(found)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_in_the_text_exist(path: Path) -> None:
    """`trueup WORD` in a document names a command, with options that it has."""
    from trueup.ui.cli.commands import COMMANDS
    from trueup.ui.cli.main import build

    names = {one.name for one in COMMANDS}
    app = build()
    for command, rest in re.findall(r"(?:^|[`\s/$])trueup ([a-z]+)(?![a-z/])([^`\n#]*)", path.read_text("utf-8"), re.M):
        if not re.search(rf"[`$] ?trueup {command}|^trueup {command}|/trueup {command}", path.read_text("utf-8"), re.M):
            continue
        assert command in names, f"trueup {command}"
        known = app.get_command(click.Context(app), command)
        assert known is not None
        options = {option for one in below(known) for param in one.params for option in param.opts} | {"--help", "-h"}
        given = set(re.findall(r"(?<=\s)(--?[a-z][a-z-]*)", rest.split(" | ")[0].split(";")[0]))
        assert given <= options, f"trueup {command}{rest}"
