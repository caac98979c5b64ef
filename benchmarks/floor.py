"""What the same work takes at least: see `benchmarks.bare`. Tells how much of a target any program of this kind could reach."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median

from tests.support.slow_network import SlowNetwork

from benchmarks.clients import Account, Failed
from benchmarks.events import events
from benchmarks.ground import Ground, ground, note
from benchmarks.measured import Section
from benchmarks.process import Cost, run
from benchmarks.push import ROUND_TRIP

BARE = Path(__file__).with_name("bare.py")
HEAD = ("work", "server", "events", "s", "processor, s", "peak MB")


def measure(label: str, pulled: int, pushed: int, rounds: int) -> Section:
    """The bare program at the three pieces of work."""
    rows = []
    with ground(label) as at:
        account = at.filled("bench", list(events(pulled)))
        note(f"{label}: the floor, {pulled:,} and {pushed:,} events")
        pulls, sames = [], []
        for number in range(rounds):
            folder = at.folder / f"bare-{number}" / "events"
            folder.mkdir(parents=True)
            pulls.append(_bare("pull", account, folder, at))
            if len(list(folder.iterdir())) != pulled:
                raise Failed(f"the bare program did not bring {pulled} events\n{pulls[-1].output[-2000:]}")
            sames.append(_bare("same", account, folder, at))
        rows += [_row("first pull into a folder", label, pulled, pulls), _row("nothing changed", label, pulled, sames)]
        with SlowNetwork(at.server.url, ROUND_TRIP) as slow:
            folder = at.folder / "bare-push"
            folder.mkdir()
            for one in events(pushed, "bare-push"):
                (folder / f"{one.slug}.ics").write_bytes(one.body)
            target = at.empty()
            pushes = [_bare("push", target.through(slow.url), folder, at)]
            if len(at.server.dav().list(target.calendar)) != pushed:
                raise Failed(f"the bare program did not push {pushed} events\n{pushes[-1].output[-2000:]}")
        rows.append(_row(f"push new events, {ROUND_TRIP} ms round trip", label, pushed, pushes))
    about = (
        "A program that does the same and nothing else: no ledger, no comparison, no plan, no check, no command line (`benchmarks/bare.py`: "
        "http.client, expat, `stat`). What is not possible for it is not possible for trueup."
    )
    return Section("floor", "The floor", about, head=HEAD, rows=tuple(rows))


def _bare(work: str, account: Account, folder: Path, at: Ground) -> Cost:
    cost = run(
        (sys.executable, BARE, work, account.calendar, account.user, account.password, str(folder)), at.folder, None
    )
    if cost.code:
        raise Failed(f"the bare program ended with {cost.code}\n{cost.output[-2000:]}")
    return cost


def _row(work: str, label: str, count: int, costs: list[Cost]) -> tuple[str, ...]:
    wall, cpu, rss = (median(getattr(one, part) for one in costs) for part in ("wall", "cpu", "rss"))
    return (work, label, f"{count:,}", f"{wall:.2f}", f"{cpu:.2f}", f"{rss / 1e6:.0f}")
