"""The file as YAML: whatever is in it, the answer is a finding with its line and column, soon, and never a traceback."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.config.conftest import STORES, TEAM, Load, Wrong
from trueup.config.place import find
from trueup.config.source import read
from trueup.config.tree import YamlProblem, parse
from trueup.model.errors import ConfigError, ExitCode, NotInitialised

BOMB = "version: 1\na: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(8)
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", "1:1 the file is empty |  | `trueup init` writes one that explains itself", id="empty"),
        pytest.param("# nothing\n", "1:1 the file is empty |", id="only a comment"),
        pytest.param("- a\n", "1:1 the file must hold keys and values |  | it starts with `version: 1`", id="list"),
        pytest.param("hello\n", "1:1 the file must hold keys and values |", id="scalar"),
        pytest.param(
            "version: 1\nstores:\n\twork: {}\n", "3:1 this is not YAML | there is a tab | use spaces", id="tab"
        ),
        pytest.param("version: 1\nstores:\n  a:\tb\n", "3:5 this is not YAML | there is a tab |", id="tab in a line"),
        pytest.param(b"\xff\xfev\x00", "1:1 the file is not UTF-8 | byte 0 is no part", id="UTF-16"),
        pytest.param("version: 1 # äö".encode("latin-1"), "1:14 the file is not UTF-8 | byte 13", id="Latin-1"),
        pytest.param(b"version: 1\x00\n", "1:11 this is not YAML | unacceptable character", id="a zero byte"),
        pytest.param("version: 1\n---\na: 2\n", "2:1 this is not YAML | a second document begins", id="two documents"),
        pytest.param("version: 1\njobs:\n  1: {}\n", "3:3 a key that is no text | '1' is a number |", id="a number"),
        pytest.param("version: 1\n? [a]\n: 3\n", "2:3 a key that is no text | a list or mapping", id="a list as key"),
        pytest.param("version: 1\nx: !!python/object:os.system [x]\n", "2:4 the tag `!!python/object:os.", id="python"),
        pytest.param("version: 1\nx: !foo y\n", "2:4 the tag `!foo` is not understood |  | take it out", id="tag"),
        pytest.param("version: 1\nb: &b {a: 1}\nx: {<<: *b}\n", "3:5 `<<` is not understood |", id="merge key"),
        pytest.param("version: 1\nstores: &a {b: *a}\n", "2:9 an anchor contains itself |", id="an anchor in itself"),
        pytest.param(BOMB, "2:10 more than 100,000 values | anchors that repeat each other", id="anchor bomb"),
        pytest.param("version: 1\nx: " + "[" * 70 + "]" * 70, "2:65 values are nested too deep |", id="deep"),
        pytest.param("version: 1\nx: " + "[" * 9999 + "]" * 9999, "1:1 values are nested too deep |", id="very deep"),
        pytest.param(
            "x: {a: b\njobs: {}\n",
            "2:5 this is not YAML | expected ',' or '}', but got ':' | close the bracket",
            id="bracket",
        ),
        pytest.param("x: {path: a: b}\n", "1:12 this is not YAML | expected ',' or '}', but got ':'", id="colon"),
        pytest.param("#" * (1 << 20) + "\n", "1:1 the file is too large | more than 1 MB |", id="huge"),
    ],
)
def test_what_is_no_configuration_is_told_with_its_place(wrong: Wrong, text: str | bytes, expected: str) -> None:
    (found,) = wrong(text)
    assert found.startswith(expected)


def test_every_key_that_stands_twice_is_told(wrong: Wrong) -> None:
    found = wrong(STORES + TEAM + "    conflicts: ask\n    conflicts: newest\n" + TEAM)
    assert found == [
        "11:5 `conflicts` stands here twice | first in line 10 | ",
        "12:1 `jobs` stands here twice | first in line 6 | ",
    ]


def test_words_that_look_like_something_else_stay_what_was_written() -> None:
    value = parse(
        "a: 2026-01-01\nb: on\nc: 'yes'\nd: 0o17\ne: 1_000\nf: .5\ng: ~\nh: true\ni: 12:30\nj: 007\nk: 1e3\n"
    ).value
    assert value == {
        "a": "2026-01-01", "b": "on", "c": "yes", "d": 15, "e": 1000, "f": 0.5, "g": None, "h": True, "i": "12:30",
        "j": value["j"], "k": 1000.0,
    }  # fmt: skip
    assert value["j"] in (7, "007")


def test_an_alias_is_the_same_value_again_and_a_byte_order_mark_is_none() -> None:
    assert parse("a: &x {b: 1}\nc: *x\n").value == {"a": {"b": 1}, "c": {"b": 1}}


def test_a_byte_order_mark_is_no_part_of_the_text(load: Load) -> None:
    assert list(load(b"\xef\xbb\xbf" + (STORES + TEAM).encode()).jobs) == ["team"]


def test_windows_line_ends(wrong: Wrong, load: Load) -> None:
    text = STORES + TEAM
    assert list(load(text.replace("\n", "\r\n")).jobs) == ["team"]
    (found,) = wrong((text + "    conflict: ask\n").replace("\n", "\r\n"))
    assert found.startswith("10:5 unknown key `conflict` |  | did you mean `conflicts`?")


def test_a_large_file_is_read_in_seconds(load: Load) -> None:
    jobs = "".join(
        f"  job{n}:\n    kind: calendar\n    collections: [{{store: work, name: a{n}}}, {{store: home, name: a{n}}}]\n"
        for n in range(500)
    )
    began = time.monotonic()
    assert len(load(STORES + "jobs:\n" + jobs).jobs) == 500
    assert time.monotonic() - began < 30


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200) | st.text(alphabet="{}[]:,-?&*!|>'\"%@`#\t\n abv1", max_size=60))
def test_any_text_is_a_mapping_or_a_problem(text: str) -> None:
    lines = len(text.splitlines())
    try:
        value, problem = parse(text).value, None
    except YamlProblem as error:
        value, problem = None, error
    assert isinstance(value, dict) or (problem and problem.what and 0 <= problem.mark[0] <= lines + 1)


def test_the_nearest_file_above_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "trueup.yaml").write_text("version: 1\n")
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert find() == tmp_path / "trueup.yaml"
    (inner / "trueup.yaml").write_text("version: 1\n")
    assert find() == inner / "trueup.yaml"
    assert find(tmp_path) == tmp_path / "trueup.yaml"


def test_one_above_that_belongs_to_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "trueup.yaml"
    file.write_text("version: 1\n")
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    monkeypatch.setattr(os, "geteuid", lambda: file.stat().st_uid + 1)
    monkeypatch.delenv("SUDO_UID", raising=False)
    if file.stat().st_uid == 0:
        os.chown(file, 12_345, -1)
    with pytest.raises(ConfigError, match="belongs to somebody else") as caught:
        find()
    assert caught.value.hint == f"if you trust it: -c {file}"
    assert find(file) == file
    monkeypatch.chdir(tmp_path)
    assert find() == file


def test_no_file_is_exit_code_10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for missing in (tmp_path, tmp_path / "other.yaml"):
        with pytest.raises(NotInitialised, match="is not there") as caught:
            find(missing)
        assert caught.value.exit_code == ExitCode.NOT_INITIALISED


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "trueup.yaml").mkdir()
    with pytest.raises(ConfigError, match="Is a directory"):
        read(find(tmp_path))
