"""The contacts part of `make demo`: one company's people on two servers and in a CRM's export; who is who, questions, duplicates, a broken export.

Two real CardDAV servers (Radicale, Xandikos) and a CSV file. At the end the three are compared by this script itself, without trueup.
"""

from __future__ import annotations

import csv
import re
import shutil
import textwrap
from pathlib import Path

from tests.support.servers import Dav, Radicale, Xandikos

from examples.demo_checks import Checks
from examples.demo_stage import ROOT, chapter, run

FIRST = ("Anna", "Ben", "Carla", "Deniz", "Emil", "Farida")
LAST = ("Berg", "Tal", "Okafor", "Lindqvist", "Moreau")
PEOPLE = [(first, last) for last in LAST for first in FIRST]
"""Thirty people: all of them in the CRM, two thirds at work, a third on the phone."""


class Books:
    """The three books, read and written without trueup."""

    def __init__(self, folder: Path, work: Dav, phone: Dav) -> None:
        self.folder, self.work, self.phone, self.checks = folder, work, phone, Checks()
        self.at_work, self.suppliers, self.on_phone = (
            work.make_book("/ana/people/", "People"),
            work.make_book("/ana/suppliers/", "Suppliers"),
            phone.make_book("/user/contacts/people/", "People"),
        )

    @property
    def export(self) -> Path:
        """The CRM's table."""
        return self.folder / "crm.csv"

    def trueup(self, *args: str, expect: int = 0, show: int = 8) -> str:
        """Runs the command and shows what it says."""
        return run(self.folder, *args, expect=expect, show=show)

    def people(self) -> dict[str, dict[str, tuple[str, str]]]:
        """By book and e-mail: name and number."""
        with self.export.open(encoding="utf-8", newline="") as file:
            rows = {one["email"]: (one["name"], _digits(one["phone"])) for one in csv.DictReader(file, delimiter=";")}
        books = {
            "work/people": self.work.items(self.at_work).values(),
            "phone/people": self.phone.items(self.on_phone).values(),
        }
        shown = {
            name: {_value(card, "EMAIL"): (_value(card, "FN"), _digits(_value(card, "TEL"))) for card in cards}
            for name, cards in books.items()
        }
        return {**shown, "crm": rows}


def contacts(folder: Path) -> None:
    """The whole part, from an empty folder to the closing list of what holds."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with Radicale({"ana": "correct horse"}) as radicale, Xandikos() as xandikos:
        chapter(
            "The same people in three places",
            "A CardDAV server at work, the phone's at home, and the CRM's export. Each has its own keys, and its own idea of some names.",
        )
        books = Books(folder, radicale.dav(), xandikos.dav())
        fill(books)
        (folder / "trueup.yaml").write_text(configuration(radicale.url, xandikos.url))
        (folder / "work.secret").write_text("correct horse\n")
        (folder / "work.secret").chmod(0o600)
        print(textwrap.indent((folder / "trueup.yaml").read_text(), "    "))
        who_is_who(books)
        duplicates(books)
        broken_export(books)
    books.checks.print()
    if not books.checks.good:
        raise SystemExit(1)


def fill(books: Books) -> None:
    """The overlaps: what is the same person, and what only may be."""
    for number, (first, last) in enumerate(PEOPLE):
        if number % 3:
            text = card(
                f"work-{number}", f"{first} {last}", f"EMAIL:{mail(first, last)}", f"TEL;TYPE=WORK:{phone(number)}"
            )
            books.work.put(f"{books.at_work}{number}.vcf", text, if_none_match="*").expect(201)
        if number % 3 == 1:
            more = "NOTE:met at the fair" if number % 2 else f"TEL;TYPE=WORK:{phone(number)}"
            text = card(f"phone-{number}", f"{first} {last}", f"EMAIL:{mail(first, last)}", more)
            books.phone.put(f"{books.on_phone}{number}.vcf", text, if_none_match="*").expect(201)
    text = card("phone-x", "Karla Thal", f"TEL;TYPE=WORK:{phone(8)}")
    books.phone.put(f"{books.on_phone}karla.vcf", text, if_none_match="*").expect(201)
    write_export(books)


def write_export(books: Books, address: str = "") -> None:
    """The CRM's export; with `address` the one that a broken version of it writes for everybody."""
    with books.export.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, delimiter=";", lineterminator="\r\n")
        rows.writerow(("customer", "name", "email", "phone"))
        for number, (first, last) in enumerate(PEOPLE):
            rows.writerow((f"K-{1000 + number}", f"{first} {last}", address or mail(first, last), phone(number)))


