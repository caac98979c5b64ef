"""`python -m benchmarks`: measures, prints the tables, and with `--write` keeps them in docs/benchmarks.md."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from tests.support.servers import Cyrus

from benchmarks import (
    backups,
    calendars,
    engines,
    floor,
    matching,
    memory,
    overhead,
    parsing,
    planning,
    profiles,
    push,
    report,
    scale,
    startup,
    tables,
)
from benchmarks.clients import ADDRESS_BOOKS, vdirsyncer_at
from benchmarks.ground import note
from benchmarks.measured import Section

PROJECT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Returns the exit code: 1 where a program failed at something it is meant to do."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("sections", nargs="*", choices=[[], *MEASURE], help="which to measure (all, if none is named)")
    parser.add_argument("--quick", action="store_true", help="1,000 events and few rounds: about three minutes")
    parser.add_argument(
        "--write", action="store_true", help="keep the results in benchmarks/results.json and docs/benchmarks.md"
    )
    parser.add_argument(
        "--server", action="append", help="only this server (Cyrus, Xandikos, Radicale); may be repeated"
    )
    chosen = parser.parse_args()
    if chosen.write and chosen.quick:
        parser.error("--quick is for a look, its results are not kept")
    if Cyrus.missing():
        parser.error(Cyrus.missing())
    bench = PROJECT / ".venv-bench"
    if bench.exists():
        vdirsyncer_at(bench)
    sections = []
    for name in chosen.sections or MEASURE:
        found = MEASURE[name](chosen.quick, chosen.server or ["Cyrus", "Xandikos", "Radicale"])
        sections.append(replace(found, measured=_circumstances()))
        if chosen.write:
            report.write(sections)
    print(report.render(sections))
    return 1 if any(pair.ours.failed for one in sections for pair in one.comparisons) else 0


def _calendars(quick: bool, servers: list[str]) -> Section:
    about = "Medians; both programs take turns (A B, B A …). Of two figures the first is vdirsyncer's."
    count, rounds = (1_000, 3) if quick else (10_000, 5)
    pairs = [pair for label in servers for pair in calendars.compare(label, count, rounds)]
    return Section("calendars", "A big calendar and a folder", about, tuple(pairs))


def _contacts(quick: bool, servers: list[str]) -> Section:
    about = "Medians; both programs take turns (A B, B A …). Of two figures the first is vdirsyncer's."
    count, rounds = (1_000, 3) if quick else (10_000, 5)
    pairs = [pair for label in servers for pair in calendars.compare(label, count, rounds, ADDRESS_BOOKS)]
    return Section("contacts", "A big address book and a folder, and two address books", about, tuple(pairs))


def _push(quick: bool, servers: list[str]) -> Section:
    count, rounds = (200, 1) if quick else (1_000, 1)
    found = [push.compare(label, count, rounds) for label in servers]
    cpu = ", ".join(f"{label} {took:.2f} ms" for label, (_, took) in zip(servers, found, strict=True))
    about = f"Processor time of trueup for one PUT, beyond that of a run with nothing to do: {cpu} (at most 0.5)."
    return Section("push", "New events to a far server", about, tuple(pair for pair, _ in found))


def _memory(quick: bool, servers: list[str]) -> Section:
    return memory.measure("Cyrus", (500, 1_000) if quick else (2_500, 10_000, 20_000))


def _engines(quick: bool, servers: list[str]) -> Section:
    return engines.measure(20 if quick else 200, 1 if quick else 5)


def _overhead(quick: bool, servers: list[str]) -> Section:
    return overhead.measure(20 if quick else 200, 1 if quick else 3, (1,) if quick else (1, 2, 4))


def _scale(quick: bool, servers: list[str]) -> Section:
    return scale.measure(64 if quick else 200, (1, 2) if quick else (1, 2, 4))


def _floor(quick: bool, servers: list[str]) -> Section:
    return floor.measure("Cyrus", 1_000 if quick else 10_000, 200 if quick else 1_000, 1 if quick else 5)


def _startup(quick: bool, servers: list[str]) -> Section:
    return startup.measure()


def _parsing(quick: bool, servers: list[str]) -> Section:
    return parsing.measure(200 if quick else 1_000, 3)


def _planning(quick: bool, servers: list[str]) -> Section:
    return planning.measure(1_000 if quick else 100_000)


def _matching(quick: bool, servers: list[str]) -> Section:
    return matching.measure(quick)


def _profile(quick: bool, servers: list[str]) -> Section:
    return profiles.measure(5_000 if quick else 100_000, 1 if quick else 3)


def _tables(quick: bool, servers: list[str]) -> Section:
    return tables.measure(10_000 if quick else 1_000_000)


def _backups(quick: bool, servers: list[str]) -> Section:
    return backups.measure(quick)


MEASURE: dict[str, Callable[[bool, list[str]], Section]] = {
    "startup": _startup,
    "push": _push,
    "calendars": _calendars,
    "contacts": _contacts,
    "floor": _floor,
    "memory": _memory,
    "parsing": _parsing,
    "planning": _planning,
    "engines": _engines,
    "overhead": _overhead,
    "scale": _scale,
    "matching": _matching,
    "profile": _profile,
    "tables": _tables,
    "backups": _backups,
}


def _circumstances() -> str:
    day = time.strftime("%Y-%m-%d")
    programs = ", ".join(f"{name} {version(name)}" for name in ("trueup", "radicale", "xandikos"))
    load = os.getloadavg()[0]
    return f"{day} on {os.cpu_count()} cores (load {load:.1f}), Python {platform.python_version()}: {programs}"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        note("stopped")
        sys.exit(130)
