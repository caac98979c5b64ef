"""Rules and profiles at work: a folder of an export and an address book on a server."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.crash.world import FORK
from tests.e2e.office import InFolder, Office, OnServer, card, wrote
from tests.support.servers import PostgreSQL, Radicale
from trueup.app import App

CRM, BOOK = "crm", "book"
FULL = os.environ.get("TRUEUP_CAMPAIGN") == "full"
Json = dict[str, Any]

pytestmark = pytest.mark.slow


class Desk(Office):
    """A folder `crm` and a book on a server, in step."""

    crm: InFolder
    book: OnServer

    @classmethod
    def make(cls, folder: Path, server: Radicale, **job: Any) -> Desk:
        desk = cls(folder / "office")
        desk.crm, desk.book = InFolder(CRM, folder / CRM, ".vcf"), OnServer.make(BOOK, server, connector="carddav")
        desk.say(**job)
        return desk

    def say(self, ledger: str = "", one_way: bool = False, **job: Any) -> None:
        """Writes the configuration anew."""
        refs = [self.ref(self.crm), self.ref(self.book)]
        sides = {"from": refs[:1], "to": refs[1:]} if one_way else {"collections": refs}
        more = {"ledger": ledger} if ledger else {}
        self.configure([self.crm, self.book], {**sides, **job}, kind="contacts", **more)

    def shown(self) -> dict[str, tuple[str, str]]:
        """By UID: FN, EMAIL and TEL in the folder, and in the book."""
        sides = [self.crm.side().raw, self.book.side().raw]
        return {uid: (_said(sides[0].get(uid)), _said(sides[1].get(uid))) for uid in sorted({*sides[0], *sides[1]})}

    def quality(self) -> Json:
        """What the last run said of each side's records."""
        with self.app() as app:
            (last,) = app.history("team", 1)
        return {ref.partition("/")[0]: one for ref, one in last["report"]["quality"]["collections"].items()}

    def answer(self, word: str) -> str:
        """Answers the one open question; returns its title."""
        with self.app() as app:
            (question,) = app.questions("team", open_only=True)
            app.answer("team", question["id"], word)
            return str(question["title"])


def _said(text: str | None) -> str:
    if text is None:
        return "-"
    lines = sorted(line for line in text.splitlines() if line.startswith(("FN", "EMAIL", "TEL")))
    return " ".join(line.partition(":")[2] for line in lines)


def person(number: int, *, email: str = "", phone: str = "") -> str:
    lines = [f"EMAIL:{email or f'p{number}@example.org'}"] if email != "none" else []
    return card(f"u{number}", f"Person {number}", *lines, *([f"TEL:{phone}"] if phone else []))


@pytest.fixture
def desk(tmp_path: Path, radicale: Radicale) -> Callable[..., Desk]:
    def make(**job: Any) -> Desk:
        return Desk.make(tmp_path, radicale, **job)

    return make


REQUIRED = {"field": "email", "required": "on", "action": "reject"}


def left(report: Json) -> list[tuple[str, str]]:
    return [(one["title"], one["code"]) for one in report["left"]]


def test_what_breaks_a_rule_is_left_out_and_nothing_is_deleted(desk: Callable[..., Desk]) -> None:
    office = desk(quality=[REQUIRED])
    for number in range(3):
        office.crm.put(f"{number}.vcf", person(number))
    office.crm.put("9.vcf", person(9, email="none"))
    report = office.run()
    assert (report["state"], wrote(report), left(report)) == ("done", {"create": 3}, [("Person 9", "rejected")])
    assert office.quality()["crm"] == {
        "records": 4,
        "ready": 3,
        "review": 0,
        "rejected": 1,
        "unreadable": 0,
        "said": "4 records: 3 ready, 1 left out",
    }
    # One that was agreed loses its address in the export, and is edited in the book.
    office.crm.edit("u1", "EMAIL:p1@example.org\r\n", "")
    office.book.edit("u1", "FN:Person 1", "FN:Person One")
    report = office.run()
    assert (wrote(report), left(report)) == ({}, [("Person 1", "rejected"), ("Person 9", "rejected")])
    assert office.shown()["u1"] == ("Person 1", "p1@example.org Person One")
    assert wrote(office.run()) == {}
    # It is mended: both edits go on.
    office.crm.edit("u1", "FN:", "EMAIL:new@example.org\r\nFN:")
    assert office.run()["state"] == "done"
    assert office.shown()["u1"] == ("new@example.org Person One",) * 2
    # One that breaks the rule is deleted by its owner: it is gone everywhere.
    office.crm.edit("u2", "EMAIL:p2@example.org\r\n", "")
    office.run()
    office.crm.delete("u2")
    assert wrote(office.run()) == {"delete": 1}
    assert set(office.shown()) == {"u0", "u1", "u9"}


