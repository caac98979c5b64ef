"""A hard set of contacts with the truth: names of several languages, several cards a person with errors, households, shared numbers, namesakes.

The same seed gives the same cards, on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random

_GIVEN = {
    "de": """
Anna Jürgen Käthe Günther Sabine Wolfgang Ute Jörg Birgit Matthias Heike Stefan Petra Lukas Johanna Maximilian Elisabeth Friedrich
Jana Tobias
""",
    "en": """
William Elizabeth Robert Margaret James Katherine Michael Susan Thomas Rebecca Edward Patricia Andrew Jennifer Samuel Emily George
Olivia Daniel Grace
""",
    "fr": """
Étienne Françoise Jérôme Chloé Benoît Hélène François Zoé André Geneviève Mathieu Amélie Gaël Noémie Théo Cécile Loïc Aurélie Rémi
Solène
""",
    "es": """
José María Íñigo Concepción Ángel Belén Raúl Inés Martín Lucía Óscar Mónica Andrés Sofía Adrián Núria Joaquín Rocío Sebastián
Ángela
""",
    "pl": """
Łukasz Małgorzata Wojciech Agnieszka Paweł Grażyna Jędrzej Bożena Michał Żaneta Stanisław Katarzyna Józef Zuzanna Tomasz Iwona
Rafał Ewa Kamil Dorota
""",
    "it": """
Niccolò Giulia Alessandro Chiara Lorenzo Francesca Matteo Beatrice Giuseppe Martina Davide Elisa Riccardo Valentina Antonio Silvia
Enrico Paola Luca Sara
""",
    "tr": """
Çağla Mehmet Ayşe Oğuz Gülşen İbrahim Şule Emre Zeynep Hüseyin Ömer Elif Yiğit Nazlı Barış Ebru Kaan Derya Volkan Selin
""",
    "ru": """
Иван Ольга Дмитрий Екатерина Сергей Наталья Алексей Юлия Михаил Татьяна Андрей Светлана Павел Людмила Владимир Мария Николай Анна
Виктор Ирина
""",
}
_FAMILY = {
    "de": """
Müller Schmidt Schneider Weiß Größmann Jäger Krüger Köhler Böhm Schäfer Meier Lange Hofmann Brandt Vogel Schröder Günther Hartmann
Franke Lehmann
""",
    "en": """
Smith Johnson Williams O'Brien Taylor Davies Evans Thomas Roberts Walker Wright Robinson Thompson White Hughes Edwards Green Hall
Wood Clarke
""",
    "fr": """
Lefèvre Dupont Bérenger Moreau Rousseau Leroy Girard Chevalier François Hébert Gauthier Renard Lemaître Perrot Durand Mercier
Blanc Faure Roche Picard
""",
    "es": """
García López Fernández Muñoz Ibáñez Rodríguez Núñez Peña Castaño Vázquez Serrano Ortega Cortés Guerrero Domínguez Gil Ramos Torres
Navarro Molina
""",
    "pl": """
Kowalski Wiśniewski Wójcik Kamiński Zieliński Szymański Woźniak Dąbrowski Kozłowski Jankowski Mazur Krawczyk Grabowski Pawłowski
Król Wróbel Żak Sikora Baran Duda
""",
    "it": """
Rossi Ferrari Esposito Bianchi Ricci Marino Greco Conti DeLuca Mancini Costa Giordano Rizzo Lombardi Moretti Barbieri Fontana
Santoro Mariani Rinaldi
""",
    "tr": """
Yılmaz Kaya Demir Şahin Çelik Yıldız Öztürk Aydın Özdemir Arslan Doğan Kılıç Çetin Koç Kurt Özkan Şimşek Polat Aksoy Güneş
""",
    "ru": """
