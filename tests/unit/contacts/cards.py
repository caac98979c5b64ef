"""Cards as vendors write them, after their documented forms and what their programs export; and random ones."""

from __future__ import annotations

import re

from hypothesis import strategies as st

APPLE = """BEGIN:VCARD
VERSION:3.0
PRODID:-//Apple Inc.//iPhone OS 17.5//EN
N:Berg;Anna;Maria;Dr.;
FN:Dr. Anna Maria Berg
X-PHONETIC-FIRST-NAME:Ah-na
ORG:Acme GmbH;
item1.EMAIL;type=INTERNET;type=pref:anna@example.org
item1.X-ABLabel:_$!<Other>!$_
EMAIL;type=INTERNET;type=WORK:anna.berg@example.com
TEL;type=CELL;type=VOICE;type=pref:+49 (171) 123-4567
TEL;type=IPHONE;type=CELL;type=VOICE:+49 171 7654321
item2.ADR;type=HOME;type=pref:;;Hauptstraße 1\\nHinterhaus;Berlin;;10115;Germany
item2.X-ABADR:de
item3.URL;type=pref:http\\://www.example.org
item3.X-ABLabel:_$!<HomePage>!$_
BDAY;X-APPLE-OMIT-YEAR=1604:1604-03-09
item4.X-ABDATE;type=pref:2010-06-12
item4.X-ABLabel:_$!<Anniversary>!$_
item5.X-ABRELATEDNAMES;type=pref:Ben
item5.X-ABLabel:_$!<Spouse>!$_
X-SOCIALPROFILE;type=twitter;x-user=annab:http://twitter.com/annab
IMPP;X-SERVICE-TYPE=Jabber;type=HOME;type=pref:xmpp:anna@example.org
PHOTO;ENCODING=b;TYPE=JPEG;X-ABCROP-RECTANGLE=ABClipRect_1&0&0&10&10&abc:/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgICAgMCAgIDAwMDBAYEBAQEBAgGBgUGCQgK
 CgkICQkKDA8MCgsOCwkJDRENDg8QEBEQCgwSExIQEw8QEBD/wAALCAABAAEBAREA/8QAFAABAAAA
 AAAAAAAAAAAAAAAACf/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AVN//2Q==
NOTE:Met at the fair\\, twice\\nLikes; semicolons
CATEGORIES:Friends,Work
X-ABUID:0A1B2C3D-0000-0000-0000-000000000000\\:ABPerson
UID:0A1B2C3D-4E5F-6789-ABCD-EF0123456789
REV:2024-05-01T10:20:30Z
END:VCARD
"""

GOOGLE = """BEGIN:VCARD
VERSION:3.0
FN:Anna Berg
N:Berg;Anna;;;
NICKNAME:Anni
EMAIL;TYPE=INTERNET;TYPE=HOME:anna@example.org
item1.EMAIL;TYPE=INTERNET:anna@club.example
item1.X-ABLabel:Club
TEL;TYPE=CELL:+491711234567
item2.TEL:030 1234
item2.X-ABLabel:Holiday flat
ADR;TYPE=HOME:;;Hauptstraße 1;Berlin;;10115;Germany;Hauptstraße 1\\n10115 Berlin\\nGermany
BDAY:19800309
item3.URL:http\\://www.google.com/profiles/1
item3.X-ABLabel:PROFILE
PHOTO:https://lh3.googleusercontent.com/contacts/photo
CATEGORIES:myContacts,starred
NOTE:From Google
END:VCARD
"""

