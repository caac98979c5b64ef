"""Files whose bytes or lines are wrong."""

from __future__ import annotations

import random

from .build import Case, calendar, event, raw, single


def _umlauts(uid: str) -> list[str]:
    return calendar(event(f"{uid}@example.org", "SUMMARY:Prüfung der Größe in Öhringen-Muster", "LOCATION:Café"))


def _plain(uid: str) -> list[str]:
    return calendar(event(f"{uid}@example.org", "SUMMARY:Zeilenenden"))


def _text(uid: str) -> str:
    return "".join(line + "\r\n" for line in _umlauts(uid))


def _chopped(line: str) -> bytes:
    """Fold at 75 bytes, even inside a character."""
    data = line.encode()
    parts = [data[:75], *(data[at : at + 74] for at in range(75, len(data), 74))]
    return b"\r\n ".join(parts) + b"\r\n"


def charsets() -> list[Case]:
    chopped = calendar(event("chopped@example.org", "SUMMARY:" + "ä" * 90 + "€" * 90 + "🪔" * 40))
    return [
        Case("latin-1", _text("latin-1").encode("latin-1"), "encoded in ISO 8859-1"),
        Case(
            "windows-1252",
            _text("windows-1252").replace("Größe", "„Größe“").encode("cp1252"),
            "encoded in Windows-1252",
        ),
        Case(
            "mixed-encodings",
            raw(_umlauts("mixed-encodings")).replace("Café".encode(), "Café".encode("latin-1")),
            "UTF-8, but one line is ISO 8859-1",
        ),
        Case(
            "mojibake",
            raw([line.encode().decode("latin-1") for line in _umlauts("mojibake")]),
            "valid, but encoded twice: the umlauts were broken before",
        ),
        Case("utf-16", b"\xff\xfe" + _text("utf-16").encode("utf-16-le"), "encoded in UTF-16 with a byte order mark"),
        Case("bom", b"\xef\xbb\xbf" + raw(_umlauts("bom")), "a UTF-8 byte order mark in front"),
        Case("nul-byte", raw(_umlauts("nul-byte")).replace(b"Caf", b"Ca\0f"), "a NUL byte inside a text"),
        Case(
            "control-characters",
            raw(_umlauts("control-characters")).replace(b"Caf", b"C\x01a\x07\x0bf"),
            "control characters inside a text",
        ),
        Case(
            "surrogates",
            raw(_umlauts("surrogates")).replace(b"Caf", b"\xed\xa0\xbdCaf"),
            "half of a surrogate pair as UTF-8",
        ),
        Case(
            "folded-in-character",
            b"".join(map(_chopped, chopped)),
            "legal: lines are folded inside a multi-byte character (RFC 5545, 3.1)",
        ),
        Case("binary-junk", random.Random(20261116).randbytes(2048), "2 kB of noise"),
        Case(
            "gzip",
            b"\x1f\x8b\x08\0\0\0\0\0\2\xff" + random.Random(1).randbytes(300),
            "looks like a gzip file that nobody unpacked",
        ),
    ]


def lines() -> list[Case]:
    lower = [line.split(":", 1) for line in calendar(event("lower@example.org", "SUMMARY:Klein geschrieben"))]
    return [
        Case("bare-cr", raw(_plain("bare-cr"), "\r"), "lines end with CR only"),
        Case(
            "mixed-line-ends",
            raw(_plain("mixed-line-ends")[:5])
            + raw(_plain("mixed-line-ends")[5:7], "\n")
            + raw(_plain("mixed-line-ends")[7:]),
            "CRLF and LF in one file",
        ),
        Case(
            "double-line-ends",
            raw(_plain("double-line-ends"), "\r\r\n"),
            "lines end with CR CR LF, as after a text-mode copy",
        ),
        Case("blank-lines", raw(_plain("blank-lines"), "\r\n\r\n"), "a blank line after each line"),
        Case(
            "indented",
            raw([f"  {line}" if n else line for n, line in enumerate(_plain("indented"))]),
            "indented, so each line continues the first",
        ),
        Case(
            "unfolded-text",
            raw(_plain("unfolded-text")).replace(b"Zeilenenden", b"Eins\r\nzwei ohne Einzug"),
            "a text goes on in a new line without folding",
        ),
        Case("lower-case", raw([f"{name.lower()}:{value}" for name, value in lower]), "legal: names in lower case"),
        Case(
            "trailing-blanks",
            raw([f"{line}  " for line in _plain("trailing-blanks")]),
            "blanks at the end of each line",
        ),
        single("parameter-without-value", "a parameter without = and value", "LOCATION;LANGUAGE:Halle 3"),
        single(
            "parameter-unclosed",
            "a quoted parameter that is never closed",
            'ATTENDEE;CN="Erika:mailto:erika@example.org',
        ),
        single(
            "parameter-with-newline",
            "a line end inside a quoted parameter",
            'ATTENDEE;CN="Erika\r\nMuster":mailto:erika@example.org',
        ),
        single("name-with-blank", "a property name with blanks", "MEIN FELD:Wert"),
        single("no-colon", "a line without a colon", "DAS IST KEINE ZEILE"),
        single("long-line", "one unfolded line of 96 kB", "DESCRIPTION:" + "Lorem-frei. " * 8000),
        single(
            "many-folds", "one line folded after each character, 6,000 times", "DESCRIPTION:" + "\r\n ".join("x" * 6000)
        ),
        single(
            "many-properties", "3,000 unknown properties", *(f"X-NOISE-{number}:{number}" for number in range(3000))
        ),
        single("group-prefix", "a vCard group in front of a property", "item1.X-LABEL:Büro"),
        single("escape-at-end", "a text that ends with half an escape", "DESCRIPTION:Ende mit \\"),
    ]
