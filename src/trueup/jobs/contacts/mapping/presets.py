"""Mappings of well-known exports, by the names of their columns. What a table has not of them is left out.

Google: "Export contacts" of contacts.google.com, as Google CSV (its columns since 2024; "Labels" is parted by " ::: ").
Outlook: "Export to a file" as comma-separated values, in English and in German. Thunderbird: "Export" of an address book as CSV, in English and
in German. Apple's Contacts and iCloud export vCards alone, which the connector vcf reads.
"""

from __future__ import annotations

Preset = dict[str, object]


def _numbered(kind: str, count: int) -> list[object]:
    return [
        {"column": f"{kind} {number} - Value", "type_column": f"{kind} {number} - Label", "separator": ":::"}
        for number in range(1, count + 1)
    ]


def _google_address(number: int) -> Preset:
    words = {
        "street": "Street",
        "city": "City",
        "code": "Postal Code",
        "region": "Region",
        "country": "Country",
        "box": "PO Box",
        "extended": "Extended Address",
    }
    parts: Preset = {key: f"Address {number} - {word}" for key, word in words.items()}
    return {**parts, "type_column": f"Address {number} - Label"}


GENERIC: Preset = {"name": "name", "email": "email", "phone": "phone"}

GOOGLE: Preset = {
    "first": "First Name",
    "middle": "Middle Name",
    "last": "Last Name",
    "prefix": "Name Prefix",
    "suffix": "Name Suffix",
    "nickname": "Nickname",
    "organisation": "Organization Name",
    "department": "Organization Department",
    "title": "Organization Title",
    "birthday": "Birthday",
    "note": "Notes",
    "photo": {"column": "Photo", "as": "url"},
    "categories": {"column": "Labels", "separator": " ::: "},
    "email": _numbered("E-mail", 4),
    "phone": _numbered("Phone", 5),
    "address": [_google_address(number) for number in range(1, 4)],
    "url": _numbered("Website", 3),
}

OUTLOOK: Preset = {
    "prefix": "Title",
    "first": "First Name",
    "middle": "Middle Name",
    "last": "Last Name",
    "suffix": "Suffix",
    "organisation": "Company",
    "department": "Department",
    "title": "Job Title",
    "email": ["E-mail Address", "E-mail 2 Address", "E-mail 3 Address"],
    "phone": [
        {"column": "Mobile Phone", "type": "cell"},
        {"column": "Business Phone", "type": "work"},
        {"column": "Business Phone 2", "type": "work"},
        {"column": "Home Phone", "type": "home"},
        {"column": "Home Phone 2", "type": "home"},
        {"column": "Business Fax", "type": ["fax", "work"]},
        {"column": "Home Fax", "type": ["fax", "home"]},
        {"column": "Pager", "type": "pager"},
        {"column": "Other Phone"},
    ],
    "address": [
        {
            "street": f"{kind} Street",
            "city": f"{kind} City",
            "region": f"{kind} State",
            "code": f"{kind} Postal Code",
            "country": f"{kind} Country/Region",
            "type": word,
        }
        for kind, word in (("Business", ["work"]), ("Home", ["home"]), ("Other", []))
    ],
    "url": "Web Page",
    "birthday": {"column": "Birthday", "format": "%m/%d/%Y"},
    "anniversary": {"column": "Anniversary", "format": "%m/%d/%Y"},
    "note": "Notes",
    "categories": {"column": "Categories", "separator": ";"},
}