def test_a_new_rule_is_told_of_what_was_agreed_and_changes_nothing(desk: Callable[..., Desk]) -> None:
    office = desk()
    office.crm.put("1.vcf", person(1, email="none"))
    office.crm.put("2.vcf", person(2))
    office.run()
    office.say(quality=[REQUIRED])
    report = office.run()
    assert (report["state"], wrote(report)) == ("done", {})
    assert {ref: one["rejected"] for ref, one in office.quality().items()} == {"crm": 1, "book": 1}
    # The book mends it, and that reaches the export, which breaks the rule and has nothing to say.
    office.book.edit("u1", "FN:", "EMAIL:new@example.org\r\nFN:")
    assert wrote(office.run()) == {"update": 1}
    assert office.shown()["u1"] == ("new@example.org Person 1",) * 2
    assert {ref: one["rejected"] for ref, one in office.quality().items()} == {"crm": 0, "book": 0}


def test_what_is_to_be_reviewed_waits_for_an_answer_that_is_remembered(desk: Callable[..., Desk]) -> None:
    office = desk(quality=[{"name": "addresses", "field": "email", "email": "on", "action": "review"}])
    office.crm.put("1.vcf", person(1, email="ask her"))
    report = office.run()
    assert (report["state"], wrote(report), left(report)) == ("conflict", {}, [("Person 1", "review")])
    assert office.answer("accept") == "“Person 1” in crm/team: email “ask her” is no e-mail address"
    assert wrote(office.run()) == {"create": 1}
    # Another value is another question; the old one is answered for ever.
    office.crm.edit("u1", "ask her", "ask him")
    assert office.run()["state"] == "conflict"
    office.answer("reject")
    report = office.run()
    assert (report["state"], left(report)) == ("done", [("Person 1", "rejected")])
    assert office.shown()["u1"] == ("ask him Person 1", "ask her Person 1")
    office.crm.edit("u1", "ask him", "ask her")
    office.crm.edit("u1", "FN:Person 1", "FN:Person One")
    assert (wrote(office.run()), office.shown()["u1"]) == ({"update": 1}, ("ask her Person One",) * 2)
    # A question that nobody has any more is taken back.
    office.crm.edit("u1", "ask her", "ask them")
    office.run()
    office.crm.edit("u1", "ask them", "a@example.org")
    assert office.run()["state"] == "done"
    with office.app() as app:
        assert app.questions("team", open_only=True) == []


def test_a_fix_is_a_change_of_the_plan_on_every_side_and_undone_like_one(desk: Callable[..., Desk]) -> None:
    office = desk(
        quality=[{"field": "phone", "fix": "e164", "region": "DE"}, {"field": "email", "fix": ["trim", "lower"]}]
    )
    office.crm.put("1.vcf", person(1, email="P1@Example.org", phone="(030) 123 45 67"))
    header, changes = office.plan()
    assert header["counts"] == {"create": 1, "update": 1}
    mended = "phone written as +49301234567; email in lower case: p1@example.org"
    assert [one["reason"] for one in changes] == [f"new in crm/team; {mended}", mended]
    office.run()
    assert office.shown()["u1"] == ("p1@example.org Person 1 +49301234567",) * 2
    assert wrote(office.run()) == {}
    # An edit there, and a wrong form here: both in one update each.
    office.crm.edit("u1", "+49301234567", "030 7654321")
    office.book.edit("u1", "FN:Person 1", "FN:Person One")
    report = office.run()
    assert (wrote(report), office.shown()["u1"]) == ({"update": 2}, ("p1@example.org Person One +49307654321",) * 2)
    with office.app() as app:
        app.apply(app.plan_undo(report["run"])["run"])
    assert office.shown()["u1"] == ("p1@example.org Person 1 030 7654321", "p1@example.org Person One +49301234567")
    assert office.run()["state"] == "conflict", "what was undone waits for a word, and is not mended again"


