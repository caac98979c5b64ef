"""`trueup init` with a table: its key and its mapping are proposed from the header; `doctor` says what the mapping covers."""

from collections.abc import Callable
from pathlib import Path

from tests.unit.cli.conftest import Result

Trueup = Callable[..., Result]

TABLE = "Kundennr;Vorname;Nachname;E-Mail;Handy;Extra\r\n0007;Anna;Berg;anna@example.org;+49 170 1;x\r\n8;Bert;;bert@example.org\r\n"
CARD = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:carla\r\nFN:Carla Dorn\r\nN:Dorn;Carla;;;\r\nEND:VCARD\r\n"


def test_a_table_and_an_address_book(tmp_path: Path, trueup: Trueup) -> None:
    (tmp_path / "crm.csv").write_text(TABLE)
    (tmp_path / "phone/people").mkdir(parents=True)
    (tmp_path / "phone/people/carla.vcf").write_text(CARD)
    # A table: its kind by number, the file, the key that is proposed; then a folder of cards, which is offered among its like.
    answers = ["crm", "6", str(tmp_path / "crm.csv"), "", "phone", "7", str(tmp_path / "phone"), ""]
    answers += ["people", "1", "1", ""]
    result = trueup("init", str(tmp_path), answers=answers)
    assert result.code == 0, result
    assert "left out: Extra" in result.out
    assert trueup("-c", str(tmp_path), "validate").code == 0
    told = trueup("-c", str(tmp_path), "doctor").out
    assert "1 rows cannot be read" in told
    assert "line 3: it has 4 values, and the table 6 columns" in told
    assert "columns that no property is mapped to: Kundennr, Extra" in told
    assert trueup("-c", str(tmp_path), "run", "people").code == 3, "a row and a contact wait for a person"
    [made] = [one for one in (tmp_path / "phone/people").iterdir() if one.name != "carla.vcf"]
    assert "N:Berg;Anna;;;" in made.read_text()
    assert "TEL;TYPE=cell:+49 170 1" in made.read_text()


def test_a_mapping_that_names_what_is_not_there(tmp_path: Path, trueup: Trueup) -> None:
    (tmp_path / "crm.csv").write_text(TABLE)
    (tmp_path / "phone/people").mkdir(parents=True)
    (tmp_path / "trueup.yaml").write_text(
        "version: 1\nstores:\n  crm: {connector: csv, path: crm.csv, key: Kundennr}\n  phone: {connector: vcf, path: phone}\n"
        "jobs:\n  people:\n    kind: contacts\n    collections:\n    - {store: crm, mapping: {first: Vornahme}}\n"
        "    - {store: phone, name: people}\n"
    )
    result = trueup("-c", str(tmp_path), "plan", "people")
    assert "the table has no column “Vornahme”" in result.out + result.err
    assert "did you mean “Vorname”?" in result.out + result.err
    assert not list((tmp_path / "phone/people").iterdir())


def test_what_is_wrong_with_a_mapping_is_said_with_its_place(tmp_path: Path, trueup: Trueup) -> None:
    head = (
        "version: 1\nstores:\n  crm: {connector: csv, path: crm.csv, key: id}\n  phone: {connector: vcf, path: phone}\n"
    )
    head += "  team: {connector: vdir, path: team}\n"
    job = "jobs:\n  people:\n    kind: contacts\n    collections:\n    - {store: crm, mapping: %s}\n    - {store: phone, name: people}\n"
    wrong = {
        "{nmae: Name}": ":10:30: unknown key `nmae`",
        "{name: Name, note: Name}": "column “Name” is `name` already",
        "{preset: gogle}": "gogle",
        "{name: {column: N, parts: '{last}{first}'}}": "parts of a name",
        "{name: N, properties: {x-own: Y}}": "capitals",
        "{name: N, photo: {column: P, as: file}}": "as",
        "{name: N, note: {column: X, wipes: [empty]}}": "empty",
    }
    for given, said in wrong.items():
        (tmp_path / "trueup.yaml").write_text(head + job % given)
        result = trueup("-c", str(tmp_path), "validate")
        assert result.code == 1, given
        assert said in result.err + result.out, f"{given}: {result.err}"
    (tmp_path / "trueup.yaml").write_text(head + (job % "google").replace("mapping: google", "name: x"))
    assert "holds rows, and nothing says which column is what" in trueup("-c", str(tmp_path), "validate").err
    (tmp_path / "trueup.yaml").write_text(
        head + (job % "google").replace("name: people}", "name: people, mapping: google}")
    )
    assert "holds contacts, and needs no `mapping`" in trueup("-c", str(tmp_path), "validate").err
