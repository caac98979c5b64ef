"""The staff of Nordwind Messtechnik, a made-up company, and the people it works with. All of them are invented."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Person:
    name: str
    local: str
    role: str
    born: str
    domain: str = "example.com"

    @property
    def mail(self) -> str:
        return f"{self.local}@{self.domain}"


STAFF: tuple[Person, ...] = (
    Person("Wiebke Harmsdörfer", "wiebke", "Geschäftsführung", "1974-02-11"),
    Person("Jörg Pfändner", "joerg", "Geschäftsführung", "1969-12-24"),
    Person("Ayşe Günbatan", "ayse", "Vertrieb", "1985-05-03"),
    Person("Tjark Oldenhövel", "tjark", "Vertrieb", "1990-11-18"),
    Person("Siobhán Kettlewick", "siobhan", "Vertrieb UK", "1988-03-17"),
    Person("Priya Vadakkan", "priya", "Entwicklung Pune", "1993-08-15"),
    Person("Arjun Sethumal", "arjun", "Entwicklung Pune", "1991-01-26"),
    Person("Zoë Brinkhaus", "zoe", "Entwicklung", "1996-02-29"),
    Person("Łukasz Wrzeszczak", "lukasz", "Entwicklung", "1987-11-11"),
    Person("Đorđe Milunović", "djordje", "Entwicklung", "1992-07-07"),
    Person("Noémie Delaquis", "noemie", "Produkt", "1989-07-14"),
    Person("Hinnerk Süßmuthal", "hinnerk", "Fertigung", "1966-10-31"),
    Person("Gudrun Ötjenbruns", "gudrun", "Fertigung", "1971-04-30"),
    Person("Mehmet Karaoğlan", "mehmet", "Fertigung", "1983-09-22"),
    Person("Käthe Möllgaard", "kaethe", "Lager", "1979-06-21"),
    Person("Pauline Zwirnmann", "pauline", "Buchhaltung", "1982-01-01"),
    Person("Ekkehard Thießwald", "ekkehard", "Buchhaltung", "1964-08-29"),
    Person("Ilse-Marie von der Wischlage", "ilse-marie", "Personal", "1977-03-29"),
    Person("Björn Åkerstrand", "bjorn", "Service", "1986-10-25"),
    Person("Salma Qabbanirad", "salma", "Service", "1994-12-01"),
    Person("Yuki Hoshimura", "yuki", "Service", "1995-05-05"),
    Person("Dale Featherstonehaugh", "dale", "Büro Boston", "1981-07-04"),
    Person("Marisol Quintavalle", "marisol", "Büro Boston", "1990-11-26"),
    Person("Fenja Rickmersen", "fenja", "IT", "1998-04-01"),
    Person("Ole Stubbenkamp", "ole", "Auszubildender", "2006-09-01"),
)

BY_LOCAL: dict[str, Person] = {person.local: person for person in STAFF}

GUESTS: tuple[Person, ...] = (
    Person("Dr. Edeltraud Nüßlingen", "e.nuesslingen", "Kundin", "", "example.org"),
    Person("Kwabena Osei-Tutuwaa", "k.osei", "Kunde", "", "example.org"),
    Person("Róisín Mac Giollabháin", "roisin", "Customer", "", "example.net"),
    Person("Tadeusz Brzęczykowicz", "t.brzeczyk", "Lieferant", "", "example.net"),
)

CUSTOMERS: tuple[str, ...] = (
    "Stadtwerke Musterhafen",
    "Molkerei Beispielow",
    "Werft Nordsandt",
    "Papierfabrik Grünau-Muster",
    "Klinik am Modellpark",
    "Brauerei Fiktenstein",
    "Samplebridge Water Ltd",
    "Examplewood Dairy Inc.",
)


def organizer(local: str, extra: str = "") -> str:
    person = BY_LOCAL[local]
    return f"ORGANIZER;CN={quoted(person.name)}{extra}:mailto:{person.mail}"


def attendee(person: Person, status: str = "NEEDS-ACTION", role: str = "REQ-PARTICIPANT", extra: str = "") -> str:
    return f"ATTENDEE;CN={quoted(person.name)};ROLE={role};PARTSTAT={status}{extra}:mailto:{person.mail}"


def staff(local: str, status: str = "ACCEPTED", role: str = "REQ-PARTICIPANT", extra: str = "") -> str:
    return attendee(BY_LOCAL[local], status, role, extra)


def quoted(value: str) -> str:
    return f'"{value}"' if any(char in value for char in ",;: ") else value