OUTLOOK = """BEGIN:VCARD
VERSION:2.1
X-MS-OL-DEFAULT-POSTAL-ADDRESS:2
N;LANGUAGE=de;CHARSET=Windows-1252:M\xfcller;Bj\xf6rn
FN;CHARSET=Windows-1252:Bj\xf6rn M\xfcller
ORG:Acme;Sales
TITLE:Head
TEL;WORK;VOICE:(030) 1234-0
TEL;CELL;VOICE:0171 / 123 45 67
ADR;WORK;PREF;ENCODING=QUOTED-PRINTABLE:;;Hauptstr. 1=0D=0A=
Hof;Berlin;;10115;Deutschland
LABEL;WORK;PREF;ENCODING=QUOTED-PRINTABLE:Hauptstr. 1=0D=0A=
10115 Berlin
X-MS-OL-DESIGN;CHARSET=utf-8:<card xmlns="http://schemas.microsoft.com/office/outlook/12/electronicbusinesscards"><img/></card>
EMAIL;PREF;INTERNET:bjoern@example.com
PHOTO;TYPE=JPEG;ENCODING=BASE64:
 /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgICAgMCAgIDAwMDBAYEBAQEBAgGBgUGCQgK
 CgkICQkKDA8MCgsOCwkJDRENDg8QEBEQCgwSExIQEw8QEBD/2Q==

REV:20240501T102030Z
END:VCARD
"""

ANDROID = """BEGIN:VCARD
VERSION:2.1
N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=4D=C3=BC=6C=6C=65=72;=42=6A=C3=B6=72=6E;;;
FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=42=6A=C3=B6=72=6E=20=4D=C3=BC=6C=
=6C=65=72
TEL;CELL;PREF:0171-1234567
TEL;X-Ferien:0301234
EMAIL;HOME:bjoern@example.com
X-ANDROID-CUSTOM:vnd.android.cursor.item/nickname;Bj;1;;;;;;;;;;;;;
PHOTO;ENCODING=BASE64;JPEG:/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgICAgMCAgIDAwMD
 BAYEBAQEBAgGBgUGCQgKCgkICQkKDA8MCgsOCwkJDRENDg8QEBEQ/9k=

END:VCARD
"""

NEXTCLOUD = """BEGIN:VCARD
VERSION:4.0
PRODID:-//Nextcloud Contacts v5.5.3
UID:urn:uuid:0a1b2c3d-4e5f-6789-abcd-ef0123456789
FN:Anna Berg
N:Berg;Anna;;;
EMAIL;TYPE=HOME:anna@example.org
TEL;TYPE="CELL,VOICE":+49 171 1234567
ADR;TYPE=HOME:;;Hauptstraße 1;Berlin;;10115;Germany
BDAY;VALUE=DATE:19800309
ANNIVERSARY:20100612
PHOTO:data:image/jpeg;base64,/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgICAgMCAgIDAwMDBAYEBAQEBAgGBgUGCQgKCgkICQkKDA8MCgsOCwkJDRENDg8QEBEQ/9k=
RELATED;TYPE=spouse;VALUE=text:Ben
GENDER:F
CATEGORIES:Friends
X-SOCIALPROFILE;TYPE=TWITTER:annab
REV;VALUE=DATE-AND-OR-TIME:20240501T102030Z
END:VCARD
"""

THUNDERBIRD = """BEGIN:VCARD
VERSION:4.0
N:Berg;Anna;;;
FN:Anna Berg
EMAIL;PREF=1:anna@example.org
TEL;TYPE=cell;VALUE=TEXT:+49 171 1234567
URL;TYPE=work;VALUE=URL:https://www.example.org
BDAY;VALUE=DATE:--0309
TZ;VALUE=TEXT:Europe/Berlin
X-CUSTOM1;VALUE=TEXT:blue
UID:5f2a-thunder
END:VCARD
"""

NOKIA = """BEGIN:VCARD
VERSION:2.1
N:Berg;Anna
TEL;PREF;CELL;VOICE:+491711234567
TEL;HOME;VOICE:030
AGENT:
BEGIN:VCARD
VERSION:2.1
N:Ben
TEL:1
END:VCARD
END:VCARD
"""

