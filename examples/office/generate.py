"""Writes the example calendars of a made-up company; the same bytes on every run.

python examples/office/generate.py            write the files
python examples/office/generate.py --check    fail if the files differ from what would be written
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from recipes.clients import Item
from recipes.curious import alarms, times
from recipes.holidays import feed
from recipes.meetings import meetings
from recipes.private import private
from recipes.rooms import rooms
from recipes.series import series
from recipes.tasks import tasks
from recipes.texts import people, places_and_files, texts

HERE = Path(__file__).resolve().parent
SHOWN_AS = {
    "team": ("Team", "#1f6feb"),
    "private": ("Privat", "#8250df"),
    "tasks": ("Aufgaben", "#bf8700"),
    "resources/meeting-room-elbe": ("Besprechungsraum Elbe", "#1a7f37"),
    "resources/meeting-room-alster": ("Besprechungsraum Alster", "#0e8a8a"),
}


def items() -> list[Item]:
    """Every item that is a file of its own; the holiday feed is not among them."""
    sources = (series, meetings, times, alarms, people, places_and_files, texts, private, rooms, tasks)
    return [item for source in sources for item in source()]


def files() -> dict[str, bytes]:
    """Path relative to this folder, and content."""
    out: dict[str, bytes] = {"holidays.ics": feed()}
    seen: set[tuple[str, str]] = set()
    for item in items():
        if item.path in out or (item.folder, item.uid) in seen:
            raise ValueError(f"{item.path}: the path or the UID {item.uid} is used twice")
        seen.add((item.folder, item.uid))
        out[item.path] = item.body
    for folder, (name, colour) in SHOWN_AS.items():
        out[f"{folder}/displayname"] = name.encode()
        out[f"{folder}/color"] = colour.encode()
    return out


def present(root: Path) -> dict[str, bytes]:
    """The generated files that exist, whatever wrote them."""
    found = [path for path in root.rglob("*") if path.suffix == ".ics" or path.name in ("displayname", "color")]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


def differences(root: Path, wanted: dict[str, bytes]) -> list[str]:
    have = present(root)
    lines = [f"missing: {path}" for path in sorted(wanted.keys() - have.keys())]
    lines += [f"not generated: {path}" for path in sorted(have.keys() - wanted.keys())]
    lines += [f"differs: {path}" for path in sorted(wanted.keys() & have.keys()) if wanted[path] != have[path]]
    return lines


def write(root: Path, wanted: dict[str, bytes]) -> None:
    for path in present(root).keys() - wanted.keys():
        (root / path).unlink()
    for path, body in wanted.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(body)


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the example calendars.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail if a file differs")
    parser.add_argument("--into", type=Path, default=HERE, help="folder to write to (this one)")
    options = parser.parse_args()
    wanted = files()
    if options.check:
        lines = differences(options.into, wanted)
        print("\n".join(lines) or f"{len(wanted)} files are as generated")
        return 1 if lines else 0
    write(options.into, wanted)
    print(f"{len(wanted)} files written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
