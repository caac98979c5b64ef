"""Profiles: what is in 100,000 contacts, and in a table of as many rows beside duckdb's SUMMARIZE."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.cards import cards
from benchmarks.ground import note
from benchmarks.measured import Section
from benchmarks.process import Cost, run

PROJECT = Path(__file__).resolve().parents[1]
BENCH = PROJECT / ".venv-bench" / "bin" / "python"
SUMMARIZE = (
    "import duckdb; print(len(duckdb.sql(\"SUMMARIZE FROM read_csv('rows.csv', all_varchar=true)\").fetchall()))"
)
COLUMNS = ("id", "name", "email", "phone", "city", "postcode", "born", "note")


def measure(count: int, rounds: int) -> Section:
    """Each program in a process of its own, start included, in turn."""
    with TemporaryDirectory() as place:
        folder = Path(place)
        _write(folder, count)
        commands: dict[str, list[str | Path]] = {
            f"trueup profile, {count:,} cards in one file": [_trueup(), "profile", "book", "--json"],
            f"trueup profile, {count:,} rows in a .csv file": [_trueup(), "profile", "rows", "--json"],
        }
        if BENCH.exists():
            commands["duckdb SUMMARIZE, the same rows"] = [BENCH, "-c", SUMMARIZE]
        costs: dict[str, list[Cost]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                note(f"  {name}")
                costs[name].append(_checked(run(command, folder), name))
        rows = [_row(name, found) for name, found in costs.items()]
    about = (
        "Empty fields, different values, lengths, forms, the most frequent. duckdb tells nulls, extremes, different values and quartiles, and no "
        "forms, lengths or frequent values; it reads with all processors."
    )
    return Section(
        "profile", "Profile of a load", about, head=("what", "s", "processor s", "peak MB"), rows=tuple(rows)
    )


def _trueup() -> Path:
    return Path(sys.executable).with_name("trueup")


def _checked(cost: Cost, name: str) -> Cost:
    if cost.code:
        raise RuntimeError(f"{name}: {cost.output[-1000:]}")
    if name.startswith("trueup"):
        (found,) = json.loads(cost.output)["collections"]
        assert not found["unreadable"], found["reasons"]
    return cost


def _row(name: str, costs: list[Cost]) -> tuple[str, ...]:
    wall, cpu = median(one.wall for one in costs), median(one.cpu for one in costs)
    return name, f"{wall:.2f}", f"{cpu:.2f}", f"{max(one.rss for one in costs) / 1e6:,.0f}"


def _write(folder: Path, count: int) -> None:
    (folder / "trueup.yaml").write_text(
        "version: 1\nstores:\n  book: {connector: vcf, path: book.vcf}\n  rows: {connector: csv, path: rows.csv, key: id}\n"
    )
    with (folder / "book.vcf").open("wb") as book:
        for one in cards(count):
            book.write(one.body)
    with (folder / "rows.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for number in range(count):
            city = ("Ulm", "Bonn", "Kiel", "")[number % 4]
            person = (f"Person {number}", f"p{number}@example.org", f"+49 30 {number:07d}")
            table.writerow(
                (
                    number,
                    *person,
                    city,
                    f"{number % 90_000 + 10_000}",
                    f"19{number % 100:02d}-03-09",
                    "tea" * (number % 9),
                )
            )