def test_one_way_the_copy_is_mended_and_the_source_is_left_as_it_is(desk: Callable[..., Desk]) -> None:
    office = desk(one_way=True, quality=[{"field": "phone", "fix": "e164", "region": "DE"}, REQUIRED])
    office.crm.put("1.vcf", person(1, phone="030 1234567"))
    office.crm.put("2.vcf", person(2))
    assert wrote(office.run()) == {"create": 2}
    assert office.shown()["u1"] == ("p1@example.org Person 1 030 1234567", "p1@example.org Person 1 +49301234567")
    office.crm.edit("u1", "030 1234567", "030 7654321")
    office.crm.edit("u2", "EMAIL:p2@example.org\r\n", "")
    report = office.run()
    assert (wrote(report), left(report)) == ({"update": 1}, [("Person 2", "rejected")])
    assert office.shown()["u1"] == ("p1@example.org Person 1 030 7654321", "p1@example.org Person 1 +49307654321")
    assert office.shown()["u2"] == ("Person 2", "p2@example.org Person 2")
    assert wrote(office.run()) == {}


@pytest.mark.parametrize("memory", ["sqlite", "postgresql"])
def test_what_stands_twice_is_found_among_all(
    memory: str, desk: Callable[..., Desk], request: pytest.FixtureRequest
) -> None:
    database: PostgreSQL | None = request.getfixturevalue("postgresql") if memory == "postgresql" else None
    office = desk()
    unique = {"field": "email", "unique": "on", "action": "reject"}
    office.say(quality=[unique], ledger=database.make_database() if database else "")
    for number in range(3):
        office.crm.put(f"{number}.vcf", person(number))
    office.run()
    office.crm.put("8.vcf", person(8, email="P1@Example.org"))
    office.crm.put("9.vcf", person(9, email="x@example.org"))
    report = office.run()
    assert (wrote(report), left(report)) == ({"create": 1}, [("Person 8", "rejected")])
    assert (
        report["left"][0]["reason"]
        == "left out: email “p1@example.org” also stands in “Person 1” (rule “email unique”)"
    )
    with office.app() as app:
        before = app.ledger.facts.get("team", "quality/shared")
    assert wrote(office.run()) == {}
    with office.app() as app:  # nobody looks through all records again while nothing changes
        assert app.ledger.facts.get("team", "quality/shared") is not None
        assert before is None, "the run before wrote"
    assert left(office.run()) == [("Person 8", "rejected")]
    office.crm.edit("u1", "p1@example.org", "other@example.org")
    assert wrote(office.run()) == {"create": 1, "update": 1}


def filled(office: Desk, count: int, email: str = "") -> None:
    for number in range(count):
        office.crm.put(f"{number}.vcf", person(number, email=email))


def test_a_load_unlike_the_last_stops_the_run_until_it_is_allowed_or_mended(desk: Callable[..., Desk]) -> None:
    office = desk(guards={"profile": {"action": "block", "floor": 5}, "max_update": "off"})
    filled(office, 20)
    assert office.run()["state"] == "done"
    filled(office, 20, "n/a")
    for _ in range(2):  # a stopped load is not what the next is compared with
        report = office.run()
        assert report["state"] == "awaiting_approval"
    (finding,) = office.plan()[0]["guards"]
    assert (finding["guard"], finding["collection"]) == ("profile", "crm/team")
    assert "email: " in finding["message"]
    assert "“n/a” in 20 of 20 values (100%)" in finding["message"]
    assert office.shown()["u0"] == ("n/a Person 0", "p0@example.org Person 0")
    filled(office, 20)
    assert (office.run()["state"], office.shown()["u0"][1]) == ("done", "p0@example.org Person 0")
    filled(office, 20, "n/a")
    assert office.run(allow=["profile"])["state"] == "done"
    assert office.run()["state"] == "done", "what was allowed is what the next is compared with"
    assert office.shown()["u0"][1] == "n/a Person 0"


