"""A body as one vCard: its lines, each with its bytes kept (2.1 of versit, 3.0 of RFC 2426, 4.0 of RFC 6350).

What phones and programs really send is read: any line end, folds anywhere, quoted-printable with soft line breaks, base64 without folds, letters
in the charset a line names, cards within cards. What a line does not say is not guessed: letters that are not UTF-8 and name no charset are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from trueup.core.contentlines import escape, fold
from trueup.jobs.contacts.head import BLANK, Head, head_of
from trueup.jobs.contacts.properties import STRUCTURED
from trueup.model.errors import ItemRefused

MAX_SIZE = 32 * 1024 * 1024
VERSIONS = ("2.1", "3.0", "4.0")
_CLOSED = 2

# The head up to the colon where it stands on one line, and the rest of the logical line with its folds and its line end.
_LINES = re.compile(r'(?:([A-Za-z0-9_.\-]++(?:;(?:[^:"\n]++|"[^"\n]*+")*+)?+):)?+([^\n]*+(?:\n[ \t][^\n]*+)*+\n?+)')
_FOLD = re.compile(r"\r*\n[ \t]")
_SOFT_BREAK = re.compile(r"=[ \t]*\r*\n")
_VERSION = re.compile(r"^(?:\w+\.)?VERSION[^:\n]*:[ \t]*([0-9.]+)", re.MULTILINE | re.IGNORECASE)
_FOREIGN = re.compile("[\udc80-\udcff]")
_QUOTED = re.compile(rb"=([0-9A-Fa-f]{2})")
_BASE64 = re.compile(r"[ \t]*[A-Za-z0-9+/]+={0,2}[ \t]*\r?\n?")


class CardLine:
    """One property as it is written.

    Attributes:
        head: its name, group and parameters.
        raw: all of it, with folds and line end; what is not UTF-8 stands there as lone surrogates (PEP 383).
        value: what follows the colon: unfolded, quoted-printable and charset undone, escapes and base64 as written.
    """

    __slots__ = ("head", "raw", "value")

    def __init__(self, head: Head, raw: str, value: str) -> None:
        self.head = head
        self.raw = raw
        self.value = value

    def __repr__(self) -> str:
        return f"CardLine({self.raw!r})"

    @property
    def text(self) -> str:
        """The line unfolded."""
        return f"{self.head.text}:{self.value}"


@dataclass(slots=True)
class Card:
    """One vCard.

    Attributes:
        lines: everything in the order it came, BEGIN, END and blank lines with it.
        version: "2.1", "3.0" or "4.0".
        end: its line end.
        bare: its line ends are CR alone, which stand as LF in `lines`.
        grouped: some of its lines belong to a group.
    """

    lines: list[CardLine]
    version: str
    end: str
    bare: bool = False
    grouped: bool = False

    def first(self, name: str) -> CardLine | None:
        """Its first line of that name."""
        return next((line for line in self.lines if line.head.name == name), None)

    def value(self, name: str) -> str:
        """What its first line of that name says that says anything, or "": programs write an empty one beside the one that they fill."""
        blank = "; " if name in STRUCTURED else " "
        said = (line.value.strip() for line in self.lines if line.head.name == name)
        return next((one for one in said if one.strip(blank)), "")

    def to_bytes(self) -> bytes:
        """The bytes it was read from, with what was changed since."""
        text = "".join([line.raw for line in self.lines])
        return (text.replace("\n", "\r") if self.bare else text).encode("utf-8", "surrogateescape")

    def make(self, text: str) -> CardLine:
        """A new line of this card, folded."""
        written, value = _apart(text)
        return CardLine(head_of(written), fold(text.encode(), self.end.encode()).decode(), value)


def read_card(data: bytes) -> Card:
    """The card that a body holds.

    Raises:
        ItemRefused: with the number of the line, under one of the codes "empty", "too-large", "not-vcard", "nul", "encoding", "syntax",
            "structure", "truncated", "two-cards", "version".
    """
    if not data.startswith(b"BEGIN:VCARD") or b"\0" in data or len(data) > MAX_SIZE:
        _check_format(data)
    try:
        text, clean = data.decode(), True
    except UnicodeDecodeError:
        text, clean = data.decode("utf-8", "surrogateescape"), False
    bare = "\n" not in text
    if bare:
        text = text.replace("\r", "\n")
    found = _VERSION.search(text)
    version = "3.0" if found is None else found[1]
    if version not in VERSIONS:
        raise ItemRefused(
            "the contact cannot be handled",
            code="version",
            why=f"it is written in vCard {version[:20]}; 2.1, 3.0 and 4.0 are read",
        )
    card = Card(_Reader(text, version, clean).lines(), version, "\r\n" if "\r\n" in text else "\n", bare)
    card.grouped = any(line.head.group for line in card.lines)
    return card


class _Reader:
    """Takes a text apart."""

    def __init__(self, text: str, version: str, clean: bool) -> None:
        self._old = version == "2.1"
        self._clean = clean
        self._bom = "\ufeff" if text.startswith("\ufeff") else ""
        self._found: list[tuple[str, str]] = _LINES.findall(text, len(self._bom))
        self._at = 0

    def lines(self) -> list[CardLine]:
        """Every line; what is no card is refused."""
        found, clean = self._found, self._clean
        lines = [CardLine(BLANK, self._bom, "")] if self._bom else []
        opened, count = 0, len(found)
        while self._at < count:
            written, rest = found[self._at]
            self._at += 1
            if written:
                head = head_of(written)
                if head.encoding or not clean:
                    line = self._encoded(head, f"{written}:{rest}")
                else:
                    value = rest.rstrip("\r\n")
                    line = CardLine(head, f"{written}:{rest}", self._unfolded(value) if "\n" in value else value)
            elif rest.strip():
                line = self._odd(rest)
            else:
                if rest:
                    lines.append(CardLine(BLANK, rest, ""))
                continue
            name = line.head.name
            if name == "BEGIN":
                if opened == 1:
                    line = self._nested(lines, line)
                else:
                    opened = self._opened(line, opened)
            elif opened != 1:
                raise self._refused("structure", f"a line outside of the card: {_shorten(line.raw)}")
            elif name == "END":
                opened = self._closed(line)
            lines.append(line)
        if opened == 1:
            raise ItemRefused(
                "the contact is cut off",
                code="truncated",
                where=self._where(),
                why="BEGIN:VCARD is never closed",
                hint="the file may be half-written; save it again in the program it came from",
            )
        return lines

    def _opened(self, line: CardLine, opened: int) -> int:
        if opened == _CLOSED:
            raise ItemRefused(
                "this is not one contact",
                code="two-cards",
                where=self._where(),
                why="it holds several vCards in one body",
                hint="a file with many contacts is read with the vcf connector",
            )
        if line.value.strip().upper() != "VCARD":
            raise self._refused("structure", f"{_shorten(line.raw)} begins no card")
        return 1

    def _closed(self, line: CardLine) -> int:
        if line.value.strip().upper() != "VCARD":
            raise self._refused("structure", f"{_shorten(line.raw)} closes nothing that is open")
        return _CLOSED

    def _unfolded(self, text: str) -> str:
        # vCard 2.1 folds at blanks, which stay (versit, section 2.1.3); later versions fold anywhere.
        return _FOLD.sub(" " if self._old else "", text.rstrip("\r\n"))

    def _odd(self, raw: str) -> CardLine:
        """A line whose head is folded, or that is none."""
        match = _LINES.match(_FOLD.sub("", raw.rstrip("\r\n")))
        if match is None or not match[1]:
            raise self._refused("syntax", f"a line without a name and a colon: {_shorten(raw)}")
        head = head_of(match[1])
        return self._encoded(head, raw) if head.encoding or not self._clean else CardLine(head, raw, match[2])

    def _encoded(self, head: Head, raw: str) -> CardLine:
        """A line in quoted-printable or base64, or one with letters that are not UTF-8."""
        if not self._clean and _FOREIGN.search(head.text):
            raise self._foreign(f"the parameters of {head.name} are not written in UTF-8")
        if head.encoding == "Q":
            parts = [raw]
            while _SOFT_BREAK.search(parts[-1][-4:]) and self._more():
                parts.append(self._take())
            raw = "".join(parts)
            return CardLine(head, raw, self._decoded(head, _unquoted(self._value_of(_SOFT_BREAK.sub("", raw)))))
        if head.encoding == "B":
            parts = [raw]
            while (
                self._at < len(self._found)
                and not self._found[self._at][0]
                and _BASE64.fullmatch(self._found[self._at][1])
            ):
                parts.append(self._take())
            raw = "".join(parts)
            value = self._value_of(raw) if _head_folded(raw) else raw[len(head.text) + 1 :]
            return CardLine(head, raw, self._decoded(head, "".join(value.split()).encode("utf-8", "surrogateescape")))
        return CardLine(head, raw, self._decoded(head, self._value_of(raw).encode("utf-8", "surrogateescape")))

    def _value_of(self, raw: str) -> str:
        match = _LINES.match(self._unfolded(raw) if _head_folded(raw) else raw)
        assert match is not None
        return self._unfolded(match[2])

    def _decoded(self, head: Head, value: bytes) -> str:
        """The letters of a value; those of a charset that the line does not name are not guessed."""
        try:
            said = value.decode("utf-8" if head.charset in ("", "US-ASCII") else head.charset)
            said.encode()  # some codecs make halves of letters
            return said
        except (LookupError, UnicodeError) as error:
            try:
                return value.decode()
            except UnicodeDecodeError as first:
                at = first.start
            if isinstance(error, LookupError):
                why = f"{head.name} says that it is written in {head.charset[:30]}, which nobody knows"
            elif head.charset:
                why = f"{head.name} is not written in {head.charset[:30]}, as it says"
            else:
                why = f"{head.name} holds the byte 0x{value[at]:02x}, which is not UTF-8, and names no CHARSET"
            raise self._foreign(why) from None

    def _foreign(self, why: str) -> ItemRefused:
        return ItemRefused(
            "the contact's letters cannot be read",
            code="encoding",
            where=self._where(),
            why=why,
            hint="save it as UTF-8; its letters are not guessed, for a wrong guess would spread to every address book",
        )

    def _more(self) -> bool:
        """Whether the next line can go on with a value: a card's end never does."""
        return self._at < len(self._found) and self._found[self._at][0].upper() not in ("BEGIN", "END")

    def _take(self) -> str:
        written, rest = self._found[self._at]
        self._at += 1
        return f"{written}:{rest}" if written else rest

    def _nested(self, lines: list[CardLine], begin: CardLine) -> CardLine:
        """A card within a card (AGENT of 2.1), as one line with the AGENT that it belongs to."""
        parts, depth = [begin.raw], 1
        while depth and self._at < len(self._found):
            written, _rest = self._found[self._at]
            depth += {"BEGIN": 1, "END": -1}.get(written.upper(), 0)
            parts.append(self._take())
        raw = "".join(parts)
        if depth:
            raise self._refused("truncated", "a card within the card is never closed")
        if not self._clean and _FOREIGN.search(raw):
            raise self._foreign("a card within the card is not written in UTF-8")
        inner = escape(raw.replace("\r\n", "\n").strip())  # as 3.0 writes it, on one line
        if lines and lines[-1].head.name == "AGENT" and not lines[-1].value.strip():
            agent = lines.pop()
            return CardLine(agent.head, agent.raw + raw, inner)
        return CardLine(head_of("AGENT"), raw, inner)

    def _where(self) -> str:
        return f"line {sum(rest.count(chr(10)) for _, rest in self._found[: max(0, self._at - 1)]) + 1}"

    def _refused(self, code: str, why: str) -> ItemRefused:
        return ItemRefused("the contact cannot be read", code=code, where=self._where(), why=why)


