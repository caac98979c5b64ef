"""Peak memory of a first pull, and how it grows with the calendar."""

from __future__ import annotations

from benchmarks.clients import Failed
from benchmarks.events import events
from benchmarks.ground import BOTH, ground, note
from benchmarks.measured import Section
from benchmarks.process import Cost

MOST = 80e6  # bytes, at 10,000 events
SHARE = 1 / 3


def measure(label: str, counts: tuple[int, ...]) -> Section:
    """Pulls calendars of several sizes with both programs, once each: memory hardly varies."""
    peaks: dict[str, list[tuple[int, int]]] = {kind.name: [] for kind in BOTH}
    rows = []
    with ground(label) as at:
        for count in counts:
            items = list(events(count, f"memory{count}"))
            size = sum(len(one.body) for one in items)
            account = at.filled(f"memory{count}", items)
            shown = [f"{count:,}", f"{size / 1e6:.1f}"]
            for kind in BOTH:
                client = at.client(kind, account)
                cost = client.sync()
                if client.held() != count:
                    raise Failed(f"{kind.name} brought {client.held()} of {count} events")
                note(f"  {kind.name}: {cost.rss / 1e6:.0f} MB at {count:,} events")
                peaks[kind.name].append((size, cost.rss))
                shown.append(_mega(cost))
            rows.append(tuple(shown))
    growth = [f"{_slope(peaks[kind.name]):.2f}" for kind in BOTH]
    rows.append(("growth", "bytes a byte of data", *growth))
    about = f"First pull from {label}. Target: under {MOST / 1e6:.0f} MB at 10,000 events, growing by less than a third of the data."
    head = ("events", "MB of data", *(f"{kind.name}, MB" for kind in BOTH))
    return Section("memory", "Peak memory", about, head=head, rows=tuple(rows))


def _mega(cost: Cost) -> str:
    return f"{cost.rss / 1e6:.0f}"


def _slope(points: list[tuple[int, int]]) -> float:
    (first, low), (last, high) = points[0], points[-1]
    return (high - low) / (last - first) if last > first else 0.0
