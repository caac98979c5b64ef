"""How the backups stand, for Prometheus: its text format (https://prometheus.io/docs/instrumenting/exposition_formats/, "Text format details"),
as a file for node_exporter's textfile collector (https://github.com/prometheus/node_exporter#textfile-collector).

It is written when a run ends, and has times and no ages: `time() - trueup_backup_last_success_timestamp_seconds` grows where nothing runs."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from trueup.model.errors import Permanent
from trueup.model.run import RunState

RUN_STATES = (*(one.value for one in RunState), "never")
SOURCE_STATES = ("good", "failing", "overdue", "not-verified", "suspicious", "never")

Json = Mapping[str, Any]


class Metric(NamedTuple):
    """A gauge: its name, what it is, and how its value is found in an object of the status (None: there is no sample)."""

    name: str
    help: str
    value: Callable[[Json], float | None]


class States(NamedTuple):
    """A gauge with a sample for every state there is, as Prometheus has it for enumerations."""

    name: str
    help: str
    states: tuple[str, ...]


def _number(key: str) -> Callable[[Json], float | None]:
    def value(one: Json) -> float | None:
        found = one.get(key)
        return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None

    return value


def _switch(key: str) -> Callable[[Json], float | None]:
    return lambda one: float(bool(one[key])) if key in one else None


_SOURCES = (
    Metric(
        "trueup_backup_last_success_timestamp_seconds", "When the newest good backup was taken.", _number("last_backup")
    ),
    Metric("trueup_backup_last_verified_timestamp_seconds", "When a backup was last proven.", _number("last_verified")),
    Metric("trueup_backup_last_drill_timestamp_seconds", "When a restore was last tried.", _number("last_drill")),
    Metric(
        "trueup_backup_archived_timestamp_seconds",
        "When the newest proven copy elsewhere was taken.",
        _number("archived"),
    ),
    Metric("trueup_backup_rto_seconds", "How long the last restore drill took.", _number("rto")),
    Metric("trueup_backup_bytes", "Size of the newest backup, restored.", _number("bytes")),
    Metric("trueup_backup_files", "Files of the newest backup.", _number("files")),
    Metric("trueup_backup_snapshots", "Snapshots that are kept.", _number("snapshots")),
)
_JOBS = (
    Metric("trueup_backup_damaged", "1: damage was found in the repository and is not repaired.", _switch("damaged")),
    Metric("trueup_backup_frozen", "1: nothing is removed until a person has looked.", _switch("frozen")),
    Metric("trueup_last_run_timestamp_seconds", "When the last run began.", _number("last_run")),
    Metric("trueup_next_run_timestamp_seconds", "When the next run is due.", _number("next")),
)
_SOURCE_STATE = States("trueup_backup_source_state", "1 for the state of a source, 0 for the others.", SOURCE_STATES)
_RUN_STATE = States("trueup_run_state", "1 for the state of the last run, 0 for the others.", RUN_STATES)
_MESSAGES = Metric("trueup_messages_waiting", "Messages that did not get through yet.", _number("waiting"))


def exposition(status: Json) -> str:
    """The status as text.

    Args:
        status: {"jobs": {job: {"state", "last_run", "next", "damaged", "frozen", "sources": {name: {"last_backup", "last_verified",
            "last_drill", "archived", "rto", "bytes", "files", "snapshots", "state"}}}}, "messages": {"waiting"}}; times in seconds since
            1970. What is missing or None has no sample.
    """
    jobs: Mapping[str, Json] = status.get("jobs") or {}
    sources = [(job, name, each) for job, one in jobs.items() for name, each in (one.get("sources") or {}).items()]
    lines: list[str] = []
    for metric in _SOURCES:
        lines += _family(metric, (({"job": job, "source": name}, metric.value(each)) for job, name, each in sources))
    for metric in _JOBS:
        lines += _family(metric, (({"job": job}, metric.value(one)) for job, one in jobs.items()))
    lines += _family(
        _SOURCE_STATE,
        (
            ({"job": job, "source": name, "state": state}, _is(each, state))
            for job, name, each in sources
            for state in _SOURCE_STATE.states
        ),
    )
    lines += _family(
        _RUN_STATE,
        (({"job": job, "state": state}, _is(one, state)) for job, one in jobs.items() for state in _RUN_STATE.states),
    )
    lines += _family(_MESSAGES, [({}, _MESSAGES.value(status.get("messages") or {}))])
    return "".join(f"{line}\n" for line in lines)


def write(path: Path, status: Json) -> None:
    """Writes the text to a file that is whole at any time: whoever reads it has the old one or the new one.

    Args:
        path: a name that ends with ".prom", in the folder that node_exporter looks at (--collector.textfile.directory).
        status: see `exposition`.

    Raises:
        Permanent: it cannot be written.
    """
    temporary = None
    try:
        # node_exporter reads every file that ends with ".prom": the one that is being written must not.
        number, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        with os.fdopen(number, "w", encoding="utf-8") as file:
            os.fchmod(number, 0o644)  # it is read by another user
            file.write(exposition(status))
            file.flush()
            os.fsync(number)
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)
        raise Permanent(
            "the metrics could not be written",
            where=str(path),
            why=error.strerror or str(error),
            hint="name a file in a folder that is there, and that the user may write into",
        ) from error


def obstacle(path: Path) -> str:
    """Why `write` would fail, as far as it can be seen without writing; "" for nothing."""
    if path.is_dir():
        return "it is a folder"
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    return "" if os.access(path.parent, os.W_OK | os.X_OK) else f"{path.parent} may not be written to"


def _family(metric: Metric | States, samples: Iterable[tuple[Mapping[str, str], float | None]]) -> Iterator[str]:
    """The lines of one metric, which must stand together; none where it has no sample."""
    found = [(labels, value) for labels, value in samples if value is not None]
    if found:
        yield f"# HELP {metric.name} {metric.help}"
        yield f"# TYPE {metric.name} gauge"
    for labels, value in found:
        shown = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
        yield f"{metric.name}{f'{{{shown}}}' if shown else ''} {_shown(value)}"


def _escaped(text: str) -> str:
    r"""A label's value: backslash, double quote and line feed are written \\, \" and \n; half of a surrogate pair is no UTF-8."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return whole.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _shown(value: float) -> str:
    """A number as Go reads it (strconv.ParseFloat), with NaN, +Inf and -Inf."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return repr(int(value) if value == int(value) else value)


def _is(one: Json, state: str) -> float | None:
    return float(one["state"] == state) if one.get("state") else None