EVOLUTION = """BEGIN:VCARD
VERSION:3.0
UID:pas-id-5F3A
FN:Frau Eva Olsen
N:Olsen;Eva;;Frau;
X-EVOLUTION-FILE-AS:Olsen\\, Eva
X-EVOLUTION-BLOG-URL:
X-EVOLUTION-ANNIVERSARY:2011-09-10
X-EVOLUTION-SPOUSE:Per
EMAIL;X-EVOLUTION-UI-SLOT=1;TYPE=HOME:eva@example.org
EMAIL;X-EVOLUTION-UI-SLOT=2;TYPE=WORK:eva.olsen@example.com
TEL;X-EVOLUTION-E164=1711234500,+49;TYPE=CELL;X-EVOLUTION-UI-SLOT=1:+49 171 1234500
X-JABBER;X-EVOLUTION-UI-SLOT=1;TYPE=HOME:eva@jabber.example
ADR;TYPE=HOME:;;Am Deich 1;Husum;;25813;Deutschland
LABEL;TYPE=HOME:Am Deich 1\\n25813 Husum\\nDeutschland
X-MOZILLA-HTML:FALSE
REV:2024-05-01T10:20:30Z(3)
END:VCARD
"""

KADDRESSBOOK = """BEGIN:VCARD
VERSION:4.0
PRODID:-//KADDRESSBOOK//EN
UID:Ab3dEf
FN:Karin Dahl
N:Dahl;Karin;;;
ANNIVERSARY:20090704
CATEGORIES:Chor,Verein
EMAIL;PREF=1;TYPE=work:karin@example.org
TEL;TYPE="cell,voice":tel:+49-40-12345
IMPP:xmpp:karin@jabber.example
NOTE:Zeile 1\\nZeile 2
X-KADDRESSBOOK-X-PROFESSION:Geigerin
X-KADDRESSBOOK-BLOGFEED:https://blog.example.org
X-KADDRESSBOOK-CRYPTOPROTOPREF:openpgp/mime
KEY:data:application/pgp-keys;base64,mQENBA==
REV:20240501T102030Z
END:VCARD
"""

EXCHANGE = """BEGIN:VCARD
PROFILE:VCARD
VERSION:3.0
MAILER:Microsoft Exchange
PRODID:Microsoft Exchange
UID:{040000008200E00074C5B7101A82E008}
FN:Xaver Exner
N:Exner;Xaver;;Dr.;
NICKNAME:
TEL;TYPE=WORK:+49 89 1000
TEL;TYPE=WORK:+49 89 1001
TEL;TYPE=FAX,WORK:+49 89 1002
ADR;TYPE=WORK,PREF:;4. Stock;Ring 4;München;BY;80331;Deutschland
LABEL;TYPE=WORK:4. Stock\\nRing 4
ORG:Exner GmbH;Einkauf;Team 2
EMAIL;TYPE=INTERNET,PREF:x.exner@example.com
CLASS:PUBLIC
X-MS-OL-DEFAULT-POSTAL-ADDRESS:2
REV;VALUE=DATE-TIME:2024-05-01T10:20:30,000Z
END:VCARD
"""

SONY_ERICSSON = """BEGIN:VCARD
VERSION:2.1
N;CHARSET=ISO-8859-1:S\xf8rensen;S\xf8ren
TITLE;CHARSET=ISO-8859-1:F\xf8rer
TEL;CELL:+4520123456
TEL;HOME:45123456
EMAIL;INTERNET;PREF:soren@example.dk
NOTE;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:Bor i =C5rhus=0D=0A=
anden linje
BDAY:19700230
X-IRMC-LUID:000200000102
PHOTO;ENCODING=BASE64;TYPE=JPEG:/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgICAgMCAgIDAwMDBAYEBAQEBAgGBgUGCQgKCgkICQkKDA8MCgsOCwkJDRENDg8QEBEQ/9k=
END:VCARD
"""

