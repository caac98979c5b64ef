"""Requests as XML text, and answers read from it while they arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast
from xml.etree.ElementTree import Element, ParseError, XMLPullParser, fromstring
from xml.parsers.expat import errors as expat

from trueup.connectors.dav.hrefs import path_of
from trueup.connectors.dav.names import DAV, HREF, PREFIXES, SYNC_TOKEN, prefixed
from trueup.connectors.http import BrokenAnswer

DECLARED = " ".join(f'xmlns:{prefix}="{namespace[1:-1]}"' for namespace, prefix in PREFIXES.items())

RESPONSE = f"{DAV}response"
MULTISTATUS = f"{DAV}multistatus"
PROPSTAT = f"{DAV}propstat"
PROP = f"{DAV}prop"
STATUS = f"{DAV}status"
ERROR = f"{DAV}error"

# What expat says of a document that stops in the middle, and of none at all.
CUT_OFF = {
    expat.codes[one]
    for one in (
        expat.XML_ERROR_NO_ELEMENTS,
        expat.XML_ERROR_UNCLOSED_TOKEN,
        expat.XML_ERROR_PARTIAL_CHAR,
        expat.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
}


class NotXml(Exception):
    """An answer that should be a multistatus is none, or has characters that XML does not allow."""


def element(name: str, *children: str, **attributes: str) -> str:
    """An element of our own prefixes around markup; attributes' values are plain words."""
    tag = prefixed(name)
    opened = tag + "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f"<{opened}>{''.join(children)}</{tag}>" if children else f"<{opened}/>"


def text(name: str, value: str) -> str:
    """An element around text."""
    return element(name, _escaped(value))


def properties(names: Iterable[str]) -> str:
    """A `prop` element that asks for these."""
    return element(PROP, *(element(name) for name in names))


def document(name: str, *children: str) -> bytes:
    """A request body."""
    tag = prefixed(name)
    return f'<?xml version="1.0" encoding="utf-8"?>\n<{tag} {DECLARED}>{"".join(children)}</{tag}>'.encode()


@dataclass(frozen=True, slots=True)
class Response:
    """One resource of a multistatus (RFC 4918 section 14.24).

    Attributes:
        href: its path, in the one spelling of `hrefs.path_of`.
        status: its own status; 200 where only its properties have one.
        props: the properties it has, by name.
        error: the names of the preconditions that failed.
    """

    href: str
    status: int
    props: Mapping[str, Element] = field(default_factory=dict)
    error: frozenset[str] = frozenset()

    def text(self, name: str) -> str | None:
        """A property's text without blanks around it; None where it is missing or empty."""
        found = self.props.get(name)
        return (found.text or "").strip() or None if found is not None else None

    def has(self, name: str, member: str) -> bool:
        """Whether a property has an element of that name anywhere inside."""
        found = self.props.get(name)
        return found is not None and next(found.iter(member), None) is not None

    def href_in(self, name: str) -> str | None:
        """The address inside a property."""
        found = self.props.get(name)
        return (found.findtext(HREF) or "").strip() or None if found is not None else None


def read_multistatus(chunks: Iterable[bytes], each: Callable[[Response], None]) -> str | None:
    """Calls `each` for every response while the answer arrives; what was handed over is forgotten, so memory stays flat.

    Returns:
        The sync-token, if there is one.

    Raises:
        BrokenAnswer: it ends too early. Never a short listing.
        NotXml: it is no multistatus.
    """
    parser: XMLPullParser[Element] = XMLPullParser(("start", "end"))
    try:
        token = _feed(parser, chunks, each)
        parser.close()
    except ParseError as error:
        if error.code in CUT_OFF:
            raise BrokenAnswer(str(error)) from error
        raise NotXml(str(error)) from error
    return token


def _feed(parser: XMLPullParser[Element], chunks: Iterable[bytes], each: Callable[[Response], None]) -> str | None:
    root: Element | None = None
    token: str | None = None
    for chunk in chunks:
        parser.feed(chunk)
        for event, node in cast("Iterator[tuple[str, Element]]", parser.read_events()):
            if event == "start":
                if root is None:
                    root = _checked_root(node)
            elif node.tag == RESPONSE:
                for one in _responses(node):
                    each(one)
                assert root is not None
                root.clear()
            elif node.tag == SYNC_TOKEN:
                # A property of the same name stands inside a response; the last one stands for the whole answer.
                token = (node.text or "").strip()
    return token


def _checked_root(node: Element) -> Element:
    if node.tag != MULTISTATUS:
        raise NotXml(f"the answer is {node.tag} and not a multistatus")
    return node


def _responses(node: Element) -> Iterator[Response]:
    """RFC 4918 lets one response name several hrefs where they share a status."""
    status = _status(node.findtext(STATUS), 200)
    props = {
        prop.tag: prop
        for group in node.iterfind(PROPSTAT)
        if 200 <= _status(group.findtext(STATUS), 200) < 300
        for prop in group.iterfind(f"{PROP}/*")
    }
    error = frozenset(one.tag for one in node.iterfind(f"{ERROR}/*"))
    for href in node.iterfind(HREF):
        yield Response(path_of((href.text or "").strip()), status, props, error)


def _status(line: str | None, default: int) -> int:
    """The number in "HTTP/1.1 404 Not Found"."""
    words = (line or "").split()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else default


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a request was refused: the preconditions that failed (RFC 4918 section 16), with hrefs and words that came along."""

    conditions: frozenset[str] = frozenset()
    hrefs: tuple[str, ...] = ()
    words: str = ""


def read_problem(body: bytes) -> Problem:
    """What the body of a refusal says; an answer that is not XML has no preconditions, and only plain text counts as words."""
    try:
        root = fromstring(body)
    except ParseError:
        said = body.decode("utf-8", "replace").strip()
        return Problem(words="" if said.startswith("<") or len(said) > 300 else " ".join(said.split()))
    if root.tag != ERROR:
        return Problem()
    words = next(
        (
            one.text or ""
            for one in root.iter()
            if one.tag.rpartition("}")[2] in ("responsedescription", "human-readable")
        ),
        "",
    )
    conditions = frozenset(one.tag for one in root if one.tag.rpartition("}")[2] != "responsedescription")
    return Problem(
        conditions, tuple(path_of((one.text or "").strip()) for one in root.iter(HREF)), " ".join(words.split())
    )


def _escaped(value: str) -> str:
    # `xml.sax.saxutils.escape` does the same, and imports urllib.request.
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
