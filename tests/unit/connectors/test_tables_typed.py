"""Files whose values have types: read as texts, written back in the type of their column, everything else as it was."""

from __future__ import annotations

import datetime as dt
import json
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from tests.contract.suite import fetch, listing, read, send
from trueup.connectors import avro, jsonl, parquet, xlsx
from trueup.connectors.tables.collection import TableCollection
from trueup.connectors.tables.connector import FileConnector
from trueup.model.errors import Permanent
from trueup.model.ports import Outcome, Verb, Write, Written


def opened(connector: FileConnector, path: Path, **options: object) -> TableCollection:
    collection = connector.open("crm", {"path": path, "key": ["id"], **options}).open("")
    assert collection is not None
    return collection


def rows(collection: TableCollection) -> dict[str, dict[str, str | None]]:
    return {
        href: json.loads(one.data) for href, one in fetch(collection, list(listing(collection))).items() if one.data
    }


def update(collection: TableCollection, href: str, **values: str | None) -> Written:
    now = json.loads(read(collection, href).data or b"")
    [answer] = send(collection, Write(1, Verb.UPDATE, href, json.dumps({**now, **values}).encode()))
    return answer


# .jsonl


def test_jsonl_tells_absent_null_and_blank_apart(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    data = '{"id": 1, "n": "", "m": 1.50}\n\n{"id": 2, "n": null, "b": true, "l": ["x", 1]}\n{"id": 3}\n'
    path.write_text(data)
    collection = opened(jsonl.CONNECTOR, path)
    assert rows(collection) == {
        "1": {"id": "1", "n": "", "m": "1.50"},
        "2": {"id": "2", "n": None, "b": "true", "l": '["x",1]'},
        "3": {"id": "3"},
    }
    assert update(collection, "2", n="Bert", b="false").outcome is Outcome.DONE
    assert path.read_text() == data.replace('"n": null, "b": true', '"n": "Bert", "b": false')
    assert "“m” holds a number" in update(collection, "1", m="many").reason
    [new] = send(collection, Write(1, Verb.CREATE, "4", b'{"id": "4", "n": "x", "m": "7"}'))
    assert new.outcome is Outcome.DONE
    assert path.read_text().endswith('{"id": 3}\n{"id": 4, "n": "x", "m": 7}\n')


@pytest.mark.parametrize(
    "line", ['{"id": 2', "[2]", '{"id": 2, "id": 3}', "nonsense", '{"id": null}', '{"n": "x"}', '{"id": "\\ud800"}']
)
def test_a_broken_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(f'{{"id": 1}}\n{line}\n{{"id": 4}}\n')
    collection = opened(jsonl.CONNECTOR, path)
    assert set(rows(collection)) == {"1", "4"}
    assert [href for href, etag in listing(collection).items() if etag is None] == ["line 2"]


# .parquet

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("n", pa.string()),
        pa.field("zip", pa.int32()),
        pa.field("price", pa.decimal128(9, 2)),
        pa.field("share", pa.float64()),
        pa.field("on", pa.bool_()),
        pa.field("born", pa.date32()),
        pa.field("seen", pa.timestamp("us", "UTC")),
        pa.field("raw", pa.binary()),
        pa.field("tags", pa.list_(pa.string())),
    ],
    metadata={"owner": "crm"},
)
TYPED: list[dict[str, Any]] = [
    {"id": str(number), "n": f"N{number}", "zip": 1000 + number, "price": Decimal("1.50"), "share": 0.25, "on": True,
     "born": dt.date(1980, 3, 9), "seen": dt.datetime(2026, 11, 26, 8, 30, tzinfo=dt.UTC), "raw": b"\x00\xff", "tags": ["a", "b"]}
    for number in range(5)
]  # fmt: skip


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(
        pa.Table.from_pylist([*TYPED, {"id": "9"}], schema=SCHEMA), path, compression="zstd", row_group_size=2
    )
    schema = pq.ParquetFile(path).schema_arrow
    collection = opened(parquet.CONNECTOR, path)
    assert rows(collection)["1"] == {
        "id": "1", "n": "N1", "zip": "1001", "price": "1.50", "share": "0.25", "on": "true", "born": "1980-03-09",
        "seen": "2026-11-26T08:30:00+00:00", "raw": "AP8=", "tags": '["a","b"]',
    }  # fmt: skip
    assert rows(collection)["9"]["zip"] is None
    changed = {
        "zip": "7",
        "price": "2.75",
        "on": "false",
        "born": "",
        "tags": '["c"]',
        "seen": "2026-11-27T08:30:00+00:00",
    }
    assert update(collection, "1", **changed).outcome is Outcome.DONE
    assert send(collection, Write(1, Verb.DELETE, "3"))[0].outcome is Outcome.DONE
    found = pq.ParquetFile(path)
    assert found.schema_arrow.equals(schema, check_metadata=True)
    assert schema.metadata[b"owner"] == b"crm"
    assert found.metadata.row_group(0).column(0).compression == "ZSTD"
    want = {
        **TYPED[1],
        "zip": 7,
        "price": Decimal("2.75"),
        "on": False,
        "born": None,
        "tags": ["c"],
        "seen": dt.datetime(2026, 11, 27, 8, 30, tzinfo=dt.UTC),
    }
    assert found.read().to_pylist() == [TYPED[0], want, TYPED[2], TYPED[4], {**dict.fromkeys(SCHEMA.names), "id": "9"}]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *(("zip", one) for one in ("0x7", "99999999999", "1.5")),
        *(("price", "a"), ("on", "yes"), ("born", "9.3.1980"), ("raw", "?"), ("tags", "a"), ("share", "1_0")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["parquet", "avro"])
