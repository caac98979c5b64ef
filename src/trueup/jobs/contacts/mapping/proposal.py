"""A mapping proposed from the names of a table's columns: a preset where they are those of a well-known export, else by likely words in English
and German. A person looks at it before it is used."""

from __future__ import annotations

import re
from collections.abc import Mapping as Given
from collections.abc import Sequence

from trueup.jobs.contacts.mapping.presets import PRESETS
from trueup.jobs.contacts.mapping.spec import Mapping

_KNOWN = 0.6
"""Of a preset's columns so many, and of the table's, are enough to take the table for such an export."""
_KEYS = (
    "id",
    "uid",
    "key",
    "nr",
    "no",
    "number",
    "nummer",
    "kundennummer",
    "kundennr",
    "customerno",
    "customernumber",
    "customerid",
    "kontaktid",
)
# Words are compared in lower case, without anything but letters and digits. What holds them all is longer than what holds some.
_SINGLE: dict[str, tuple[str, ...]] = {
    "name": ("name", "fullname", "displayname", "vollername", "anzeigename", "kontakt", "contact", "ansprechpartner"),
    "first": ("first", "firstname", "givenname", "vorname", "forename"),
    "last": ("last", "lastname", "surname", "familyname", "nachname", "familienname", "zuname"),
    "middle": ("middlename", "middle", "zweitervorname", "weiterevornamen"),
    "prefix": ("prefix", "salutation", "anrede", "namensprefix", "akademischertitel", "nameprefix"),
    "suffix": ("suffix", "namesuffix", "namenszusatz"),
    "nickname": ("nickname", "spitzname"),
    "organisation": ("company", "companyname", "organisation", "organization", "firma", "firmenname", "unternehmen"),
    "department": ("department", "abteilung"),
    "title": ("jobtitle", "position", "title", "titel", "funktion"),
    "role": ("role", "rolle", "beruf"),
    "note": (
        "note",
        "notes",
        "comment",
        "comments",
        "remark",
        "remarks",
        "notiz",
        "notizen",
        "bemerkung",
        "bemerkungen",
        "kommentar",
    ),
    "categories": (
        "categories",
        "category",
        "groups",
        "group",
        "tags",
        "labels",
        "kategorie",
        "kategorien",
        "gruppe",
        "gruppen",
    ),
    "birthday": ("birthday", "birthdate", "dateofbirth", "dob", "born", "geburtstag", "geburtsdatum", "gebdatum"),
    "anniversary": ("anniversary", "jahrestag", "hochzeitstag"),
    "photo": ("photo", "picture", "image", "foto", "bild"),
    "updated": (
        "updatedat",
        "updated",
        "modified",
        "modifiedat",
        "lastmodified",
        "changed",
        "geaendertam",
        "geändertam",
        "geändert",
    ),
}
_ADDRESS: dict[str, tuple[str, ...]] = {
    "street": (
        "street",
        "address",
        "address1",
        "addressline1",
        "straße",
        "strasse",
        "anschrift",
        "adresse",
        "streetaddress",
    ),
    "extended": ("address2", "addressline2", "adresszusatz"),
    "city": ("city", "town", "ort", "stadt", "wohnort"),
    "code": ("zip", "zipcode", "postcode", "postalcode", "plz", "postleitzahl"),
    "region": ("state", "region", "province", "county", "bundesland", "kanton"),
    "country": ("country", "land", "staat", "countryregion"),
    "box": ("pobox", "postfach"),
}
_EMAIL = re.compile(r"e?mail(?:adresse|address)?")
_PHONE = re.compile(r"phone|telephone|telefon|tel|mobile?|handy|cell|fax|telefax|pager|rufnummer")
_URL = ("website", "web", "url", "homepage", "webseite", "webpage", "internet")
_TYPES = {
    "work": ("work", "business", "office", "dienstlich", "geschäftlich", "geschaeftlich", "arbeit", "firma", "company"),
    "home": ("home", "private", "privat", "personal", "zuhause"),
    "cell": ("mobile", "mobil", "handy", "cell", "mobilnummer", "mobiltelefon", "mobilephone", "cellphone"),
    "fax": ("fax", "telefax"),
    "pager": ("pager",),
}


