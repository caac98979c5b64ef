"""Files of comma-separated values: what is found out, what is refused and never lost, what keeps its bytes."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contract.suite import fetch, listing, read, send
from trueup.connectors.csv import CONNECTOR
from trueup.connectors.csv.dialect import Dialect, Unclear, delimiter_of
from trueup.connectors.folder import replacing
from trueup.connectors.tables.collection import TableCollection
from trueup.model.errors import ConfigError, Permanent, StoreError
from trueup.model.ports import Outcome, Verb, Write


def at(path: Path, data: bytes, key: Sequence[str] = ("id",), name: str = "", **options: object) -> TableCollection:
    """The table in a file with this in it, saved long ago."""
    path.write_bytes(data)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    collection = CONNECTOR.open("crm", {"path": path, "key": list(key), **options}).open(name)
    assert collection is not None
    return collection


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "crm.csv"


def rows(collection: TableCollection) -> dict[str, dict[str, str]]:
    return {
        href: json.loads(body.data) for href, body in fetch(collection, list(listing(collection))).items() if body.data
    }


def errors(collection: TableCollection) -> dict[str, str]:
    return {href: body.error for href, body in fetch(collection, list(listing(collection))).items() if body.error}


def body(**values: str | None) -> bytes:
    return json.dumps(values).encode()


# What is found out


@pytest.mark.parametrize(
    ("data", "delimiter"),
    [
        ("id,name\n1,Anna\n", ","),
        ("id;name\n1;Berg, Anna\n2;x\n", ";"),
        ("id\tname\n1\tAnna\n", "\t"),
        ("id|name\n1|Anna\n", "|"),
        ("id\n1\n2\n", ","),
        ('id,"a;b"\n1,"c;d"\n', ","),
        ("id;price\n1;1,50\n2;2,75\n", ";"),
        ("id;a;b\n1;x;y\n2;x\n3;x;y\n", ";"),
    ],
)
def test_a_delimiter_is_found_out(data: str, delimiter: str) -> None:
    assert delimiter_of(data, whole=True) == delimiter


@pytest.mark.parametrize("data", ["a,b;c\n1,2;3\n", "a,b;c\n1\n2\n3\n", "a;b,c\nx;y,z\nu;v,w\n"])
def test_a_delimiter_that_is_not_clear_is_asked_for(path: Path, data: str) -> None:
    with pytest.raises(Unclear):
        delimiter_of(data, whole=True)
    with pytest.raises(Permanent, match="delimiter is not clear") as caught:
        listing(at(path, data.encode(), ["a"]))
    assert "delimiter:" in caught.value.hint


@pytest.mark.parametrize(
    ("data", "options"),
    [
        ("id;n\n1;Grüße\n".encode(), {}),
        ("\ufeffid;n\r\n1;Grüße\r\n".encode(), {}),
        ("\ufeffid;n\n1;Grüße\n".encode("utf-16-le"), {}),
        ("\ufeffid;n\n1;Grüße\n".encode("utf-16-be"), {}),
        ("id;n\n1;Grüße\n".encode("utf-16-le"), {}),
        ("id;n\n1;Grüße\n".encode("cp1252"), {"encoding": "cp1252"}),
        ("id;n\r1;Grüße\r".encode("mac-roman"), {"encoding": "mac-roman"}),
        ("sep=;\nid;n\n1;Grüße\n".encode(), {}),
        ("\n\nid;n\n\n1;Grüße\n".encode(), {}),
        ("id;n\n1;Grüße".encode(), {}),
    ],
)
def test_it_is_read_however_it_is_written(path: Path, data: bytes, options: dict[str, object]) -> None:
    collection = at(path, data, **options)
    assert rows(collection) == {"1": {"id": "1", "n": "Grüße"}}
    # What is written keeps the dialect, and every other byte.
    encoding = str(
        options.get("encoding")
        or ("utf-16-be" if b"\0i" in data[:4] else "utf-16-le" if b"i\0" in data[:4] else "utf-8")
    )
    [answer] = send(collection, Write(1, Verb.CREATE, "2", body(id="2", n="Ünal")))
    assert answer.outcome is Outcome.DONE, answer.reason
    before, after = data.decode(encoding), path.read_bytes().decode(encoding)
    assert after.startswith(before)
    assert after[len(before) :].strip() == "2;Ünal"
    assert listing(collection)["2"] == answer.etag


def test_a_wrong_encoding_is_an_error_with_the_line(path: Path) -> None:
    data = "id;n\n1;plain\n2;Grüße\n3;Müller\n".encode("cp1252")
    with pytest.raises(Permanent, match="line 3 is not written in UTF-8") as caught:
        listing(at(path, data))
    assert "encoding: cp1252" in caught.value.hint


def test_a_single_line_in_another_encoding_is_one_broken_row(path: Path) -> None:
    data = "id;n\n1;Grüße\n2;".encode() + "Grüße".encode("cp1252") + b"\n3;plain\n"
    collection = at(path, data)
    assert sorted(rows(collection)) == ["1", "3"]
    assert errors(collection) == {"line 3": "it holds bytes that are no letters in this encoding"}


@pytest.mark.parametrize(
    "options", [{"delimiter": "ab"}, {"delimiter": '"'}, {"encoding": "klingon"}, {"encoding": "base64"}, {"key": []}, {"key": ["a", "a"]}]
)  # fmt: skip
def test_options_that_cannot_be(path: Path, options: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        CONNECTOR.open("crm", {"path": path, "key": ["id"], **options})


# What is refused and never lost


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("2;b", "it has 2 values, and the table 3 columns"),
        ("2;b;c;d", "it has 4 values, and the table 3 columns"),
        (";b;c", "it has no value in the key column “id”"),
        ('2;"b;c', "its quotes are wrong"),
        ('2;"b"x;c', "its quotes are wrong"),
        ("2;b\0;c", "NUL"),
    ],
)
def test_a_broken_row_is_named_and_the_others_go_on(path: Path, line: str, problem: str) -> None:
    collection = at(path, f"id;a;b\n1;x;y\n{line}\n3;x;y\n4;x;y\n".encode(), delimiter=";")
    assert sorted(rows(collection)) == ["1", "3", "4"]
    [(href, said)] = errors(collection).items()
    assert href == "line 3"
    assert problem in said
    # A row that is not found may be the broken one: it is not gone.
    assert "may be it" in read(collection, "2").error
    assert read(collection, "line 9").error == ""
    # It keeps its bytes, whatever else is written.
    [answer] = send(collection, Write(1, Verb.DELETE, "4"))
    assert answer.outcome is Outcome.DONE
    assert path.read_bytes() == f"id;a;b\n1;x;y\n{line}\n3;x;y\n".encode()


def test_rows_with_one_key_are_all_left_alone(path: Path) -> None:
    collection = at(path, b"id,n\n1,a\n2,b\n1,c\n1,d\n")
    assert sorted(rows(collection)) == ["2"]
    assert errors(collection) == {"1": "3 rows have the key 1: lines 2, 4, 5"}
    answers = send(
        collection, Write(1, Verb.UPDATE, "1", body(id="1", n="x")), Write(2, Verb.CREATE, "1", body(id="1"))
    )
    assert {one.outcome for one in answers} == {Outcome.REFUSED}
    assert path.read_bytes() == b"id,n\n1,a\n2,b\n1,c\n1,d\n"


def test_a_table_that_is_mostly_broken_is_no_table(path: Path) -> None:
    data = "id,a,b\n" + "".join(f"{one},x\n" for one in range(30))
    with pytest.raises(Permanent, match="30 of its 30 rows cannot be read"):
        listing(at(path, data.encode(), delimiter=","))


def test_a_missing_key_column_is_an_error(path: Path) -> None:
    with pytest.raises(Permanent, match="no column “Id”") as caught:
        listing(at(path, b"id,n\n1,a\n", ["Id"]))
    assert "did you mean “id”?" in caught.value.hint


def test_several_columns_make_one_key(path: Path) -> None:
    collection = at(path, b"Region,No,n\nN,1,a\nS,1,b\nN/1,,c\n", ["Region", "No"])
    assert sorted(rows(collection)) == ["%4e%2f1/", "%4e/1", "%53/1"]
    [answer] = send(collection, Write(1, Verb.UPDATE, "%53/1", body(Region="S", No="1", n="x")))
    assert answer.outcome is Outcome.DONE
    assert path.read_bytes() == b"Region,No,n\nN,1,a\nS,1,x\nN/1,,c\n"


def test_columns_without_a_name_and_with_the_same(path: Path) -> None:
    assert rows(at(path, b"id,Phone,,Phone\n1,a,b,c\n")) == {
        "1": {"id": "1", "Phone": "a", "column 3": "b", "Phone (2)": "c"}
    }


# What keeps its bytes


def test_only_what_is_changed_is_written_anew(path: Path) -> None:
    data = '\ufeff"id";"n";"m"\r\n"1";"a";"b"\r\n\r\n2;  spaced ;x\r\n"3";"two\r\nlines";"y"\r\n"4";"z";""'.encode()
    collection = at(path, data)
    [answer] = send(collection, Write(1, Verb.UPDATE, "2", body(id="2", n="new; one", m="x")))
    assert answer.outcome is Outcome.DONE
    assert path.read_bytes() == data.replace(b"2;  spaced ;x", b'"2";"new; one";"x"')
    [answer] = send(collection, Write(1, Verb.UPDATE, "4", body(id="4", n="end", m="")))
    assert path.read_bytes().endswith(b'"4";"end";""')


@pytest.mark.parametrize(
    "value", ["a;b", 'say "x"', "two\nlines", "two\r\nlines", " spaced ", "", "=1+2", "'", "\ufeff"]
)
def test_a_value_comes_back_as_it_was_written(path: Path, value: str) -> None:
    collection = at(path, b"id;n\n1;a\n")
    [answer] = send(collection, Write(1, Verb.UPDATE, "1", body(id="1", n=value)))
    assert answer.outcome is Outcome.DONE
    assert rows(collection) == {"1": {"id": "1", "n": value}}


TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=8)


@given(
    st.lists(TEXTS, min_size=1, max_size=4),
    st.booleans(),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
@settings(max_examples=150, deadline=None)
def test_whatever_is_written_is_read_back(values: list[str], quoted: bool, delimiter: str, end: str) -> None:
    import csv
    from io import StringIO

    line = Dialect(delimiter, end, quoted).write(values)
    assert list(csv.reader(StringIO(line, newline=""), delimiter=delimiter, strict=True)) == [values] or values == [""]


def test_what_an_encoding_cannot_write_is_refused(path: Path) -> None:
    data = "id;n\n1;Grüße\n".encode("cp1252")
    collection = at(path, data, encoding="cp1252")
    answers = send(
        collection,
        Write(1, Verb.UPDATE, "1", body(id="1", n="日本")),
        Write(2, Verb.CREATE, "2", body(id="2", n="Ünal")),
        Write(3, Verb.CREATE, "3", body(id="3", n="x", other="y")),
        Write(4, Verb.CREATE, "4", body(id="5", n="x")),
        Write(5, Verb.CREATE, "6", b"[1]"),
    )
    assert [one.outcome for one in answers] == [Outcome.REFUSED, Outcome.DONE, *[Outcome.REFUSED] * 3]
    assert "“n” holds '日'" in answers[0].reason
    assert "no column “other”" in answers[2].reason
    assert path.read_bytes() == data + "2;Ünal\n".encode("cp1252")


# Other programs


def test_an_unchanged_file_is_not_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    collection = at(path, b"id,n\n1,a\n")
    cursor = collection.changes(None).token
    assert cursor
    reopened = CONNECTOR.open("crm", {"path": path, "key": ["id"]}).open("")
    assert reopened is not None
    monkeypatch.setattr("trueup.connectors.tables.collection.opened", None)
    assert list(reopened.changes(cursor)) == []


def test_other_options_read_it_again(path: Path) -> None:
    cursor = at(path, b"id,n\n1,a\n").changes(None).token
    for options in ({"key": ["n"]}, {"key": ["id"], "header": False}, {"key": ["id"], "delimiter": ","}):
        other = CONNECTOR.open("crm", {"path": path, **options}).open("")
        assert other is not None
        if options.get("header") is False:
            with pytest.raises(Permanent, match="no column “id”"):
                other.changes(cursor)
        else:
            assert other.changes(cursor).full


def test_what_another_program_saves_meanwhile_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    collection = at(path, b"id,n\n1,a\n2,b\n")
    etag = read(collection, "1").etag
    stamp, times = replacing.stamp, iter([1])

    def edited(file: int) -> None:
        if next(times, None):
            path.write_bytes(b"id,n\n1,a\n2,theirs\n3,new\n")
        stamp(file)

    monkeypatch.setattr(replacing, "stamp", edited)
    [answer] = send(collection, Write(1, Verb.UPDATE, "1", body(id="1", n="ours"), etag))
    assert answer.outcome is Outcome.DONE
    assert path.read_bytes() == b"id,n\n1,ours\n2,theirs\n3,new\n"


@pytest.mark.parametrize("left", [b"", b"\n\n", b"id,n\n", b"\xef\xbb\xbf"])
def test_a_table_without_rows_is_empty(path: Path, left: bytes) -> None:
    collection = at(path, left)
    assert listing(collection) == {}
    [answer] = send(collection, Write(1, Verb.CREATE, "1", body(id="1", n="a")))
    assert answer.outcome is Outcome.DONE
    assert rows(collection) == {"1": {"id": "1", "n": "a"}}


def test_what_is_no_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "dir.csv").mkdir()
    os.mkfifo(tmp_path / "fifo.csv")
    fifo = CONNECTOR.open("crm", {"path": tmp_path / "fifo.csv", "key": ["id"]}).open("")
    assert fifo is not None
    with pytest.raises(Permanent, match="not a regular file"):
        fifo.changes(None)
    with pytest.raises(StoreError):
        CONNECTOR.open("crm", {"path": tmp_path / "no/such/folder.csv", "key": ["id"]}).open("")


# Parts


def test_a_part_of_a_table(path: Path) -> None:
    data = b"id,region,n\n1,north,a\n2,south,b\n10,north,c\n"
    north = at(path, data, name="?region=north")
    assert sorted(rows(north)) == ["1", "10"]
    assert read(north, "2").error == ""
    answers = send(
        north,
        Write(1, Verb.CREATE, "3", body(id="3", n="new")),
        Write(2, Verb.CREATE, "4", body(id="4", region="south")),
        Write(3, Verb.CREATE, "2", body(id="2", region="north")),
        Write(4, Verb.DELETE, "2"),
    )
    assert [one.outcome for one in answers] == [Outcome.DONE, Outcome.REFUSED, Outcome.PRECONDITION, Outcome.MISSING]
    assert path.read_bytes() == data + b"3,north,new\n"
    assert sorted(rows(at(path, data, name="?id=2..10"))) == ["10", "2"]
    assert sorted(rows(at(path, data, name="?id=..9&region=north&region=south"))) == ["1", "2"]
