"""What people call a field."""

from __future__ import annotations

from trueup.model.fields import FieldKey

_NAMES = {
    "FN": "name", "N": "parts of the name", "BDAY": "birthday", "ANNIVERSARY": "anniversary", "DEATHDATE": "date of death", "NOTE": "note",
    "TITLE": "job title", "ROLE": "role", "ORG": "organisation", "PHOTO": "photo", "LOGO": "logo", "KEY": "key", "SOUND": "sound",
    "GEO": "coordinates", "TZ": "time zone", "KIND": "kind of contact", "GENDER": "gender", "CLASS": "privacy", "LANG": "language",
    "SORT-STRING": "sorted as", "AGENT": "assistant's card", "X-ABSHOWAS": "shown as", "LABEL": "address label",
    "X-PHONETIC-FIRST-NAME": "first name as spoken", "X-PHONETIC-LAST-NAME": "last name as spoken",
}  # fmt: skip
_LISTS = {
    "EMAIL": "e-mail", "TEL": "phone", "URL": "link", "IMPP": "messenger", "CATEGORIES": "category", "NICKNAME": "nickname",
    "MEMBER": "member", "RELATED": "related person", "X-ABRELATEDNAMES": "related person", "X-ABDATE": "date", "X-SOCIALPROFILE": "profile",
}  # fmt: skip


def label(key: FieldKey) -> str:
    """The field's name for people: "phone +49301234", "birthday", "property X-FOO"."""
    name, member = key.name, key.member
    if not name:
        return "the whole contact"
    if name in _LISTS:
        return f"{_LISTS[name]} {member}"
    if name == "ADR":
        return f"address {', '.join(one for one in member.split(';') if one.strip())}"
    return _NAMES.get(name) or f"property {name}"