SAMSUNG = """BEGIN:VCARD
VERSION:2.1
N;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:=EA=B9=80;=EC=9D=B4=EB=A6=84;;;
FN;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:=EA=B9=80=EC=9D=B4=EB=A6=84
TEL;CELL;PREF:010-1234-5678
TEL;WORK;FAX:02-123-4567
EMAIL;WORK:kim@example.kr
X-SAMSUNGADR;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:=EC=84=9C=EC=9A=B8
ADR;HOME;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:;;=EC=84=B8=EC=A2=85=EB=8C=80=EB=A1=9C=20=
1;=EC=84=9C=EC=9A=B8;;03000;
X-ANDROID-CUSTOM;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:vnd.android.cursor.item/contact_event;2010-06-12;1;;;;;;;;;;;;;
BDAY:1980-03-09
END:VCARD
"""

GROUP = """BEGIN:VCARD
VERSION:3.0
UID:group-1
N:Board
FN:Board
X-ADDRESSBOOKSERVER-KIND:group
X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:0A1B2C3D-4E5F-6789-ABCD-EF0123456789
X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:11111111-4E5F-6789-ABCD-EF0123456789
END:VCARD
"""

VENDORS = {
    "apple": APPLE.replace("\n", "\r\n").encode(),
    "google": GOOGLE.replace("\n", "\r\n").encode(),
    "outlook": OUTLOOK.replace("\n", "\r\n").encode("cp1252"),
    "android": ANDROID.replace("\n", "\r\n").encode(),
    "nextcloud": NEXTCLOUD.replace("\n", "\r\n").encode(),
    "thunderbird": THUNDERBIRD.encode(),
    "nokia": NOKIA.replace("\n", "\r\n").encode(),
    "evolution": EVOLUTION.encode(),
    "kaddressbook": KADDRESSBOOK.replace("\n", "\r\n").encode(),
    "exchange": EXCHANGE.replace("\n", "\r\n").encode(),
    "sony-ericsson": SONY_ERICSSON.replace("\n", "\r\n").encode("latin-1"),
    "samsung": SAMSUNG.replace("\n", "\r\n").encode(),
    "group": GROUP.replace("\n", "\r\n").encode(),
}


def card(*lines: str, version: str = "3.0", uid: str = "1") -> bytes:
    """A small card with these lines."""
    return "".join(
        f"{one}\r\n" for one in ("BEGIN:VCARD", f"VERSION:{version}", f"UID:{uid}", *lines, "END:VCARD")
    ).encode()


# Random cards ---------------------------------------------------------------------------------------------------------

_LETTERS = st.text(st.sampled_from("abcXYZ 019äß漢\\;,:\"^=\n'+-._"), max_size=30)
_TEXT = _LETTERS.map(
    lambda said: said.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")
)
_WORD = st.sampled_from(["Anna", "Berg", "Müller", "a\\,b", "x\\;y", "", "z z"])
_TYPES_3 = st.sampled_from(
    ["", ";TYPE=HOME", ";TYPE=WORK", ";TYPE=HOME,PREF", ";TYPE=home;TYPE=pref", ";type=CELL;type=VOICE"]
)
_TYPES_4 = st.sampled_from(["", ";TYPE=home", ";TYPE=work", ";PREF=1", ";TYPE=home;PREF=2", ';TYPE="cell,voice"'])
_PHONES = st.sampled_from(["+49 30 1", "030 1", "+49 (0)30-1", "110", "0800 FLOWERS", "+1 555 1 ext. 7", ""])
_EMAILS = st.sampled_from(["a@example.org", "A@Example.ORG", "b@example.org", "c", ""])
_PHOTO = st.sampled_from(["/9j/4AAQSkZJRg==", "iVBORw0KGgo=", "R0lGODlh"])
_DATES_3 = st.sampled_from(["1980-01-02", "19800102", "1980-01-02T00:00:00Z", "1980-01-02T10:11:12Z"])
_DATES_4 = st.sampled_from(["19800102", "--0102", "1980", "1980-01", "19800102T101112Z"])
_PREFERRED = st.sampled_from(["", ";type=pref", ";X-APPLE-OMIT-YEAR=1604"])
_MONEY = st.sampled_from(["X-FOO", "X-BAR;X-P=1", "HOBBY", "NOTE;LANGUAGE=de"])


