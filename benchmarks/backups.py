"""Backups beside the tools themselves: restic driven and alone, the archive beside `tar | zstd -3`, drills, and many systems of which one hangs."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.support.restic import restic
from tests.support.servers import PostgreSQL

from benchmarks.clients import Failed
from benchmarks.ground import note
from benchmarks.measured import Section
from benchmarks.process import Cost, run

TRUEUP = Path(sys.executable).with_name("trueup")
KEY = "benchmark"
HEAD = ("work", "files (MB)", "beside", "it, s", "trueup, s", "ratio", "target", "processor, s", "peak MB", "own MB")
JOB = """\
version: 1
stores: {{vault: {{{store}}}}}
jobs:
  office:
    kind: backup
    repository: {{store: vault}}
    verify: {{check: off, drill: {{every: off}}}}
    anomalies: {{drop: off, grow: off, changed: off, entropy: off}}
    sources: {{files: {{path: {root}}}}}
"""


@dataclass(frozen=True)
class Work:
    """A folder of files to back up: how many, and their bytes."""

    root: Path
    count: int
    size: int

    @property
    def label(self) -> str:
        return f"{self.count:,} ({self.size / 1e6:.0f})"


def measure(quick: bool) -> Section:
    """All of it, in one run."""
    rows: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory(prefix="trueup-bench-") as name:
        work = made(Path(name) / "share", 2_000 if quick else 20_000, (100 << 20) if quick else (1 << 30))
        rounds = 1 if quick else 2
        rows += driven(work, Path(name), rounds)
        rows += archived(work, Path(name), rounds)
        rows += [_drill(Path(name), 20_000 if quick else 400_000), *_hanging(Path(name))]
    about = (
        "Wall time of whole processes, medians of turns A B, B A. `ratio` is trueup's time divided by the other's. "
        "A first backup makes its repository, on both sides. Peak memory is that of the largest of the processes; `own` that of trueup's own one, "
        "which is what it adds where restic is another (at most 60)."
    )
    return Section("backups", "Backups", about, head=HEAD, rows=tuple(rows))


def made(root: Path, count: int, size: int) -> Work:
    """Files as an office has them: half of each compresses well, sizes are spread, the same bytes every time."""
    note(f"making {count:,} files of {size >> 20} MiB")
    chance = random.Random(7)
    weights = [chance.expovariate(1.0) + 0.05 for _ in range(count)]
    total = sum(weights)
    for number, weight in enumerate(weights):
        path = root / f"{number % 40}" / f"{number % 13}" / f"file-{number}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_content(chance, int(size * weight / total)))
    return Work(root, count, sum(one.stat().st_size for one in root.rglob("*") if one.is_file()))


def _content(chance: random.Random, length: int) -> bytes:
    line = chance.randbytes(24).hex().encode() + b"\n"
    text = line * (length // 2 // len(line) + 1)
    return chance.randbytes(length - length // 2) + text[: length // 2]


def _touch(work: Work, round_: int) -> None:
    """One file in a hundred changes."""
    chance = random.Random(round_)
    for path in sorted(work.root.rglob("*.bin"))[round_ % 100 :: 100]:
        data = bytearray(path.read_bytes())
        if data:
            data[: len(data) // 4] = chance.randbytes(len(data) // 4)
        path.write_bytes(data)


STEPS = ("first backup", "nothing changed", "1 % changed")


def driven(work: Work, place: Path, rounds: int) -> Iterator[tuple[str, ...]]:
    """restic alone, and driven by trueup: first, no change, 1 % changed."""
    env = _restic_env(place)
    times: dict[str, tuple[list[Cost], list[Cost]]] = {}
    for number in range(rounds):
        alone, ours = place / f"alone-{number}", place / f"ours-{number}"
        alone.mkdir(), ours.mkdir()
        store = f"connector: restic, path: repository, password: {{file: {place / 'key'}}}, program: {restic()}"
        (ours / "trueup.yaml").write_text(JOB.format(store=f"{store}, cache: {place / 'cache-ours'}", root=work.root))
        for step in STEPS:
            if step[0] == "1":
                _touch(work, number)
            note(f"restic, {step}, round {number + 1}")
            sides: list[Callable[[], Cost]] = [
                lambda step=step, alone=alone: run(_restic(work, step), alone, env),  # type: ignore[misc]
                lambda ours=ours: run([TRUEUP, "run", "office", "--quiet"], ours),  # type: ignore[misc]
            ]
            _in_turn(times.setdefault(step, ([], [])), sides, number)
        shutil.rmtree(alone), shutil.rmtree(ours)
    for step, (theirs, ours_costs) in times.items():
        yield _row(f"restic: {step}", work, "restic alone", theirs, ours_costs, "1.05")


def _restic_env(place: Path) -> dict[str, str]:
    (place / "key").write_text(KEY)
    return {"RESTIC_PASSWORD": KEY, "RESTIC_CACHE_DIR": str(place / "cache")}


def _restic(work: Work, step: str) -> list[str]:
    """What somebody types who backs up with restic."""
    backup = f"{restic()} backup -r repository --quiet {work.root}"
    return ["/bin/sh", "-c", f"{restic()} init -r repository --quiet && {backup}" if step == STEPS[0] else backup]


def _in_turn(found: tuple[list[Cost], list[Cost]], sides: list[Callable[[], Cost]], number: int) -> None:
    for side in (0, 1) if number % 2 == 0 else (1, 0):
        os.sync()
        found[side].append(_good(sides[side]()))


def archived(work: Work, place: Path, rounds: int) -> Iterator[tuple[str, ...]]:
    """The archive beside tar and zstd (first, restore), and beside restic (no change, 1 % changed)."""
    tar = ["/bin/sh", "-c", f"tar -cf - -C {work.root} . | zstd -3 -q -o out.tar.zst -f"]
    unpack = ["/bin/sh", "-c", "mkdir back && zstd -dc -q out.tar.zst | tar -xf - -C back"]
    back_up = [TRUEUP, "run", "office", "--quiet"]
    restore = [TRUEUP, "restore", "office", "files", "--to", "back/", "--yes", "--quiet"]
    env = _restic_env(place)
    times: dict[str, tuple[list[Cost], list[Cost]]] = {}
    for number in range(rounds):
        alone, ours = place / f"tar-{number}", place / f"archive-{number}"
        alone.mkdir(), ours.mkdir()
        said = subprocess.run([TRUEUP, "key", "key"], cwd=ours, capture_output=True, text=True, check=True)
        store = f"connector: archive, path: repository, recipients: {said.stdout.strip()}, identity: {{file: key}}"
        (ours / "trueup.yaml").write_text(JOB.format(store=store, root=work.root))
        for step in (*STEPS, "restore"):
            if step[0] == "1":
                _touch(work, 50 + number)
            note(f"archive, {step}, round {number + 1}")
            beside = {STEPS[0]: tar, "restore": unpack}.get(step, _restic(work, step))
            sides: list[Callable[[], Cost]] = [
                lambda beside=beside, alone=alone: run(beside, alone, env),  # type: ignore[misc]
                lambda step=step, ours=ours: run(restore if step == "restore" else back_up, ours),  # type: ignore[misc]
            ]
            _in_turn(times.setdefault(step, ([], [])), sides, number)
            if step == STEPS[0]:
                _good(run(_restic(work, step), alone, env))
        shutil.rmtree(alone), shutil.rmtree(ours)
    targets = {STEPS[0]: ("tar, zstd -3", "2"), "restore": ("zstd -d, tar -x", "1.5")}
    for step, (theirs, ours_costs) in times.items():
        name, target = targets.get(step, ("restic alone", "1"))
        yield _row(f"archive: {step}", work, name, theirs, ours_costs, target)


def _drill(place: Path, rows: int) -> tuple[str, ...]:
    """What proving adds: dump, store, restore and compare a database, beside a bare dump and restore."""
    note(f"a drill of a database of {rows:,} rows")
    folder = place / "drill"
    folder.mkdir()
    with PostgreSQL() as server:
        url = server.make_database()
        server_side = f"INSERT INTO orders SELECT n, repeat(md5(n::text), 14) FROM generate_series(1, {rows}) AS n"
        for sql in ("CREATE TABLE orders (number bigint PRIMARY KEY, text text)", server_side):
            _quietly(["psql", url, "-qc", sql], {})
        store = "connector: archive, path: repository, encrypt: off"
        text = JOB.format(store=store, root=".").replace("drill: {every: off}", "drill: {every: every run}")
        (folder / "trueup.yaml").write_text(text.replace("files: {path: .}", "crm: {postgresql: {url: {env: CRM}}}"))
        base = url.rpartition("/")[0]
        script = f"pg_dump -Fc -Z0 -f out.dump '{url}' && createdb --maintenance-db='{base}/postgres' again"
        script += f" && pg_restore -d '{base}/again' out.dump"
        bare = _good(run(["/bin/sh", "-c", script], folder))
        size = (folder / "out.dump").stat().st_size
        ours = _good(run([TRUEUP, "run", "office", "--quiet"], folder, {"CRM": url}))
    return _row(
        "PostgreSQL: dumped, stored, restored, compared",
        Work(folder, 1, size),
        "pg_dump, pg_restore",
        [bare],
        [ours],
        "",
    )


def _hanging(place: Path) -> Iterator[tuple[str, ...]]:
    """Nineteen systems that take a second each, alone, and with a twentieth that hangs: when the last of the nineteen is stored."""
    note("twenty systems, one of which hangs")
    costs = []
    for hang in (False, True):
        folder = place / f"systems-{hang}"
        folder.mkdir()
        sources = [f"s{number}: {{command: 'sleep 1; echo done'}}" for number in range(19)]
        if hang:
            sources.insert(0, "stuck: {command: 'sleep 600', no_progress: 20s}")
        text = JOB.format(store="connector: archive, path: repository, encrypt: off", root=".")
        more = "    parallel: 8\n    retry: {attempts: 1}\n    verify:"
        text = text.replace("files: {path: .}", ", ".join(sources)).replace("    verify:", more)
        (folder / "trueup.yaml").write_text(text)
        costs.append(_until_stored(folder, 19))
    yield _row(
        "20 systems, 8 at once, one hangs: until the 19 are stored",
        Work(place, 20, 0),
        "the 19 alone",
        costs[:1],
        costs[1:],
        "1.1",
    )


def _until_stored(folder: Path, count: int) -> Cost:
    """The time until so many batches are done."""
    began, done = time.perf_counter(), 0
    with subprocess.Popen(
        [TRUEUP, "run", "office", "--json-lines"], cwd=folder, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        for line in run.stdout:
            event = json.loads(line)
            if event.get("event") == "batch" and event["done"]:
                done += 1
                took = time.perf_counter() - began
            if done == count:
                run.terminate()
                return Cost(took, 0.0, 0, 0, "")
    raise Failed(f"{done} of {count} systems were backed up")


def _row(work: str, on: Work, beside: str, theirs: list[Cost], ours: list[Cost], target: str) -> tuple[str, ...]:
    def both(part: str, scale: float, shape: str) -> str:
        values = (median(getattr(one, part) for one in side) / scale for side in (theirs, ours))
        return " / ".join(format(one, shape) for one in values)

    a, b = (median(one.wall for one in side) for side in (theirs, ours))
    return (
        *(work, on.label, beside, f"{a:.2f}", f"{b:.2f}", f"**{b / a:.2f}**", target),
        *(both("cpu", 1, ".1f"), both("rss", 1e6, ".0f")),
        f"{median(one.own for one in ours) / 1e6:.0f}",
    )


def _good(cost: Cost) -> Cost:
    if cost.code:
        raise Failed(f"exit code {cost.code}\n{cost.output[-2000:]}")
    return cost


def _quietly(command: list[str], env: dict[str, str]) -> None:
    subprocess.run(command, env={**os.environ, **env}, check=True, capture_output=True)