Иванов Смирнов Кузнецов Попов Васильев Петров Соколов Михайлов Новиков Фёдоров Морозов Волков Алексеев Лебедев Семёнов Егоров
Павлов Козлов Степанов Николаев
""",
}
_SHORT = {"William": "Bill", "Elizabeth": "Liz", "Robert": "Bob", "Margaret": "Peggy", "James": "Jim", "Katherine": "Kate", "Michael": "Mike",
          "Susan": "Sue", "Thomas": "Tom", "Rebecca": "Becky", "Edward": "Ted", "Patricia": "Pat", "Andrew": "Andy", "Samuel": "Sam", "Daniel": "Dan",
          "Matthias": "Matze", "Stefan": "Steff", "Johanna": "Hanna",
          "Maximilian": "Max", "Elisabeth": "Lisa", "Friedrich": "Fritz", "Tobias": "Tobi",
          "José": "Pepe", "Alessandro": "Sandro", "Giuseppe": "Beppe", "Małgorzata": "Gosia", "Katarzyna": "Kasia", "Екатерина": "Катя"}  # fmt: skip
_LETTERS = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
_SPELT = "a b v g d e e zh z i i k l m n o p r s t u f kh ts ch sh shch _ y _ e iu ia"
_LATIN = dict(zip(_LETTERS, _SPELT.split(), strict=True))
_FIRMS = """
Nordwind Acme Brückner Helvetia Albatros Cobalt Meridian Orion Falke Petrol Zenit Lumen Kiefer Delta Vantage Sirius Hansa Basalt
Ferrum Aurora
"""
_LEGAL = ("GmbH", "Ltd", "AG", "SA", "", "Inc.")
_STREETS = """
Hauptstraße Bahnhofstraße Lindenweg Mill_Lane Station_Road Rue_Pasteur Calle_Mayor Via_Roma Gartenweg Church_Street Bergstraße
High_Street
"""
_TOWNS = "Berlin Leeds Lyon Sevilla Kraków Torino İzmir Hamburg Bristol Nantes Zürich Wien Łódź Porto Gent Malmö"
_HOSTS = """
example.org example.net mail.example post.example inbox.example
"""
REGION = "DE"


@dataclass(frozen=True)
class Person:
    """One card's content; empty where it says nothing."""

    truth: int
    given: str = ""
    family: str = ""
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    born: str = ""
    street: str = ""
    postcode: str = ""
    town: str = ""
    organisation: str = ""
    suffix: str = ""
    order: str = "N"  # "N": structured; "FN": in one text; ",": family first
    company: bool = False


@dataclass
class _World:
    random: Random
    count: int = 0
    known: set[tuple[str, str, str]] = field(default_factory=set)

    def mailbox(self, given: str, family: str, at: str) -> str:
        """What stands before the @: the name, with a number where somebody has it already."""
        name = f"{_ascii(given)}.{_ascii(family)}"
        taken = (given, family, at) in self.known
        self.known.add((given, family, at))
        return f"{name}{self.count}" if taken or self.chance(0.3) else name

    def chance(self, share: float) -> bool:
        return self.random.random() < share


def people(persons: int, seed: int = 1) -> list[Person]:
    """The cards of so many persons, in no order; about 1.7 cards a person."""
    return list(stream(persons, seed))


def stream(persons: int, seed: int = 1) -> Iterator[Person]:
    """As `people`, one household after the other, in little memory."""
    world = _World(Random(seed))
    firm = _firm(world)
    while world.count < persons:
        if world.chance(0.01):
            firm = _firm(world)
            yield from _copies(world, _company(world, firm))
        for one in _household(world):
            yield from _copies(world, _employed(world, one, firm) if world.chance(0.4) else one)


def _household(world: _World) -> list[Person]:
    """One to four people at one address; some share a phone, and a few an e-mail."""
    random = world.random
    language = random.choice(list(_GIVEN))
    given, families = _GIVEN[language].split(), _FAMILY[language].split()
    family = random.choice(families)
    place = (
        f"{random.choice(_STREETS.split()).replace('_', ' ')} {random.randint(1, 190)}",
        f"{random.randint(10000, 99999)}",
        random.choice(_TOWNS.split()),
    )
    landline = _number(random)
    shared = f"familie.{_ascii(family)}{random.randint(1, 999)}@{random.choice(_HOSTS.split())}"
    members = []
    for first in random.sample(given, random.choice((1, 1, 1, 1, 2, 2, 3, 4))):
        world.count += 1
        mail = f"{world.mailbox(first, family, '')}@{random.choice(_HOSTS.split())}"
        double = f"{family}-{random.choice(families)}" if world.chance(0.04) else family
        members.append(Person(
            world.count, first, double,
            tuple(dict.fromkeys([*([mail] if world.chance(0.8) else []), *([shared] if world.chance(0.06) else [])])),
            (*([_number(random, mobile=True)] if world.chance(0.75) else []), *([landline] if world.chance(0.45) else [])),
            _birthday(random) if world.chance(0.5) else "",
            *(place if world.chance(0.6) else ("", "", "")),
        ))  # fmt: skip
    if world.chance(0.012):  # father and son, of one name
        world.count += 1
        old = replace(members[0], suffix="Sr")
        members[0] = replace(members[0], suffix="Jr")
        members.append(replace(old, truth=world.count, emails=(), born=_birthday(random), phones=(landline,)))
    return members