def test_a_value_of_another_type_is_refused_for_its_row(tmp_path: Path, kind: str, column: str, value: str) -> None:
    path = tmp_path / f"t.{kind}"
    collection = _typed(kind, path)
    before = path.read_bytes()
    answer = update(collection, "1", **{column: value})
    assert answer.outcome is Outcome.REFUSED
    assert f"“{column}”" in answer.reason
    assert path.read_bytes() == before


def _typed(kind: str, path: Path) -> TableCollection:
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(TYPED, schema=SCHEMA), path)
        return opened(parquet.CONNECTOR, path)
    _avro(path)
    return opened(avro.CONNECTOR, path)


# .avro

AVRO = {
    "type": "record",
    "name": "contact",
    "namespace": "org.example",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "n", "type": ["null", "string"], "default": None},
        {"name": "zip", "type": ["null", "int"]},
        {"name": "price", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}]},
        {"name": "share", "type": ["null", "double"]},
        {"name": "on", "type": ["null", "boolean"]},
        {"name": "born", "type": ["null", {"type": "int", "logicalType": "date"}]},
        {"name": "seen", "type": ["null", {"type": "long", "logicalType": "timestamp-micros"}]},
        {"name": "raw", "type": ["null", "bytes"]},
        {"name": "tags", "type": ["null", {"type": "array", "items": "string"}]},
    ],
}


def _avro(path: Path) -> None:
    with path.open("wb") as file:
        fastavro.writer(file, fastavro.parse_schema(AVRO), TYPED, codec="deflate", metadata={"owner": "crm"})


def test_avro_keeps_its_types(tmp_path: Path) -> None:
    path = tmp_path / "t.avro"
    collection = _typed("avro", path)
    assert rows(collection)["1"] == rows(_typed("parquet", tmp_path / "t.parquet"))["1"]
    assert update(collection, "1", zip="7", price="2.75", n=None, tags='["c"]').outcome is Outcome.DONE
    [new] = send(collection, Write(1, Verb.CREATE, "8", b'{"id": "8", "zip": "1"}'))
    assert new.outcome is Outcome.DONE
    with path.open("rb") as file:
        reader = fastavro.reader(file)
        found = list(reader)
        assert (reader.codec, reader.metadata["owner"]) == ("deflate", "crm")
    want = {**TYPED[1], "zip": 7, "price": Decimal("2.75"), "n": None, "tags": ["c"]}
    assert found == [TYPED[0], want, *TYPED[2:], {**dict.fromkeys(SCHEMA.names), "id": "8", "zip": 1}]


