"""What each property is: which are rewritten by servers, which are lists, how versions write it (RFC 2426, 6350, 6474, 6715, 9554; programs)."""

from __future__ import annotations

# Bookkeeping that servers and programs rewrite without anybody's wish; UID is the contact's identity.
IGNORED = frozenset({
    "BEGIN", "END", "VERSION", "UID", "REV", "PRODID", "CREATED", "CLIENTPIDMAP", "PROFILE", "MAILER",
    "X-ABUID", "X-ABLABEL", "X-ABADR", "X-RADICALE-NAME", "X-IMAGETYPE", "X-IMAGEHASH", "X-EVOLUTION-WEBDAV-ETAG", "X-EVOLUTION-CALDAV-ETAG",
    "X-ABSHOWAS-DEFAULT", "X-COUCHDB-REV", "X-LIC-ERROR",
})  # fmt: skip

LABEL = "X-ABLABEL"
ATTACHED = frozenset({LABEL, "X-ABADR"})
"""Lines that say something of another line of their group (Apple)."""

LABELLED = frozenset({"X-ABDATE", "X-ABRELATEDNAMES"})
"""Apple's properties that are what their label says; see `labelled`."""

# What 3.0 has no name for, as programs write it there, and the name that 4.0 gave it.
CANONICAL = {
    "X-ADDRESSBOOKSERVER-KIND": "KIND",
    "X-ADDRESSBOOKSERVER-MEMBER": "MEMBER",
    "X-ANNIVERSARY": "ANNIVERSARY",
    "X-EVOLUTION-ANNIVERSARY": "ANNIVERSARY",
    "X-KADDRESSBOOK-X-ANNIVERSARY": "ANNIVERSARY",
}
IN_3 = {"KIND": "X-ADDRESSBOOKSERVER-KIND", "MEMBER": "X-ADDRESSBOOKSERVER-MEMBER", "ANNIVERSARY": "X-ANNIVERSARY"}

COMMA_LISTS = frozenset({"CATEGORIES", "NICKNAME"})
LINE_LISTS = frozenset({"EMAIL", "TEL", "ADR", "URL", "IMPP", "MEMBER", "RELATED", "X-SOCIALPROFILE"})
STRUCTURED = {"N": 5, "ORG": 1, "ADR": 7, "GENDER": 2}
NAMED = frozenset({"MEMBER", "RELATED"})
"""Those whose values may be other contacts' UIDs."""
DATES = frozenset({"BDAY", "ANNIVERSARY", "DEATHDATE"})
BINARY = frozenset({"PHOTO", "LOGO", "KEY", "SOUND"})
URIS = frozenset({
    "URL", "IMPP", "MEMBER", "RELATED", "X-SOCIALPROFILE", "SOURCE", "FBURL", "CALURI", "CALADRURI", "ORG-DIRECTORY",
})  # fmt: skip

# Types that say what would hold without them (RFC 2426 sections 3.2.1, 3.3.1, 3.3.2; RFC 6350 section 6.4.1).
TYPE_DEFAULTS = {
    "TEL": frozenset({"voice"}),
    "EMAIL": frozenset({"internet", "x-internet"}),
    "ADR": frozenset({"intl", "postal", "parcel"}),
}
TYPE_WORDS = {"mobile": "cell", "jpg": "jpeg"}

PLACES = frozenset({"home", "work"})

DEFAULTS = {"KIND": "individual", "CLASS": "public"}

PARAMS_IGNORED = frozenset({
    "PID", "PROP-ID", "CHARSET", "X-ABCROP-RECTANGLE", "X-APPLE-OMIT-YEAR", "X-EVOLUTION-UI-SLOT", "X-EVOLUTION-E164", "X-COUCHDB-UUID",
    "MEDIATYPE", "CALSCALE", "X-ABREMOTEHASH",
})  # fmt: skip

SEEN = frozenset({
    "X-SOCIALPROFILE", "X-SKYPE", "X-SKYPE-USERNAME", "X-JABBER", "X-AIM", "X-ICQ", "X-MSN", "X-YAHOO", "X-QQ", "X-GADUGADU", "X-GROUPWISE",
    "X-GOOGLE-TALK", "X-GTALK", "X-TWITTER", "X-SIP", "X-MATRIX", "X-SIGNAL", "X-TELEGRAM", "X-WHATSAPP", "X-ABDATE", "X-ABRELATEDNAMES",
    "X-PHONETIC-FIRST-NAME", "X-PHONETIC-LAST-NAME", "X-PHONETIC-MIDDLE-NAME", "X-PHONETIC-ORG", "X-MAIDENNAME", "X-SPOUSE", "X-MANAGER",
    "X-ASSISTANT", "X-GENDER", "X-ABSHOWAS", "X-CUSTOM1", "X-CUSTOM2", "X-CUSTOM3", "X-CUSTOM4",
})  # fmt: skip
"""Vendors' properties that programs show, so that who removes one means it."""

GROUPS = {
    "name": frozenset(
        {
            "FN",
            "N",
            "NICKNAME",
            "SORT-STRING",
            "X-PHONETIC-FIRST-NAME",
            "X-PHONETIC-LAST-NAME",
            "X-PHONETIC-MIDDLE-NAME",
        }
    ),
    "email": frozenset({"EMAIL"}),
    "phone": frozenset({"TEL"}),
    "address": frozenset({"ADR", "LABEL"}),
    "photo": frozenset({"PHOTO"}),
    "organisation": frozenset({"ORG", "TITLE", "ROLE", "LOGO", "X-PHONETIC-ORG"}),
    "categories": frozenset({"CATEGORIES"}),
    "notes": frozenset({"NOTE"}),
    "birthday": frozenset({"BDAY"}),
    "anniversary": frozenset({"ANNIVERSARY"}),
    "url": frozenset({"URL"}),
    "messaging": frozenset({"IMPP", "X-SOCIALPROFILE"}),
    "members": frozenset({"MEMBER"}),
}
"""What people call fields, in `truth` and `blanks`."""
