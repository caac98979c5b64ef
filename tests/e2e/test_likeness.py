"""Contacts that are one person, between two real servers: linked, asked about, merged where they stand twice, and undone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.office import OnServer
from tests.support.servers import Radicale, Xandikos
from trueup.app import App

pytestmark = pytest.mark.slow


def card(uid: str, name: str, *lines: str) -> str:
    given, _, family = name.rpartition(" ")
    head = ("BEGIN:VCARD", "VERSION:3.0", f"UID:{uid}", f"FN:{name}", f"N:{family};{given};;;")
    return "\r\n".join((*head, *lines, "END:VCARD", ""))


def test_two_servers(tmp_path: Path, radicale: Radicale, xandikos: Xandikos) -> None:
    work = OnServer.make("work", radicale, connector="carddav")
    phone = OnServer.make("phone", xandikos, connector="carddav")
    sides = [{"store": one.name, "name": one.collection()} for one in (work, phone)]
    job = {"kind": "contacts", "collections": sides, "match": {"region": "DE"}, "duplicates": "merge"}
    stores = {one.name: one.store() for one in (work, phone)}
    (tmp_path / "trueup.yaml").write_text(json.dumps({"version": 1, "stores": stores, "jobs": {"people": job}}))
    work.put("1.vcf", card("w-1", "Anna Berg", "EMAIL:anna@example.org", "TEL:030 1234567", "NOTE:one"))
    work.put("2.vcf", card("w-2", "Jon Smith", "EMAIL:jon@example.org"))
    phone.put("1.vcf", card("p-1", "Anna Berg", "EMAIL:Anna@example.org", "BDAY:1980-03-09"))
    phone.put("2.vcf", card("p-2", "Jonn Smyth", "EMAIL:jon@example.org", "TEL:+442079460018"))

    def uids(one: OnServer) -> set[str]:
        found = one.dav.items(one.calendar).values()
        return {line[4:].strip() for text in found for line in text.splitlines() if line.startswith("UID:")}

    with App.load(tmp_path) as app:
        report = app.run("people")
        assert (report["state"], report["questions"]) == ("conflict", 1)
        assert (uids(work), uids(phone)) == ({"w-1", "w-2"}, {"p-1", "p-2"})
        (question,) = app.questions("people")
        app.answer("people", question["id"], "same")
        assert app.run("people")["state"] == "done"
        assert (uids(work), uids(phone)) == ({"w-1", "w-2"}, {"p-1", "p-2"})
        assert all("TEL" in text for text in work.dav.items(work.calendar).values())

        phone.put("3.vcf", card("p-3", "Anna Berg", "EMAIL:anna@example.org", "TEL:+49 30 1234567", "TITLE:Sales"))
        assert app.run("people")["counts"]["create"] == 1
        assert app.run("people")["counts"]["delete"] == 2
        assert len(uids(work)) == len(uids(phone)) == 2
        assert app.apply(app.plan_undo("last")["run"])["questions"] == 1
        assert len(uids(work)) == len(uids(phone)) == 3
        assert app.verify("people")["agrees"] is False, "a question waits"
        (question,) = app.questions("people")
        app.answer("people", question["id"], "different")
        app.run("people")
        assert app.verify("people")["agrees"]