@pytest.mark.parametrize("kind", ["parquet", "avro", "xlsx"])
def test_half_a_file_is_an_error(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"t.{kind}"
    connector = {"parquet": parquet, "avro": avro, "xlsx": xlsx}[kind].CONNECTOR
    if kind == "xlsx":
        _workbook(path)
    else:
        _typed(kind, path)
    data = path.read_bytes()
    for part in (data[: len(data) // 2], data[:10], b"id;n\n1;a\n"):
        path.write_bytes(part)
        with pytest.raises(Permanent, match="could not read"):
            listing(opened(connector, path))


# .xlsx


def _workbook(path: Path) -> None:
    book = xlsxwriter.Workbook(str(path))
    people = book.add_worksheet("People")
    day, bold = book.add_format({"num_format": "dd.mm.yyyy"}), book.add_format({"bold": True})
    people.write_row(1, 1, ["id", "name", "zip", "born", "on", "total"], bold)
    for number in range(1, 4):
        people.write_row(1 + number, 1, [str(number), f"N{number}", 1000 + number])
        people.write_datetime(1 + number, 4, dt.datetime(1980, 3, number), day)
        people.write_boolean(1 + number, 5, True)
        people.write_formula(1 + number, 6, f"=D{2 + number}*2", None, 2 * (1000 + number))
    other = book.add_worksheet("Other")
    other.write_row(0, 0, ["id", "x"])
    other.write_row(1, 0, ["1", "y"])
    book.close()


def test_xlsx_writes_cells_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    _workbook(path)
    with zipfile.ZipFile(path) as book:
        before = {name: book.read(name) for name in book.namelist()}
    collection = opened(xlsx.CONNECTOR, path)
    assert rows(collection)["1"] == {
        "id": "1",
        "name": "N1",
        "zip": "1001",
        "born": "1980-03-01",
        "on": "true",
        "total": "2002",
    }
    answers = send(
        collection,
        Write(
            1,
            Verb.UPDATE,
            "1",
            b'{"id":"1","name":"A <b> & \\n","zip":"0049","born":"1981-04-02","on":"false","total":"2002"}',
        ),
        Write(2, Verb.UPDATE, "2", b'{"id":"2","name":"N2","zip":"7","born":"in spring","on":"true","total":"2004"}'),
        Write(3, Verb.CREATE, "9", b'{"id":"9","name":"New","zip":"12"}'),
    )
    assert [one.outcome for one in answers] == [Outcome.DONE] * 3, answers
    assert rows(collection) == {
        "1": {"id": "1", "name": "A <b> & \n", "zip": "0049", "born": "1981-04-02", "on": "false", "total": "2002"},
        "2": {"id": "2", "name": "N2", "zip": "7", "born": "in spring", "on": "true", "total": "2004"},
        "3": {"id": "3", "name": "N3", "zip": "1003", "born": "1980-03-03", "on": "true", "total": "2006"},
        "9": {"id": "9", "name": "New", "zip": "12", "born": "", "on": "", "total": ""},
    }
    with zipfile.ZipFile(path) as book:
        after = {name: book.read(name) for name in book.namelist()}
    assert [name for name in before if after[name] != before[name]] == ["xl/worksheets/sheet1.xml"]
    assert after["xl/worksheets/sheet1.xml"].count(b"<f>") == 3
    assert rows(opened(xlsx.CONNECTOR, path, sheet="Other")) == {"1": {"id": "1", "x": "y"}}


def test_xlsx_keeps_formulas(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    _workbook(path)
    collection = opened(xlsx.CONNECTOR, path)
    before = path.read_bytes()
    assert "holds a formula" in update(collection, "1", total="1").reason
    assert "holds a formula" in send(collection, Write(1, Verb.DELETE, "1"))[0].reason
    assert path.read_bytes() == before
    other = opened(xlsx.CONNECTOR, path, sheet="Other")
    assert send(other, Write(1, Verb.DELETE, "1"))[0].outcome is Outcome.DONE
    assert rows(other) == {}
    assert set(rows(collection)) == {"1", "2", "3"}


def test_a_sheet_that_is_not_there(tmp_path: Path) -> None:
    _workbook(tmp_path / "t.xlsx")
    with pytest.raises(Permanent, match="no sheet “Peple”") as caught:
        listing(opened(xlsx.CONNECTOR, tmp_path / "t.xlsx", sheet="Peple"))
    assert caught.value.hint == "its sheets: People, Other"


@pytest.mark.parametrize(
    ("kind", "package"), [("parquet", "pyarrow"), ("avro", "fastavro"), ("xlsx", "python_calamine")]
)
def test_a_missing_package_is_told(tmp_path: Path, kind: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"t.{kind}"
    _workbook(path) if kind == "xlsx" else _typed(kind, path)
    monkeypatch.setitem(__import__("sys").modules, package, None)
    connector = {"parquet": parquet, "avro": avro, "xlsx": xlsx}[kind].CONNECTOR
    with pytest.raises(Permanent, match="is not installed") as caught:
        listing(opened(connector, path))
    assert caught.value.hint == 'pip install "trueup[tables]"'
