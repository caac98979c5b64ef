"""Writes the broken and nasty calendar files and the list of them; the same bytes on every run.

python examples/hostile/generate.py            write the files
python examples/hostile/generate.py --check    fail if the files differ from what would be written
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from cases.answers import ANSWERS
from cases.build import Case
from cases.encoding import charsets, lines
from cases.structure import identity, nesting
from cases.values import contents, dates, rules

HERE = Path(__file__).resolve().parent
GROUPS = (
    ("Identity", identity),
    ("Structure", nesting),
    ("Dates and zones", dates),
    ("Recurrence", rules),
    ("Contents", contents),
    ("Bytes", charsets),
    ("Lines", lines),
)
INTRODUCTION = """# Hostile examples

Calendar files that are broken, extreme or unusual, one fault a file. Nothing here may stop a run: the bad file is
named and skipped, everything else goes on. Files marked "legal" are correct; some program trips over them all the same.
For calendars that work, see [the office](../office/README.md).

The files are written by `generate.py` (`generate.py --check` fails if one differs). The last two columns say what two
servers answered to a PUT of the file into an empty calendar (`duplicate-uid-2.ics`: into the one that holds
`duplicate-uid-1.ics`): the status and, if there was one, the name of the XML precondition. 201 means stored, not
unharmed. "Later queries 500": the item was taken, and from then on the server answers every time-range query on
that calendar with an error, so never write such an item. `probe.py --apart` asks any other server the same.
"""


def cases() -> dict[str, list[Case]]:
    found = {title: source() for title, source in GROUPS}
    names = [case.name for group in found.values() for case in group]
    if len(names) != len(set(names)):
        raise ValueError("two hostile files have the same name")
    return found


def readme(groups: dict[str, list[Case]]) -> str:
    out = [INTRODUCTION]
    for title, group in groups.items():
        out += [f"## {title}\n", "| file | what is wrong | Radicale 3.9 | Xandikos 0.4.10 |", "|---|---|---|---|"]
        for case in group:
            radicale, xandikos = ANSWERS.get(case.name, ("", ""))
            out.append(f"| `{case.name}.ics` | {case.wrong} | {radicale} | {xandikos} |")
        out.append("")
    return "\n".join(out)


def files() -> dict[str, bytes]:
    groups = cases()
    out = {f"{case.name}.ics": case.body for group in groups.values() for case in group}
    out["README.md"] = readme(groups).encode()
    return out


def present(root: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes() for path in root.iterdir() if path.suffix == ".ics" or path.name == "README.md"
    }


def differences(root: Path, wanted: dict[str, bytes]) -> list[str]:
    have = present(root)
    out = [f"missing: {name}" for name in sorted(wanted.keys() - have.keys())]
    out += [f"not generated: {name}" for name in sorted(have.keys() - wanted.keys())]
    out += [f"differs: {name}" for name in sorted(wanted.keys() & have.keys()) if wanted[name] != have[name]]
    return out


def write(root: Path, wanted: dict[str, bytes]) -> None:
    root.mkdir(parents=True, exist_ok=True)
    for name in present(root).keys() - wanted.keys():
        (root / name).unlink()
    for name, body in wanted.items():
        (root / name).write_bytes(body)


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the hostile calendar files.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail if a file differs")
    parser.add_argument("--into", type=Path, default=HERE, help="folder to write to (this one)")
    options = parser.parse_args()
    wanted = files()
    if options.check:
        found = differences(options.into, wanted)
        print("\n".join(found) or f"{len(wanted)} files are as generated")
        return 1 if found else 0
    write(options.into, wanted)
    print(f"{len(wanted)} files written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
