"""Plans of two Parquet files of a million contacts each, beside the floor: an anti-join by polars, which knows no state, no conflict and no undo."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.ground import note
from benchmarks.measured import Section
from benchmarks.process import Cost, run

PROJECT = Path(__file__).resolve().parents[1]
BENCH = PROJECT / ".venv-bench" / "bin" / "python"
GROUP = 100_000
CHANGED = 100
"""One row of so many is changed."""
CONFIG = """\
version: 1
stores:
  crm: {connector: parquet, path: crm.parquet, key: id}
  erp: {connector: parquet, path: erp.parquet, key: id}
jobs:
  people:
    kind: contacts
    collections:
    - {store: crm, mapping: &columns {uid: id, name: name, email: email, phone: phone, organisation: company, note: note}}
    - {store: erp, mapping: *columns}
    match: off
"""
ANTI_JOIN = (
    "import polars as pl; a, b = pl.read_parquet('crm.parquet'), pl.read_parquet('erp.parquet');"
    " print(a.join(b, on=a.columns, how='anti', nulls_equal=True).height)"
)


def measure(count: int) -> Section:
    """Each in a process of its own, start included, in the order of the table."""
    rows = []
    with TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "trueup.yaml").write_text(CONFIG)
        for name in ("crm", "erp"):
            _write(folder / f"{name}.parquet", count, changed=False)
        for what, command in (
            ("first plan: every row read, linked and compared", "plan"),
            ("first run: all agree", "run"),
            ("plan, nothing changed", "plan"),
        ):
            rows.append(_row(f"trueup, {what}", 2 * count, _checked(run([_trueup(), command, "people"], folder))))
        _write(folder / "erp.parquet", count, changed=True)
        cost = _checked(run([_trueup(), "plan", "people"], folder))
        rows.append(_row(f"trueup, plan, one row of {CHANGED} changed in one file", 2 * count, cost))
        if BENCH.exists():
            rows.append(
                _row(
                    "polars: both files read, anti-join on all columns",
                    2 * count,
                    _checked(run([BENCH, "-c", ANTI_JOIN], folder)),
                )
            )
    about = (
        f"{count:,} rows of six columns on each side. trueup reads row group by row group and keeps what it saw in its ledger, so that the next plan "
        "knows who changed what; polars holds both tables in memory, uses all processors, and tells that rows differ."
    )
    return Section(
        "tables",
        "A million rows on two sides",
        about,
        head=("what", "s", "processor s", "rows a second", "peak MB"),
        rows=tuple(rows),
    )


def _trueup() -> Path:
    return Path(sys.executable).with_name("trueup")


def _checked(cost: Cost) -> Cost:
    if cost.code:
        raise RuntimeError(cost.output[-1000:])
    return cost


def _row(what: str, count: int, cost: Cost) -> tuple[str, ...]:
    note(f"  {what}: {cost.wall:.1f} s")
    return what, f"{cost.wall:.1f}", f"{cost.cpu:.1f}", f"{count / cost.wall:,.0f}", f"{cost.rss / 1e6:,.0f}"


def _write(path: Path, count: int, *, changed: bool) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = ("id", "name", "email", "phone", "company", "note")
    schema = pa.schema([(name, pa.string()) for name in names])
    with pq.ParquetWriter(path, schema, compression="zstd") as file:
        for start in range(0, count, GROUP):
            columns = list(zip(*_people(start, min(count, start + GROUP), changed=changed), strict=True))
            file.write_table(pa.table([pa.array(one, pa.string()) for one in columns], schema=schema))


def _people(start: int, stop: int, *, changed: bool) -> Iterator[tuple[str | None, ...]]:
    for number in range(start, stop):
        edited = changed and number % CHANGED == 0
        yield (
            f"{number:08d}",
            f"Person {number}",
            f"p{number}@example.org",
            f"+49 30 {number:07d}",
            ("ACME", "Example", None)[number % 3],
            "edited" if edited else "",
        )