def _lines(version: str) -> st.SearchStrategy[list[str]]:
    types = _TYPES_3 if version == "3.0" else _TYPES_4
    value = {
        "3.0": st.one_of(
            st.builds("BDAY:{}".format, _DATES_3),
            st.just("BDAY;X-APPLE-OMIT-YEAR=1604:1604-01-02"),
            st.builds("PHOTO;ENCODING=b;TYPE=JPEG:{}".format, _PHOTO),
            st.just("PHOTO;VALUE=uri:https://example.org/a.jpg"),
            st.just("GEO:52.5;13.25"),
            st.just("X-ADDRESSBOOKSERVER-KIND:group"),
            st.builds("{}:{}".format, st.sampled_from(["X-ANNIVERSARY", "X-EVOLUTION-ANNIVERSARY"]), _DATES_3),
            st.builds("item{}.X-ABDATE{}:{}".format, st.integers(1, 3), _PREFERRED, _DATES_3),
            st.builds("item{}.X-ABRELATEDNAMES{}:{}".format, st.integers(1, 3), _PREFERRED, _WORD),
        ),
        "4.0": st.one_of(
            st.builds("BDAY:{}".format, _DATES_4),
            st.builds("ANNIVERSARY:{}".format, _DATES_4),
            st.just("BDAY;VALUE=text:about 1800"),
            st.builds("PHOTO:data:image/jpeg;base64,{}".format, _PHOTO),
            st.just("PHOTO:https://example.org/a.jpg"),
            st.just("GEO:geo:52.5,13.25"),
            st.just("KIND:group"),
            st.just('ADR;TYPE=home;LABEL="Hauptstr. 1^nBerlin":;;Hauptstr. 1;Berlin;;;'),
            st.just("TEL;VALUE=uri;TYPE=work:tel:+49-30-1"),
            st.builds("RELATED;TYPE={};VALUE=text:{}".format, st.sampled_from(["spouse", "child", "kin"]), _WORD),
        ),
    }[version]
    return st.lists(
        st.one_of(
            value,
            st.builds("FN:{}".format, _TEXT),
            st.builds("N:{};{};;;".format, _WORD, _WORD),
            st.builds("TEL{}:{}".format, types, _PHONES),
            st.builds("EMAIL{}:{}".format, types, _EMAILS),
            st.builds("item{}.TEL{}:{}".format, st.integers(1, 2), types, _PHONES),
            st.builds(
                "item{}.X-ABLabel:{}".format,
                st.integers(1, 3),
                st.sampled_from(["Flat", "_$!<Home>!$_", "a\\, b", "_$!<Anniversary>!$_", "_$!<Spouse>!$_"]),
            ),
            st.builds("ADR{}:;;{};{};;;".format, types, _WORD, _WORD),
            st.builds("{}:{}".format, _MONEY, _TEXT),
            st.builds("CATEGORIES:{},{}".format, _WORD, _WORD),
            st.builds("NICKNAME:{}".format, _WORD),
            st.builds("ORG:{};{}".format, _WORD, _WORD),
            st.builds("URL{}:{}".format, types, st.sampled_from(["http://Example.org", "http\\://example.org/a", "x"])),
            st.builds("IMPP{}:{}".format, types, st.sampled_from(["xmpp:a@b", "SIP:c"])),
        ),
        max_size=12,
    )


def random_cards(version: str) -> st.SearchStrategy[bytes]:
    """Cards of a version with what is written there in practice, and with odd things."""
    return _lines(version).map(lambda lines: card(*lines, version=version))


def _quoted(said: str) -> str:
    """Quoted-printable with soft line breaks (RFC 2045 section 6.7), as phones write it."""
    coded = "".join(f"={one:02X}" if one in b"=;" or not 32 < one < 127 else chr(one) for one in said.encode())
    return "=\r\n".join(re.findall(r"(?:=[0-9A-F]{2}|[^=]){1,20}", coded)) or ""