def test_by_default_it_is_told_and_what_we_wrote_ourselves_is_no_anomaly(desk: Callable[..., Desk]) -> None:
    office = desk(guards={"max_update": "off"})
    filled(office, 26)
    office.run()
    office.book.put("x.vcf", person(99))  # the book has 26 times as many as when it was read last
    with office.app() as app:
        assert app.plan("team")["diagnostics"] == []
    office.run()
    filled(office, 22, "n/a")
    header, _ = office.plan()
    assert header["guards"] == []
    assert ["crm/team is unlike the last load: email:" in one["what"] for one in header["diagnostics"]] == [True]
    office.run()
    assert office.plan()[0]["diagnostics"] == []


def test_a_run_without_changes_makes_no_profile_and_asks_for_none(desk: Callable[..., Desk]) -> None:
    office = desk()
    filled(office, 5)
    office.run()
    office.run()
    with office.app() as app:
        before = app.ledger.facts.names("team", "profile/")
    for _ in range(3):
        office.run()
    with office.app() as app:
        assert app.ledger.facts.names("team", "profile/") == before
        kept = app.profile("team")
    assert [(one["collection"].partition("/")[0], one["rows"]) for one in kept["collections"]] == [
        ("book", 5),
        ("crm", 5),
    ]


def test_old_profiles_are_forgotten_and_those_compared_with_are_kept(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trueup.core.loads.KEEP", 3)
    office = desk(guards={"profile": "warn"})
    for number in range(6):
        filled(office, number + 1)
        office.run()
    with office.app() as app:
        names = app.ledger.facts.names("team", "profile/run/")
        (crm,) = [one for one in app.profile("team")["collections"] if one["collection"] == "crm/team"]
    assert len([one for one in names if one.endswith("/crm/team")]) <= 4
    assert [one["rows"] for one in crm["history"]][-3:] == [4, 5, 6]


def test_every_record_is_ready_or_left_out_or_waits(desk: Callable[..., Desk]) -> None:
    office = desk(quality=[REQUIRED, {"field": "email", "email": "on", "action": "review"}])
    said = ["", "none", "ask", "", "none", "a@b.de", "??"]
    for number, email in enumerate(said):
        office.crm.put(f"{number}.vcf", person(number, email=email))
    office.crm.put("x.vcf", "BEGIN:VCARD\r\nno card\r\n")
    for _ in range(2):
        office.run()
        assert {key: value for key, value in office.quality()["crm"].items() if key != "said"} == {
            "records": 8,
            "ready": 3,
            "review": 2,
            "rejected": 2,
            "unreadable": 1,
        }
    assert office.quality()["book"]["records"] == 3


def _run_and_die(folder: str, number: int) -> None:
    """A run that is killed at its n-th commit of a fact, before or after it."""
    with App.load(Path(folder)) as app:
        count = 0

        def hook(label: str) -> None:
            nonlocal count
            if label.partition(":")[2].startswith("facts."):
                count += 1
                if count == number:
                    os.kill(os.getpid(), signal.SIGKILL)

        app.ledger.on_write = hook
        app.run("team")


def test_killed_between_profile_and_plan_nothing_is_forgotten(desk: Callable[..., Desk]) -> None:
    office = desk(guards={"profile": {"action": "block", "floor": 5}, "max_update": "off"})
    filled(office, 12)
    office.run()
    tried = 0
    for number in range(1, 20) if FULL else (1, 4):
        filled(office, 12, f"bad {number}")
        process = FORK.Process(target=_run_and_die, args=(str(office.folder), number))
        process.start()
        process.join(60)
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        tried += 1
        assert office.run()["state"] == "awaiting_approval", number
        assert office.shown()["u0"][1] == "p0@example.org Person 0"
    assert tried >= 2
    filled(office, 12)
    assert office.run()["state"] == "done"


def test_one_book_alone_is_held_to_its_rules(tmp_path: Path) -> None:
    crm, office = InFolder(CRM, tmp_path / CRM, ".vcf"), Office(tmp_path / "office")
    rules = [REQUIRED, {"field": "phone", "fix": "e164", "region": "DE"}]
    office.configure([crm], {"collections": [office.ref(crm)], "quality": rules}, kind="contacts")
    crm.put("1.vcf", person(1, phone="030 1234567"))
    crm.put("2.vcf", person(2))
    crm.put("3.vcf", person(3, email="none"))
    report = office.run()
    assert (report["state"], wrote(report), left(report)) == ("done", {"update": 1}, [("Person 3", "rejected")])
    assert _said(crm.side().raw["u1"]) == "p1@example.org Person 1 +49301234567"
    report = office.run()
    assert (wrote(report), report["counts"], left(report)) == ({}, {}, [("Person 3", "rejected")])
    crm.edit("u2", "FN:", "TEL:030 7654321\r\nFN:")
    crm.delete("u1")
    assert wrote(office.run()) == {"update": 1}
    assert _said(crm.side().raw["u2"]) == "p2@example.org Person 2 +49307654321"


def test_undoing_a_run_puts_back_what_was_agreed_before_it_and_alarms_nobody(desk: Callable[..., Desk]) -> None:
    office = desk(guards={"profile": "block", "max_update": "off", "max_delete": "off"})
    filled(office, 22)
    report = office.run()
    with office.app() as app:
        app.apply(app.plan_undo(report["run"])["run"])
    assert office.book.side().raw == {}
    office.book.put("x.vcf", person(99))
    assert office.plan()[0]["guards"] == []


def test_a_full_comparison_lists_every_difference_with_cause_and_cure(desk: Callable[..., Desk]) -> None:
    office = desk(quality=[REQUIRED, {"name": "addresses", "field": "email", "email": "on", "action": "review"}])
    filled(office, 6)
    office.crm.put("8.vcf", person(8, email="none"))
    office.crm.put("9.vcf", person(9, email="ask"))
    office.run()
    office.crm.edit("u1", "FN:Person 1", "FN:Person One")
    office.crm.delete("u2")
    office.book.put("x.vcf", person(7))
    office.crm.put("y.vcf", "BEGIN:VCARD\r\nno card\r\n")
    with office.app() as app:
        result = app.verify("team")
    assert not result["agrees"]
    found = {
        (one["kind"], one["title"]): (one["collection"].partition("/")[0], one["cause"], one["cure"])
        for one in result["differences"]
    }
    assert found == {
        ("changed", "Person 1"): ("crm", "was changed since the last run", "trueup run team"),
        ("gone", "Person 2"): (
            "crm",
            "is gone since the last run",
            "trueup plan team shows what follows; to bring it back: trueup resolve team --restore crm/team",
        ),
        ("new", "Person 7"): ("book", "is new since the last run", "trueup run team"),
        ("refused", "y.vcf"): (
            "crm",
            "the contact cannot be read: a line without a name and a colon: 'no card'",
            "mend or delete it there",
        ),
        ("question", "“Person 9” in crm/team: email “ask” is no e-mail address"): (
            "",
            "a question waits for your answer",
            "trueup resolve team",
        ),
        ("left", "Person 8"): (
            "crm",
            "left out: email is missing (rule “email required”)",
            "mend it in crm/team, then: trueup run team",
        ),
    }
    (changed,) = [one["fields"] for one in result["differences"] if one["kind"] == "changed"]
    assert changed == [{"label": "name", "before": "Person 1", "after": "Person One"}]
    assert result["counts"] == dict.fromkeys(("changed", "gone", "left", "new", "question", "refused"), 1)


def test_a_table_is_profiled_column_by_column(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("id;mail;zip\n1;a@b.de;01067\n2;;01069\n3;c@d.de;\n")
    (tmp_path / "trueup.yaml").write_text("version: 1\nstores: {crm: {connector: csv, path: people.csv, key: id}}\n")
    with App.load(tmp_path) as app:
        (one,) = app.profile("crm")["collections"]
    assert (one["rows"], list(one["fields"])) == (3, ["id", "mail", "zip"])
    assert [one["fields"]["mail"][key] for key in ("present", "blank", "absent")] == [2, 1, 0]
    assert one["fields"]["zip"]["masks"] == [["99999", 2]]