def who_is_who(books: Books) -> None:
    """Matches with their reasons, a question and its answer, and all three agree."""
    chapter(
        "Who is who",
        "`=` are people that were taken for one, and why. What only may be one waits for an answer, and nobody is merged on a name alone.",
    )
    said = books.trueup("plan", "people", "-v", show=24)
    books.checks.that("a match says why", "same e-mail" in said)
    books.trueup("run", "people", expect=5)
    question = next(line for line in books.trueup("resolve", "people", "--list").splitlines() if line.startswith("? "))
    books.trueup("resolve", "people", question.split()[1], "--answer", "same")
    books.trueup("run", "people")
    again = books.trueup("run", "people")
    books.checks.that("another run has nothing to do", "nothing to do" in again)
    agree(books, "after the first runs")


def duplicates(books: Books) -> None:
    """Two cards of one supplier become one, and two again."""
    chapter(
        "A supplier who was typed in twice",
        "The two become one, by a plan; and two again, for it was a mistake after all.",
    )
    for uid, *lines in (
        ("s-1", "TITLE:Sales", "EMAIL:mira@papier.example", "REV:20260101T000000Z"),
        ("s-2", "EMAIL:mira@papier.example", "TEL:+49 40 5551", "NOTE:closes at noon", "REV:20260601T000000Z"),
    ):
        books.work.put(f"{books.suppliers}{uid}.vcf", card(uid, "Mira Papier", *lines), if_none_match="*").expect(201)
    books.trueup("plan", "suppliers")
    books.trueup("apply")
    (merged,) = books.work.items(books.suppliers).values()
    kept = all(word in merged for word in ("TITLE:Sales", "closes at noon", "+49 40 5551"))
    books.checks.that("the one supplier has what both cards had", kept)
    books.trueup("undo", "last", "--yes")
    books.checks.that("after the undo there are two again", len(books.work.items(books.suppliers)) == 2)


def broken_export(books: Books) -> None:
    """The CRM's next export has the same address for everybody."""
    chapter(
        "The CRM's next export is broken",
        "Every row has the same e-mail address. The load is unlike the last one: the run stops before anything is written.",
    )
    right, before = books.export.read_bytes(), books.people()
    text = right.decode()
    for first, last in PEOPLE:
        text = text.replace(mail(first, last), "info@example.org")
    books.export.write_bytes(text.encode())
    said = books.trueup("run", "people", expect=4)
    books.checks.that("the profile of the load blocks the run", "guard profile" in said)
    after = books.people()
    books.checks.that(
        "nothing was written to the servers", all(before[one] == after[one] for one in ("work/people", "phone/people"))
    )
    books.export.write_bytes(right)
    books.trueup("run", "people")
    books.trueup("verify", "people")
    agree(books, "at the end")


def agree(books: Books, when: str) -> None:
    """The three books show the same people."""
    found = books.people()
    first = found["work/people"]
    for name, shown in found.items():
        books.checks.that(f"{name} shows the same {len(first)} people {when}", shown == first)


def card(uid: str, name: str, *lines: str) -> str:
    """A small contact."""
    first, _, last = name.partition(" ")
    head = ["BEGIN:VCARD", "VERSION:3.0", f"UID:{uid}", f"FN:{name}", f"N:{last};{first};;;"]
    return "\r\n".join([*head, *lines, "END:VCARD", ""])


def mail(first: str, last: str) -> str:
    """Where somebody is written to."""
    return f"{first}.{last}@example.org".lower()


def phone(number: int) -> str:
    """Somebody's number."""
    return f"+49 30 55501{number:02}"


def _value(text: str, name: str) -> str:
    found = re.search(rf"(?m)^(?:\w+\.)?{name}(?:;[^:\r\n]*)?:([^\r\n]*)", text)
    return found[1] if found else ""


def _digits(text: str) -> str:
    return re.sub(r"[^0-9+]", "", text)


def configuration(work: str, home: str) -> str:
    """The part's trueup.yaml."""
    return textwrap.dedent(f"""\
        version: 1
        stores:
          work:  {{connector: carddav, url: "{work}", username: ana, password: {{file: work.secret}}}}
          phone: {{connector: carddav, url: "{home}", username: user}}
          crm:   {{connector: csv, path: crm.csv, key: customer}}
        jobs:
          people:
            kind: contacts
            collections:
              - {{store: work, name: people}}
              - {{store: phone, name: people}}
              - {{store: crm, mapping: {{uid: customer, name: name, email: email, phone: phone}}}}
            truth: {{phone: crm, "*": newest}}
            match: {{region: DE}}
            guards: {{profile: block}}
          suppliers:
            kind: contacts
            collections: [{{store: work, name: suppliers}}]
            duplicates: merge
            survivor: {{"*": newest}}
        """)


if __name__ == "__main__":
    contacts(ROOT / ".work" / "demo-contacts")