OUTLOOK_DE: Preset = {
    "prefix": "Anrede",
    "first": "Vorname",
    "middle": "Weitere Vornamen",
    "last": "Nachname",
    "suffix": "Suffix",
    "organisation": "Firma",
    "department": "Abteilung",
    "title": "Position",
    "email": ["E-Mail-Adresse", "E-Mail 2: Adresse", "E-Mail 3: Adresse"],
    "phone": [
        {"column": "Mobiltelefon", "type": "cell"},
        {"column": "Telefon geschäftlich", "type": "work"},
        {"column": "Telefon geschäftlich 2", "type": "work"},
        {"column": "Telefon (privat)", "type": "home"},
        {"column": "Telefon (privat 2)", "type": "home"},
        {"column": "Fax geschäftlich", "type": ["fax", "work"]},
        {"column": "Fax privat", "type": ["fax", "home"]},
        {"column": "Pager", "type": "pager"},
        {"column": "Weiteres Telefon"},
    ],
    "address": [
        {
            "street": f"Straße {kind}",
            "city": f"Ort {kind}",
            "region": f"Region {kind}" if kind == "geschäftlich" else f"Bundesland/Kanton {kind}",
            "code": f"Postleitzahl {kind}",
            "country": f"Land/Region {kind}",
            "type": word,
        }
        for kind, word in (("geschäftlich", ["work"]), ("privat", ["home"]))
    ],
    "url": "Webseite",
    "birthday": {"column": "Geburtstag", "format": "%d.%m.%Y"},
    "anniversary": {"column": "Jahrestag", "format": "%d.%m.%Y"},
    "note": "Notizen",
    "categories": {"column": "Kategorien", "separator": ";"},
}

THUNDERBIRD: Preset = {
    "name": "Display Name",
    "first": "First Name",
    "last": "Last Name",
    "nickname": "Nickname",
    "email": ["Primary Email", "Secondary Email"],
    "phone": [
        {"column": "Mobile Number", "type": "cell"},
        {"column": "Work Phone", "type": "work"},
        {"column": "Home Phone", "type": "home"},
        {"column": "Fax Number", "type": "fax"},
        {"column": "Pager Number", "type": "pager"},
    ],
    "address": [
        {
            "street": f"{kind} Address",
            "extended": f"{kind} Address 2",
            "city": f"{kind} City",
            "region": f"{kind} State",
            "code": f"{kind} ZipCode",
            "country": f"{kind} Country",
            "type": kind.lower(),
        }
        for kind in ("Home", "Work")
    ],
    "title": "Job Title",
    "department": "Department",
    "organisation": "Organization",
    "url": [{"column": "Web Page 1", "type": "work"}, {"column": "Web Page 2", "type": "home"}],
    "birthday": {"column": ["Birth Year", "Birth Month", "Birth Day"], "separator": "-", "format": "%Y-%m-%d"},
    "note": "Notes",
}

THUNDERBIRD_DE: Preset = {
    "name": "Anzeigename",
    "first": "Vorname",
    "last": "Nachname",
    "nickname": "Spitzname",
    "email": ["Primäre E-Mail-Adresse", "Sekundäre E-Mail-Adresse"],
    "phone": [
        {"column": "Mobil-Tel.-Nr.", "type": "cell"},
        {"column": "Tel. dienstlich", "type": "work"},
        {"column": "Tel. privat", "type": "home"},
        {"column": "Fax-Nummer", "type": "fax"},
        {"column": "Pager-Nummer", "type": "pager"},
    ],
    "address": [
        {
            "street": f"{kind}: Adresse",
            "extended": f"{kind}: Adresse 2",
            "city": f"{kind}: Ort",
            "region": f"{kind}: Bundesland",
            "code": f"{kind}: PLZ",
            "country": f"{kind}: Land",
            "type": word,
        }
        for kind, word in (("Privat", "home"), ("Dienstlich", "work"))
    ],
    "title": "Arbeitstitel",
    "department": "Abteilung",
    "organisation": "Organisation",
    "url": [{"column": "Webseite 1", "type": "work"}, {"column": "Webseite 2", "type": "home"}],
    "birthday": {"column": ["Geburtsjahr", "Geburtsmonat", "Geburtstag"], "separator": "-", "format": "%Y-%m-%d"},
    "note": "Notizen",
}

PRESETS: dict[str, Preset] = {
    "generic": GENERIC,
    "google": GOOGLE,
    "outlook": OUTLOOK,
    "outlook-de": OUTLOOK_DE,
    "thunderbird": THUNDERBIRD,
    "thunderbird-de": THUNDERBIRD_DE,
}