@dataclass(frozen=True)
class _Firm:
    name: str
    domain: str
    switchboard: str


def _firm(world: _World) -> _Firm:
    name = f"{world.random.choice(_FIRMS.split())} {world.random.choice(_FAMILY['de'].split())} {world.random.choice(_LEGAL)}".strip()
    return _Firm(name, f"{_ascii(name.split()[0])}{world.random.randint(1, 9999)}.example", _number(world.random))


def _company(world: _World, firm: _Firm) -> Person:
    world.count += 1
    return Person(
        world.count, emails=(f"info@{firm.domain}",), phones=(firm.switchboard,), organisation=firm.name, company=True
    )


def _employed(world: _World, one: Person, firm: _Firm) -> Person:
    mails = [f"info@{firm.domain}"] if world.chance(0.15) else []
    if world.chance(0.7):
        mails.append(f"{world.mailbox(one.given, one.family, firm.domain)}@{firm.domain}")
    phones = (firm.switchboard,) if world.chance(0.35) else ()
    return replace(one, organisation=firm.name, emails=(*one.emails, *mails), phones=(*one.phones, *phones))


def _copies(world: _World, one: Person) -> Iterator[Person]:
    """The cards of a person: the first is nearly right, the others have errors."""
    yield _damaged(world, one, 0.25)
    for _ in range(world.random.choice((0, 0, 1, 1, 1, 2))):
        yield _damaged(world, one, 1.0)


def _damaged(world: _World, one: Person, much: float) -> Person:
    """A card as somebody else typed it."""
    random = world.random
    given, family, order = one.given, one.family, "N"
    if not one.company:
        if world.chance(0.10 * much):
            given = _SHORT.get(given, given)
        if world.chance(0.15 * much):
            given, family = _plain(given), _plain(family)
        if world.chance(0.08 * much):
            given = _typo(random, given)
        if world.chance(0.10 * much):
            family = _typo(random, family)
        if world.chance(0.03 * much):
            given = f"{given[:1]}."
        if world.chance(0.03 * much):
            family = random.choice(_FAMILY["de"].split())  # married
        if world.chance(0.03 * much):
            given, family = family, given
        if world.chance(0.03 * much):
            given = ""
        order = random.choice(("N", "N", "FN", ",")) if much == 1.0 else "N"
    mails = tuple(
        _typo(random, each) if world.chance(0.02 * much) else each.title() if world.chance(0.05) else each
        for each in one.emails
        if not world.chance(0.35 * much)
    )
    phones = tuple(
        _written(random, _wrong(random, each) if world.chance(0.02 * much) else each)
        for each in one.phones
        if not world.chance(0.35 * much)
    )
    born = (
        ""
        if world.chance(0.4 * much)
        else _misdated(random, one.born)
        if one.born and world.chance(0.04 * much)
        else one.born
    )
    address = (one.street, one.postcode, one.town)
    if world.chance(0.4 * much):
        address = ("", "", "")
    elif address[0] and world.chance(0.08 * much):  # moved
        address = (
            f"{random.choice(_STREETS.split()).replace('_', ' ')} {random.randint(1, 190)}",
            f"{random.randint(10000, 99999)}",
            random.choice(_TOWNS.split()),
        )
    elif address[0] and world.chance(0.15 * much):
        address = (_typo(random, address[0]).replace("straße", "str."), address[1], address[2])
    return replace(
        one, given=given, family=family, order=order, emails=mails, phones=phones, born=born, street=address[0], postcode=address[1], town=address[2],
        organisation=one.organisation if one.company or not world.chance(0.4 * much) else "",
        suffix="" if world.chance(0.5 * much) else one.suffix,
    )  # fmt: skip


