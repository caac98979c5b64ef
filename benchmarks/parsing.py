"""Taking events apart: our lossless content lines against full parsers, in one process and in turn."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from benchmarks.events import events
from benchmarks.measured import Section

Back = Callable[[bytes], bytes]


def measure(count: int, rounds: int) -> Section:
    """Reads and writes each event with each parser; scaled to 10,000 events."""
    bodies = [one.body for one in events(count)]
    parsers = _parsers()
    took: dict[str, list[float]] = {name: [] for name in parsers}
    for number in range(rounds):
        for name in sorted(parsers, reverse=bool(number % 2)):
            began = time.process_time()
            for body in bodies:
                parsers[name](body)
            took[name].append((time.process_time() - began) * 10_000 / count)
    fastest = min(median(times) for times in took.values())
    rows = []
    for name, back in parsers.items():
        same = sum(1 for body in bodies if back(body) == body)
        seconds = median(took[name])
        rows.append((name, f"{seconds:.2f}", f"{seconds / fastest:.0f}", f"{same * 100 / count:.0f} %"))
    about = f"{count:,} events, read and written again, scaled to 10,000. What is not byte for byte the same was reordered, refolded or lost."
    head = ("parser", "processor s for 10,000 events", "times the fastest", "byte for byte the same")
    return Section("parsing", "Taking events apart", about, head=head, rows=tuple(rows))


def _parsers() -> dict[str, Back]:
    import icalendar
    import vobject  # type: ignore[import-untyped]

    from trueup.core.contentlines import parse

    logging.getLogger("vobject").setLevel(logging.ERROR)

    def by_vobject(body: bytes) -> bytes:
        read: Any = vobject.readOne(body.decode())
        return str(read.serialize(validate=False)).encode()

    return {
        "trueup content lines": lambda body: parse(body).to_bytes(),
        "icalendar": lambda body: icalendar.Calendar.from_ical(body).to_ical(),
        "vobject": by_vobject,
    }
