"""What Prometheus reads, against a strict reading of its text format; and a file that is whole at any time."""

from __future__ import annotations

import math
import os
import re
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.jobs.backup.metrics import RUN_STATES, SOURCE_STATES, exposition, write
from trueup.model.errors import Permanent

STATUS: dict[str, Any] = {
    "jobs": {
        "office": {
            "state": "partial",
            "last_run": 1_790_000_000.25,
            "next": None,
            "damaged": False,
            "frozen": {"anomaly/crm": {"since": 1.0, "why": "fewer rows"}},
            "sources": {
                "crm": {
                    "kind": "postgresql",
                    "state": "not-verified",
                    "why": "no drill",
                    "last_backup": 1_790_000_000.5,
                    "last_verified": None,
                    "last_drill": None,
                    "rpo": 3600,
                    "rto": None,
                    "bytes": 184_000_000,
                    "files": 3,
                    "snapshots": 12,
                    "archived": None,
                }
            },
        },
        "empty": {"state": "never", "last_run": None, "next": None, "damaged": True, "frozen": {}, "sources": {}},
    },
    "messages": {"waiting": 2, "channels": []},
}

_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(?:,|$)')
_SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (NaN|[+-]Inf|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)")
_ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def parse(text: str) -> Samples:
    """Reads the text format as its page has it; fails on anything that is not right."""
    assert not text or text.endswith("\n")
    found: Samples = {}
    current, seen = "", set[str]()
    for line in text.split("\n")[:-1]:
        if line.startswith("# HELP "):
            current = line.split(" ")[2]
            assert current not in seen, "one HELP, and all lines of a metric together"
            seen.add(current)
            assert not re.search(r"\\(?![\\n])", line)
        elif line.startswith("#"):
            assert line == f"# TYPE {current} gauge"
        else:
            match = _SAMPLE.fullmatch(line)
            assert match, line
            name, inside, value = match.groups()
            assert name == current
            labels, at = [], 0
            while inside and at < len(inside):
                label = _LABEL.match(inside, at)
                assert label, inside
                labels.append((label[1], re.sub(r'\\[\\"n]', lambda one: _ESCAPES[one[0]], label[2])))
                at = label.end()
            key = (name, tuple(labels))
            assert key not in found, "a sample comes once"
            found[key] = float(value)
    return found


def test_what_is_there() -> None:
    found = parse(exposition(STATUS))
    crm, office = (("job", "office"), ("source", "crm")), (("job", "office"),)
    assert found["trueup_backup_last_success_timestamp_seconds", crm] == 1_790_000_000.5
    assert not any(name == "trueup_backup_rpo_seconds" for name, _ in found)  # an age in a file stands still
    assert found["trueup_backup_bytes", crm] == 184_000_000
    assert found["trueup_backup_snapshots", crm] == 12
    assert found["trueup_last_run_timestamp_seconds", office] == 1_790_000_000.25
    assert found["trueup_backup_frozen", office] == 1
    assert found["trueup_backup_damaged", office] == 0
    assert found["trueup_backup_damaged", (("job", "empty"),)] == 1
    assert found["trueup_messages_waiting", ()] == 2


def test_what_is_not_known_has_no_sample() -> None:
    names = {name for name, _ in parse(exposition(STATUS))}
    assert not names & {"trueup_backup_last_verified_timestamp_seconds", "trueup_backup_rto_seconds"}
    assert "rto" not in exposition(STATUS)
    assert exposition({}) == ""
    assert parse(exposition({"jobs": {"office": {}}})) == {}


def test_states_are_one_and_zeros() -> None:
    found = parse(exposition(STATUS))
    runs = {
        dict(labels)["state"]: value
        for (name, labels), value in found.items()
        if name == "trueup_run_state" and labels[0][1] == "office"
    }
    sources = {
        dict(labels)["state"]: value for (name, labels), value in found.items() if name == "trueup_backup_source_state"
    }
    assert runs == {**dict.fromkeys(RUN_STATES, 0), "partial": 1}
    assert sources == {**dict.fromkeys(SOURCE_STATES, 0), "not-verified": 1}


names = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@given(
    st.dictionaries(
        names,
        st.dictionaries(names, st.floats() | st.integers(-(10**20), 10**20), max_size=3),
        max_size=3,
    )
)
def test_any_name_and_number_is_read_as_it_was(jobs: dict[str, dict[str, float]]) -> None:
    status = {
        "jobs": {
            job: {"sources": {name: {"rto": value} for name, value in sources.items()}} for job, sources in jobs.items()
        }
    }
    found = parse(exposition(status))
    assert len(found) == sum(map(len, jobs.values()))
    for job, sources in jobs.items():
        for name, value in sources.items():
            shown = found["trueup_backup_rto_seconds", (("job", job), ("source", name))]
            assert shown == float(value) or (math.isnan(shown) and math.isnan(value))


def test_what_is_no_unicode_is_replaced() -> None:
    assert 'source="?"' in exposition({"jobs": {"office": {"sources": {"\ud800": {"rto": 1}}}}})


def test_the_file_is_whole_at_any_time(tmp_path: Path) -> None:
    path, over, wrong = tmp_path / "trueup.prom", threading.Event(), list[str]()
    write(path, STATUS)
    whole = path.read_text()
    assert parse(whole)

    def read() -> None:
        while not over.is_set():
            if (text := path.read_text()) != whole:
                wrong.append(text)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(50):
        write(path, STATUS)
        assert [one.name for one in tmp_path.glob("*.prom")] == ["trueup.prom"]
    over.set()
    reader.join()
    assert wrong == []
    assert [one.name for one in tmp_path.iterdir()] == ["trueup.prom"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Permanent) as raised:
        write(tmp_path / "away" / "trueup.prom", STATUS)
    assert raised.value.where.endswith("away/trueup.prom")
    assert raised.value.why == "No such file or directory"


def test_a_name_that_is_a_folder_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "trueup.prom").mkdir()
    with pytest.raises(Permanent):
        write(tmp_path / "trueup.prom", STATUS)
    assert os.listdir(tmp_path) == ["trueup.prom"]