def _head_folded(raw: str) -> bool:
    """Whether a line's head goes over more than one line."""
    match = _LINES.match(raw)
    return match is None or not match[1]


def _apart(text: str) -> tuple[str, str]:
    match = _LINES.match(text)
    assert match is not None
    return match[1], text[len(match[1]) + 1 :]


def _unquoted(value: str) -> bytes:
    """Quoted-printable undone; what is no escape stays (RFC 2045 section 6.7)."""
    return _QUOTED.sub(lambda match: bytes([int(match[1], 16)]), value.encode("utf-8", "surrogateescape"))


def _check_format(data: bytes) -> None:
    if not data.strip():
        raise ItemRefused("the contact is empty", code="empty", hint="the file may be half-written")
    if len(data) > MAX_SIZE:
        raise ItemRefused(
            "the contact is too large", code="too-large", why=f"{len(data):,} bytes; {MAX_SIZE:,} is the limit"
        )
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(b"begin:vcard"):
        if b"\x00" in data:
            line = data.count(b"\n", 0, data.index(b"\x00")) + 1
            raise ItemRefused("the contact cannot be read", code="nul", where=f"line {line}", why="it holds a NUL byte")
        return
    why = "it does not begin with BEGIN:VCARD"
    if start.startswith(b"<"):
        why = "it looks like a web page or XML: the address may lead to a login or an error page"
    elif start.startswith(b"begin:vcalendar"):
        why = "it is a calendar item, not a contact"
    elif start.startswith((b"{", b"[")):
        why = "it looks like JSON"
    elif data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise ItemRefused(
            "the contact is not written in UTF-8", code="encoding", why="it looks like UTF-16", hint="save it as UTF-8"
        )
    raise ItemRefused("this is not a contact", code="not-vcard", why=why)


def _shorten(raw: str) -> str:
    text = raw.encode("utf-8", "replace").decode().strip()
    return repr(text[:60] + "…" if len(text) > 60 else text)