def _number(random: Random, *, mobile: bool = False) -> str:
    """A German number: digits behind +49."""
    return (
        f"15{random.choice('127')}{random.randint(10**7, 10**8 - 1)}"
        if mobile
        else f"{random.choice(('30', '40', '89', '221'))}{random.randint(10**5, 10**8 - 1)}"
    )


def _written(random: Random, digits: str) -> str:
    return random.choice(
        (
            f"+49 {digits[:3]} {digits[3:]}",
            f"0{digits[:3]}/{digits[3:]}",
            f"+49{digits}",
            f"0049 {digits}",
            f"0{digits}",
            f"+49 (0){digits[:3]}-{digits[3:]}",
        )
    )


def _wrong(random: Random, digits: str) -> str:
    place = random.randrange(4, len(digits))
    return f"{digits[:place]}{(int(digits[place]) + random.randint(1, 9)) % 10}{digits[place + 1 :]}"


def _birthday(random: Random) -> str:
    return f"{random.randint(1940, 2004)}-{random.randint(1, 12):02}-{random.randint(1, 28):02}"


def _misdated(random: Random, born: str) -> str:
    year, month, day = born.split("-")
    if int(day) <= 12 and random.random() < 0.5:
        return f"{year}-{day}-{month}"
    return f"{year[:3]}{(int(year[3]) + 1) % 10}-{month}-{day}"


def _typo(random: Random, text: str) -> str:
    """One letter left out, doubled, changed, or in its neighbour's place."""
    if len(text) < 3:
        return text
    place = random.randrange(1, len(text) - 1)
    kind = random.randrange(4)
    if kind == 0:
        return text[:place] + text[place + 1 :]
    if kind == 1:
        return text[:place] + text[place] + text[place:]
    if kind == 2:
        return text[:place] + random.choice("aeinrst") + text[place + 1 :]
    return text[: place - 1] + text[place] + text[place - 1] + text[place + 1 :]


_MARKS = str.maketrans("äöüÄÖÜéèêëíìóòúùáàçñłŁżźśńęąğşıİ", "aouAOUeeeeiioouuaacnlLzzsneagsiI")


def _plain(text: str) -> str:
    """As somebody writes it whose keyboard lacks the letters: umlauts with an e, other marks left out, Cyrillic in Latin letters."""
    text = text.replace("ä", "ae").replace("ö", "oe").replace("ü", "ue").replace("ß", "ss")
    spelt = "".join(_LATIN.get(one.lower(), one).replace("_", "") for one in text)
    return spelt.translate(_MARKS).title() if spelt != text else text.translate(_MARKS)


def _ascii(text: str) -> str:
    return "".join(one for one in _plain(text).lower() if one.isascii() and one.isalnum())


def card(one: Person, uid: str) -> bytes:
    """The person as a vCard 3.0."""
    full = " ".join(part for part in (one.given, one.family, one.suffix) if part)
    lines = ["BEGIN:VCARD", "VERSION:3.0", f"UID:{uid}"]
    if one.company:
        lines += [f"FN:{one.organisation}"]
    elif one.order == ",":
        lines += [f"FN:{one.family}\\, {one.given}"]
    elif one.order == "FN":
        lines += [f"FN:{full}"]
    else:
        lines += [f"FN:{full}", f"N:{one.family};{one.given};;;{one.suffix}"]
    lines += [f"EMAIL:{each}" for each in one.emails] + [f"TEL:{each}" for each in one.phones]
    lines += [f"BDAY:{one.born}"] * bool(one.born) + [f"ORG:{one.organisation}"] * bool(one.organisation)
    if one.street:
        lines.append(f"ADR:;;{one.street};{one.town};;{one.postcode};")
    return "\r\n".join([*lines, "END:VCARD", ""]).encode()