def propose(columns: Sequence[str]) -> dict[str, object]:
    """A mapping for a table with these columns, as it is written in the configuration; {} where none of them says what it is."""
    preset = _preset(columns)
    if preset:
        return {"preset": preset}
    words = {column: _word(column) for column in columns}
    made: dict[str, object] = {}
    for key, likely in _SINGLE.items():
        column = next((one for one in columns if words[one] in likely), None)
        if column is not None:
            made[key] = column
    left = [one for one in columns if one not in made.values()]
    for key, found in (("email", _emails(left)), ("phone", _phones(left))):
        if found:
            made[key] = found[0] if len(found) == 1 else found
    address = _address(left, words)
    if address:
        made["address"] = address
    url = next((one for one in left if words[one] in _URL), None)
    if url is not None:
        made["url"] = url
    if "name" in made and "first" in made and "last" not in made and words[str(made["name"])] == "name":
        made["last"] = made.pop("name")  # with a first name beside it, "name" is the family's
    return made


def propose_key(columns: Sequence[str]) -> str:
    """The column that most likely names a row for ever; "" where none looks like it."""
    words = {column: _word(column) for column in columns}
    for likely in _KEYS:
        column = next((one for one in columns if words[one] == likely), None)
        if column is not None:
            return column
    return next((one for one in columns if words[one].endswith("id") and len(words[one]) > 2), "")


def covered(mapping: Mapping, columns: Sequence[str]) -> tuple[dict[str, list[str]], list[str], list[str]]:
    """What a mapping makes of a table.

    Returns:
        The properties with the columns that hold them; columns that it does not name; columns that it names and the table has not.
    """
    named: dict[str, list[str]] = {}
    for column, name in mapping.columns():
        if column in columns:
            named.setdefault(name, []).append(column)
    known = {column for listed in named.values() for column in listed}
    missing = [column for column, _ in mapping.columns() if column not in columns and column not in mapping.optional]
    return named, [one for one in columns if one not in known], missing


def _preset(columns: Sequence[str]) -> str:
    have, best, score = set(columns), "", 0.0
    for name, preset in PRESETS.items():
        wanted = {column for column, _ in Mapping.from_options(preset).columns()}
        shared = len(wanted & have)
        share = shared / min(len(wanted), max(1, len(have)))
        if shared >= 3 and share >= _KNOWN and share * shared > score:
            best, score = name, share * shared
    return best


def _word(column: str) -> str:
    return re.sub(r"[\W_]+", "", column.casefold())


def _types(column: str) -> list[str]:
    said = re.sub(r"[\W_]+", " ", column.casefold()).split()
    joined = _word(column)
    return [
        name for name, words in _TYPES.items() if any(one in said or (len(one) > 3 and one in joined) for one in words)
    ]


def _typed(column: str) -> object:
    types = _types(column)
    if "fax" in types or "cell" in types:
        types = [one for one in types if one in ("fax", "cell", "work", "home")]
    return {"column": column, "type": types if len(types) > 1 else types[0]} if types else column


def _emails(columns: Sequence[str]) -> list[object]:
    return [
        _typed(one)
        for one in columns
        if _EMAIL.search(_word(one)) and not _word(one).endswith(("label", "type", "typ"))
    ]


def _phones(columns: Sequence[str]) -> list[object]:
    found = []
    for one in columns:
        parts = re.sub(r"[\W_]+", " ", one.casefold()).split()
        word = _word(one)
        dialled = any(_PHONE.fullmatch(part) for part in parts) or re.search(r"phone|telefon|mobil|telefax", word)
        if dialled and not word.endswith(("label", "type", "typ")) and "mail" not in word:
            found.append(_typed(one))
    return found


def _address(columns: Sequence[str], words: Given[str, str]) -> dict[str, object]:
    parts: dict[str, object] = {}
    for key, likely in _ADDRESS.items():
        column = next((one for one in columns if words[one] in likely), None)
        if column is not None:
            parts[key] = column
    return parts if "street" in parts or "city" in parts or "code" in parts else {}