_OLD_TEXT = st.text(st.sampled_from("abcXYZ 019äß漢:,'+-._"), max_size=30)
_OLD_TYPES = st.sampled_from(["", ";HOME", ";WORK;VOICE", ";CELL;PREF", ";X-Ferien", ";TYPE=HOME"])
_OLD_CODING = st.sampled_from([";CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE", ";ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8"])
OLD = st.lists(
    st.one_of(
        st.builds("N;CHARSET=UTF-8:{};{}".format, _OLD_TEXT, _OLD_TEXT),
        st.builds(
            "{}{}:{}".format, st.sampled_from(["FN", "NOTE", "TITLE", "X-FOO"]), _OLD_CODING, _OLD_TEXT.map(_quoted)
        ),
        st.builds("ORG:{};{}".format, _OLD_TEXT, _OLD_TEXT),
        st.builds("TEL{}:{}".format, _OLD_TYPES, _PHONES),
        st.builds("EMAIL;INTERNET{}:{}".format, _OLD_TYPES, _EMAILS),
        st.builds(
            "ADR{};ENCODING=QUOTED-PRINTABLE:;;{};{};;;".format,
            _OLD_TYPES,
            _OLD_TEXT.map(_quoted),
            _OLD_TEXT.map(_quoted),
        ),
        st.builds("PHOTO;ENCODING=BASE64;JPEG:{}\r\n".format, _PHOTO),
        st.builds("BDAY:{}".format, st.sampled_from(["19800102", "1980-01-02", ""])),
        st.builds("CATEGORIES:{}".format, _OLD_TEXT),
        st.just("AGENT:\r\nBEGIN:VCARD\r\nVERSION:2.1\r\nN:Ben\r\nEND:VCARD"),
    ),
    max_size=10,
).map(lambda lines: card(*lines, version="2.1"))
"""Cards of old phones."""

RANDOM = st.one_of(random_cards("3.0"), random_cards("4.0"))


# What the servers' own libraries are known to trip over.
ODD = {
    "empty-properties": card("FN:Empty", "N:Empty;;;;", "TEL:", "NOTE:", "ORG:;", uid="e1"),
    "labels": card("FN:G", "item1.TEL;TYPE=HOME:1", "item1.X-ABLabel:Flat", "item2.EMAIL:a@b.example", "item2.X-ABLabel:_$!<Other>!$_", uid="e2"),
    "escapes": card("FN:E\\, F", "N:E\\;x;F;;;", "NOTE:a\\nb\\, c\\; d \\\\ e", "X-FOO;X-P=1:a,b;c", uid="e3"),
    "parameters": card("FN:P", 'X-BAR;X-LABEL="a;b:c":v', 'TEL;TYPE="CELL,VOICE";X-FOO=1:+49 1', uid="e4"),
    "version-4": card(
        "FN:P", "KIND:individual", "BDAY:--0102", 'TEL;VALUE=uri;PREF=1;TYPE="cell,voice":tel:+49-1', 'ADR;LABEL="a^nb":;;S;B;;;', "GENDER:F",
        "RELATED;TYPE=spouse:urn:uuid:aa", "ANNIVERSARY:20100612", "PHOTO:data:image/png;base64,iVBORw0KGgo=", uid="e5", version="4.0",
    ),
    "no-name-parts": card("FN:No N", "TEL:1", uid="e7"),
    "lists": card("FN:M", "CATEGORIES:A,B\\,c", "CATEGORIES:D", "NICKNAME:x,y", "URL:http\\://a.example/x", uid="e8"),
    "values": card("FN:V", "BDAY;X-APPLE-OMIT-YEAR=1604:1604-03-09", "TZ:-05:00", "GEO:52.5;13.25", "REV:2024-05-01T10:20:30Z", uid="e9"),
}  # fmt: skip
