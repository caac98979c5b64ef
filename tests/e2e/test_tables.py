"""Tables and address books: agreement in one run, rest in the second, edits of both sides merged, and nothing lost that a table cannot hold."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.office import InFolder, Office, OnServer, Place, card, wrote
from tests.e2e.tables import Table
from tests.support.postgresql import PostgreSQL
from tests.support.servers import Radicale

pytestmark = pytest.mark.slow

FULL = os.environ.get("TRUEUP_CAMPAIGN") == "full"
WHY = "all that is particular to it has tests of its own; TRUEUP_CAMPAIGN=full looks at it from end to end"
SUFFIX = {"csv": ".csv", "xlsx": ".xlsx", "jsonl": ".jsonl", "parquet": ".parquet", "avro": ".avro", "sql": ".db"}
RICH = (
    *("N:Berg;Anna;Maria;Dr.;", "NICKNAME:Anni", "ORG:ACME;Sales", "X-OWN:7"),
    *("EMAIL;TYPE=HOME:anna@example.org", "EMAIL;TYPE=WORK:anna@acme.example", "TEL;TYPE=CELL:+49-170-1"),
    "ADR;TYPE=HOME:;;Weg 1;Ulm;;89073;Germany",
)


def rich(uid: str) -> str:
    """A contact with more than a table holds."""
    text = card(uid, "Dr. Anna Maria Berg", *RICH)
    return text.replace("N:Dr. Anna Maria Berg;;;;\r\n", "")


def office(folder: Path, table: Table, book: Place, **job: Any) -> Office:
    made = Office(folder / "office")
    sides = [table.ref(), book.ref() if isinstance(book, Table) else Office.ref(book)]
    made.configure([table, book], {"collections": sides, **job}, kind="contacts")  # type: ignore[list-item]
    return made


def book_of(folder: Path) -> InFolder:
    return InFolder("phone", folder / "phone", ".vcf")


@pytest.mark.parametrize(
    "kind",
    [
        *("csv", "xlsx", "jsonl", "sql"),
        *(pytest.param(one, marks=pytest.mark.skipif(not FULL, reason=WHY)) for one in ("parquet", "avro")),
    ],
)
def test_a_table_and_a_book(kind: str, tmp_path: Path) -> None:
    converge(Table("crm", kind, tmp_path / f"people{SUFFIX[kind]}"), book_of(tmp_path), tmp_path)


def test_a_table_and_a_server(tmp_path: Path, radicale: Radicale) -> None:
    converge(
        Table("crm", "csv", tmp_path / "people.csv"), OnServer.make("phone", radicale, connector="carddav"), tmp_path
    )


@pytest.mark.postgres
def test_postgresql_and_a_server(tmp_path: Path, radicale: Radicale, postgresql: PostgreSQL) -> None:
    table = Table("crm", "sql", tmp_path, postgresql.make_database())
    converge(table, OnServer.make("phone", radicale, connector="carddav"), tmp_path)


def converge(table: Table, book: Any, folder: Path) -> None:
    """A row that is a contact of the book, one that is not, and a contact that has no row; then edits of both sides."""
    table.put(id="1", first="Anna", last="Berg", mail="anna@example.org", mobile="+49 170 1", town="Ulm", own="0049")
    table.put(id="2", first="Bert", last="Cohn", note="one, two; three")
    book.put("1.vcf", rich("1"))
    book.put("3.vcf", card("3", "Carla Dorn", "NOTE:from the phone").replace("N:Carla Dorn;;;;", "N:Dorn;Carla;;;"))
    team = office(folder, table, book)

    first = team.run()
    assert first["state"] == "done", first
    assert wrote(first) == {"create": 2}
    assert not first.get("lost"), first
    carla = {name: value for name, value in table.rows()["3"].items() if value}
    assert carla == {"id": "3", "first": "Carla", "last": "Dorn", "note": "from the phone"}
    assert table.rows()["1"]["own"] == "0049"
    assert "from the phone" not in book.side().raw["2"]
    for name in ("NICKNAME:Anni", "anna@acme.example", "X-OWN:7", "Dr. Anna Maria Berg", "Germany"):
        assert name in book.side().raw["1"]
    assert wrote(team.run()) == {}

    table.put(id="1", last="Berg-Neu", town="Bonn", mobile="+49 170 2")
    book.edit("1", "NICKNAME:Anni", "NICKNAME:Ann")
    book.edit("2", "END:VCARD", "EMAIL;TYPE=HOME:bert@example.org\r\nX-MORE:1\r\nEND:VCARD")
    merged = team.run()
    assert merged["state"] == "done", merged
    assert wrote(merged) == {"update": 2}
    text = book.side().raw["1"].replace("\r\n ", "")
    for said in (
        "Dr. Anna Maria Berg-Neu",
        "NICKNAME:Ann\r",
        "Weg 1;Bonn;;89073;Germany",
        "+49 170 2",
        "anna@acme.example",
        "ORG:ACME;Sales",
    ):
        assert said in text.replace("\n", "\r\n").replace("\r\r", "\r"), said
    assert "+49-170-1" not in text
    assert "Ulm" not in text
    assert table.rows()["2"]["mail"] == "bert@example.org"
    assert table.rows()["1"]["own"] == "0049"
    assert wrote(team.run()) == {}

    # A blank says nothing; a row that goes is a contact that goes, and the other way round.
    table.put(id="2", note="", mail="")
    book.delete("3")
    after = team.run()
    assert wrote(after) == {"delete": 1}
    assert set(table.rows()) == {"1", "2"}
    assert "one\\, two\\; three" in book.side().raw["2"].replace("\r\n ", "")
    table.delete("1")
    assert wrote(team.run()) == {"delete": 1}
    assert set(book.side().raw) == {"2"}
    assert wrote(team.run()) == {}
    with team.app() as app:
        found = app.verify("team")
    assert not found["differences"], found


def test_two_tables(tmp_path: Path) -> None:
    one, other = Table("crm", "csv", tmp_path / "people.csv"), Table("erp", "sql", tmp_path / "erp.db")
    other.mapping = {
        "uid": "id",
        "name": {"column": "last", "parts": "{last}, {first}"},
        "email": {"column": "mail", "separator": ";"},
    }
    one.put(id="1", first="Anna", last="Berg", mail="a@x.org", note="only here")
    other.put(id="2", last="Cohn, Bert", mail="b@x.org; c@x.org")
    team = office(tmp_path, one, other)  # type: ignore[arg-type]
    assert wrote(team.run()) == {"create": 2}
    assert other.rows()["1"]["last"] == "Berg, Anna"
    assert (one.rows()["2"]["first"], one.rows()["2"]["mail"]) == ("Bert", "b@x.org")
    assert wrote(team.run()) == {}
    other.put(id="1", last="Berg-Neu, Anna", mail="new@x.org")
    assert wrote(team.run()) == {"update": 1}
    assert one.rows()["1"] == {**one.rows()["1"], "last": "Berg-Neu", "mail": "new@x.org", "note": "only here"}
    assert wrote(team.run()) == {}


def test_a_mapping_that_is_changed_takes_nothing_from_the_others(tmp_path: Path) -> None:
    table, book = Table("crm", "csv", tmp_path / "people.csv"), book_of(tmp_path)
    table.put(id="1", first="Anna", last="Berg", mail="a@x.org", note="a note", own="+49 30 7")
    team = office(tmp_path, table, book)
    team.run()
    table.mapping = {"uid": "id", "first": "first", "last": "last", "phone": "own"}
    office(tmp_path, table, book)
    assert wrote(team.run()) == {"update": 1}
    text = book.side().raw["1"]
    for said in ("a@x.org", "a note", "+49 30 7"):
        assert said in text
    assert wrote(team.run()) == {}


@pytest.mark.parametrize(("wipes", "left"), [([], True), (["blank"], False), (["null"], True)])
def test_what_a_blank_does(tmp_path: Path, wipes: list[str], left: bool) -> None:
    table, book = Table("crm", "csv", tmp_path / "people.csv"), book_of(tmp_path)
    table.mapping["note"] = {"column": "note", "wipes": wipes}
    table.put(id="1", first="Anna", last="Berg", note="a note")
    team = office(tmp_path, table, book)
    team.run()
    table.put(id="1", note="")
    team.run()
    assert ("a note" in book.side().raw["1"]) is left
    assert wrote(team.run()) == {}


def test_rows_that_cannot_be_read_delete_nothing(tmp_path: Path) -> None:
    table, book = Table("crm", "csv", tmp_path / "people.csv"), book_of(tmp_path)
    for number in range(4):
        table.put(id=str(number), first="A", last=f"N{number}")
    team = office(tmp_path, table, book)
    team.run()
    good = table.path.read_text()
    table.path.write_text(good.replace("2,A,N2,,,,,", "2,A,N2,,,,"))
    report = team.run()
    assert report["state"] == "partial"
    assert wrote(report) == {}
    assert len(book.side().raw) == 4
    table.path.write_text(good)
    assert team.run()["state"] == "done"
    table.path.write_text("\n".join(good.splitlines()[:1]) + "\n")
    with team.app() as app:
        assert app.run("team")["state"] == "awaiting_approval", "a table without rows stops the run"


@pytest.mark.parametrize("trouble", ["no bytes", "half of it", "in the midst of a line", "gone", "a folder", "zeros"])
def test_a_file_in_trouble_deletes_nothing(trouble: str, tmp_path: Path) -> None:
    """What a full disk, a killed export or a wrong move leave behind."""
    table, book = Table("crm", "csv", tmp_path / "people.csv"), book_of(tmp_path)
    for number in range(8):
        table.put(id=str(number), first="A", last=f"N{number}", mail=f"n{number}@example.org")
    team = office(tmp_path, table, book)
    team.run()
    good, held = table.path.read_bytes(), dict(book.side().raw)
    table.path.unlink()
    if trouble == "a folder":
        table.path.mkdir()
    elif trouble != "gone":
        lines = good.splitlines(keepends=True)
        left = {"no bytes": b"", "half of it": b"".join(lines[:3]), "zeros": bytes(len(good))}
        table.path.write_bytes(left.get(trouble, good[: len(good) // 2 - 3]))
    with team.app() as app:
        report = app.run("team")
    assert report["state"] != "done", "somebody has to hear of it"
    assert dict(book.side().raw) == held
    if table.path.is_dir():
        table.path.rmdir()
    table.path.write_bytes(good)
    with team.app() as app:
        assert app.run("team")["state"] == "done"
    assert dict(book.side().raw) == held
    assert table.path.read_bytes() == good


def test_a_key_that_two_contacts_share(tmp_path: Path) -> None:
    """A household with one e-mail, and a table that is named by it: one has the row, the other is told."""
    table, book = Table("crm", "csv", tmp_path / "people.csv"), book_of(tmp_path)
    table.mapping = {"name": "last", "email": "id"}
    table.put(id="office@example.org", last="Anna Berg")
    team = office(tmp_path, table, book, match=False)
    team.run()
    book.put("b.vcf", card("b", "Bert Berg", "EMAIL:office@example.org"))
    book.put("c.vcf", card("c", "Carla Dorn"))
    report = team.run()
    assert sorted(one["code"] for one in report["left"]) == ["key-taken", "no-key"]
    assert set(table.rows()) == {"office@example.org"}
    book.put("d.vcf", card("d", "Dora Ernst", "EMAIL:dora@example.org"))
    assert wrote(team.run()) == {"create": 1}
    assert table.rows()["dora@example.org"]["last"] == "Dora Ernst"
    assert wrote(team.run()) == {}


def test_a_table_that_is_not_there_yet(tmp_path: Path) -> None:
    """An address book is written into a new file, of which the mapping makes the columns."""
    table, book = Table("crm", "csv", tmp_path / "people.csv"), book_of(tmp_path)
    table.path.unlink()
    book.put("1.vcf", rich("1"))
    team = Office(tmp_path / "office")
    team.configure([table, book], {"from": Office.ref(book), "to": table.ref()}, kind="contacts")  # type: ignore[list-item]
    report = team.run()
    assert report["state"] == "done", report
    assert not report.get("lost")
    assert table.rows()["1"] == {
        "id": "1",
        "first": "Anna",
        "last": "Berg",
        "mail": "anna@example.org",
        "mobile": "+49-170-1",
        "town": "Ulm",
    }
    assert wrote(team.run()) == {}
    book.edit("1", "NICKNAME:Anni", "NICKNAME:Ann")
    assert wrote(team.run()) == {}


def test_a_run_is_taken_back(tmp_path: Path) -> None:
    table, book = Table("crm", "csv", tmp_path / "people.csv"), book_of(tmp_path)
    table.put(id="1", first="Anna", last="Berg", mail="a@x.org", own="x")
    team = office(tmp_path, table, book)
    team.run()
    before = table.path.read_bytes()
    book.edit("1", "a@x.org", "new@x.org")
    book.put("2.vcf", card("2", "Bert Cohn"))
    team.run()
    assert "new@x.org" in table.path.read_text()
    with team.app() as app:
        plan = app.plan_undo("last")
        app.apply(plan["run"], allow=["all"])
    assert table.path.read_bytes() == before
