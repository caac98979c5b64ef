"""Content lines (RFC 5545 section 3.1, RFC 6350 section 3.2) that keep every byte they were read from.

A body is a tree of components; a component has lines and further components in the order they came. A line keeps its
raw bytes (folding,
line end, case, unknown parameters), so that `parse(data).to_bytes() == data` for everything that can be parsed, and a
change of one line
changes nothing else. A line is taken apart only when someone asks for its parameters or its value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from trueup.model.errors import ItemRefused

MAX_SIZE = 16 * 1024 * 1024
MAX_LINES = 200_000
MAX_DEPTH = 16
FOLD = 75  # octets of a line without its line end, RFC 5545 section 3.1

Params: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]

_NEWLINE = b"\n"
_BOM = b"\xef\xbb\xbf"
# A logical line with its folds and its line end; group 2 and 3 are its name and what ends the name, where it has one.
_LINES = re.compile(rb"((?:([A-Za-z0-9_.\-]++)([:;]))?+[^\n]*+(?:\n[ \t][^\n]*+)*+\n?+)")
_FOLD = re.compile(rb"\r*\n[ \t]")
_SPLIT = re.compile(r'[^:;]*+((?:;[^=:;"]*+(?:=(?:"[^"]*+"|[^":;]++)*+)?+)*+):(.*)', re.DOTALL)
_PARAM = re.compile(r';([^=:;"]*+)(?:=((?:"[^"]*+"|[^":;]++)*+))?+')
_PARAM_VALUE = re.compile(r'"([^"]*+)"|([^",]++)')
_CARET = re.compile(r"\^[n'^]")
_CARETS = {"^n": "\n", "^'": '"', "^^": "^"}
_NAMES: dict[bytes, str] = {}  # upper-case names of the lines met so far; a few hundred in practice
_MAX_NAMES = 4096


class Line:
    """One content line.

    Attributes:
        name: upper case, without a vCard group; "" for a blank line.
        raw: the bytes it was read from, with folds and line end.
    """

    __slots__ = ("_text", "name", "raw")

    def __init__(self, name: str, raw: bytes) -> None:
        self.name = name
        self.raw = raw
        self._text: str | None = None

    def __repr__(self) -> str:
        return f"Line({self.text!r})"

    @property
    def text(self) -> str:
        """The line unfolded, without its line end."""
        text = self._text
        if text is None:
            self._text = text = _unfold(self.raw).decode()
        return text

    @property
    def group(self) -> str:
        """The vCard group as it was written (`item1` of `item1.X-ABLabel`), or ""."""
        head = self.text[: _head_end(self.text)]
        return head.rpartition(".")[0]

    def split(self) -> tuple[Params, str]:
        """The parameters (names upper case, values unquoted, RFC 6868 decoded) and the raw value."""
        text = self.text
        end = _head_end(text)
        if text[end : end + 1] == ":":
            return (), text[end + 1 :]
        match = _SPLIT.fullmatch(text)
        if match is None:  # an unbalanced quote: nobody can tell the parameters, the value follows the first colon
            return (), text.partition(":")[2]
        return split_params(match[1]), match[2]

    @property
    def params(self) -> Params:
        """The parameters; see `split`."""
        return self.split()[0]

    @property
    def value(self) -> str:
        """The value as written, escapes and all."""
        return self.split()[1]

    def param(self, name: str) -> str:
        """The first value of a parameter, or ""."""
        if f"{name}=" not in self.text.upper():
            return ""
        return next((values[0] for key, values in self.params if key == name and values), "")

    @property
    def head(self) -> str:
        """Everything before the value, with the colon: what another value of the same kind is written behind."""
        return self.text[: len(self.text) - len(self.value)]

    @property
    def end(self) -> bytes:
        """Its line end as it is written; CRLF where it has none (the last line of a file)."""
        if self.raw.endswith(b"\n"):
            return b"\r\n" if self.raw.endswith(b"\r\n") else b"\n"
        return b"\r\n"


class Component:
    """Lines and components between BEGIN and END; the root has neither, and is called "".

    Attributes:
        name: upper case ("VEVENT").
        begin, close: the BEGIN and END line.
        children: lines and components in the order they came.
    """

    __slots__ = ("begin", "children", "close", "name")

    def __init__(self, name: str, begin: Line, close: Line, children: list[Line | Component] | None = None) -> None:
        self.name = name
        self.begin = begin
        self.close = close
        self.children: list[Line | Component] = [] if children is None else children

    def __repr__(self) -> str:
        return f"Component({self.name!r}, {len(self.children)} children)"

    def lines(self, *names: str) -> Iterator[Line]:
        """Its own lines that carry one of these names (all that carry any, without arguments)."""
        for child in self.children:
            if isinstance(child, Line) and (child.name in names if names else child.name):
                yield child

    def components(self, *names: str) -> Iterator[Component]:
        """The components directly in it, of these names (all without arguments)."""
        for child in self.children:
            if isinstance(child, Component) and (not names or child.name in names):
                yield child

    def first(self, name: str) -> Line | None:
        """Its first line of this name."""
        return next(self.lines(name), None)

    def value(self, name: str) -> str:
        """The raw value of its first line of this name, or ""."""
        line = self.first(name)
        return "" if line is None else line.value

    def texts(self) -> tuple[str, ...]:
        """All its lines, unfolded, BEGIN and END with them; blank ones left out."""
        return tuple(line.text for line in self.all_lines() if line.name)

    def all_lines(self) -> Iterator[Line]:
        """Every line below it in order, BEGIN and END with them."""
        yield self.begin
        for child in self.children:
            if isinstance(child, Line):
                yield child
            elif isinstance(child, Component):
                yield from child.all_lines()
        yield self.close

    def to_bytes(self) -> bytes:
        """The bytes it was read from, with what was changed since."""
        return b"".join([line.raw for line in self.all_lines()])


def parse(data: bytes, *, max_size: int = MAX_SIZE) -> Component:
    """Takes bytes apart into a root component that gives the same bytes back.

    Args:
        data: UTF-8, with or without a byte order mark; a fold may stand inside a character (RFC 5545 section 3.1).
        max_size: the largest body taken, in bytes.

    Raises:
        ItemRefused: with the number of the line, under one of the codes "empty", "too-large", "encoding", "syntax" (a
        line that is none),
            "structure" (an END that closes nothing, a line outside of everything), "truncated" (a BEGIN that is never
            closed), "too-deep".
    """
    _check_bytes(data, max_size)
    bom = _BOM if data.startswith(_BOM) else b""
    found = _LINES.findall(data, len(bom))
    root = Component("", Line("", bom), Line("", b""))
    open_ones = [root]
    children = root.children
    names = _NAMES
    for index, (raw, written, after) in enumerate(found):
        name = names.get(written) or _name(raw, written, after)
        if after == b";" and b":" not in raw:
            name = "?"
        if name == "BEGIN":
            line = Line(name, raw)
            opened = Component(line.value.strip().upper(), line, line)
            children.append(opened)
            open_ones.append(opened)
            children = opened.children
            if len(open_ones) > MAX_DEPTH:
                raise _refused("its components are nested too deep", "too-deep", found, index)
        elif name == "END":
            line = Line(name, raw)
            closed = open_ones.pop()
            ended = line.value.strip().upper()
            if not open_ones or ended != closed.name:
                if open_ones and not raw.endswith(b"\n") and closed.name.startswith(ended):
                    raise _cut_off(closed, data)
                raise _refused(f"{line.text.strip()} closes nothing that is open", "structure", found, index)
            closed.close = line
            children = open_ones[-1].children
        elif name == "?":
            raise _refused(f"a line without a name and a colon: {_shorten(raw)}", "syntax", found, index)
        elif children is root.children and name:
            raise _refused(f"a line outside of everything: {_shorten(raw)}", "structure", found, index)
        elif raw:
            children.append(Line(name, raw))
    if len(open_ones) > 1:
        raise _cut_off(open_ones[-1], data)
    return root


def make_line(text: str, end: bytes = b"\r\n") -> Line:
    """A new line, folded at 75 octets on character boundaries (RFC 5545 section 3.1).

    Args:
        text: the unfolded line, escaped as it shall stand there.
        end: the line end of the item it goes into.
    """
    written = text[: _head_end(text)].rpartition(".")[2]
    return Line(written.upper(), fold(text.encode(), end))


def make_component(texts: Iterable[str], end: bytes = b"\r\n") -> Component:
    """The component whose unfolded lines these are, from its BEGIN to its END.

    Raises:
        ItemRefused: they are not one component.
    """
    root = parse(b"".join(make_line(text, end).raw for text in texts))
    found = list(root.components())
    if len(found) != 1:
        raise ItemRefused("a component was expected", code="structure", why=f"{len(found)} were found")
    return found[0]


def fold(line: bytes, end: bytes = b"\r\n") -> bytes:
    """The line's bytes folded at 75 octets, never inside a character nor after a stray CR, with its line end."""
    if len(line) <= FOLD:
        return line + end
    pieces = []
    start, size = 0, FOLD
    while len(line) - start > size:
        cut = start + size
        while cut > start + 1 and (line[cut] & 0xC0 == 0x80 or line[cut - 1] == 0x0D):
            cut -= 1
        pieces.append(line[start:cut])
        start, size = cut, FOLD - 1  # the space that marks a fold counts
    pieces.append(line[start:])
    return (end + b" ").join(pieces) + end


def split_params(text: str) -> Params:
    """`;NAME=value,"value"` taken apart: names upper case, values without quotes and with RFC 6868's ^n ^' ^^
    decoded."""
    return tuple(
        (name.upper(), tuple(_uncaret(a or b) for a, b in _PARAM_VALUE.findall(values)))
        for name, values in _PARAM.findall(text)
    )


def escape(text: str) -> str:
    """A TEXT value as it is written (RFC 5545 section 3.3.11)."""
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


_ESCAPE = re.compile(r"\\([\\;,nN])")


def unescape(value: str) -> str:
    """What a TEXT value says; an escape nobody defined is left as it is."""
    if "\\" not in value:
        return value
    return _ESCAPE.sub(lambda match: "\n" if match[1] in "nN" else match[1], value)


_COMMA = re.compile(r"\\.|,", re.DOTALL)


def split_list(value: str) -> list[str]:
    """The raw values of a comma list; an escaped comma parts nothing."""
    if "\\" not in value:
        return value.split(",")
    values, start = [], 0
    for match in _COMMA.finditer(value):
        if match[0] == ",":
            values.append(value[start : match.start()])
            start = match.end()
    return [*values, value[start:]]


def _head_end(text: str) -> int:
    """Where the name ends."""
    colon, semicolon = text.find(":"), text.find(";")
    if colon < 0:
        return semicolon if semicolon >= 0 else len(text)
    return colon if semicolon < 0 else min(colon, semicolon)


def _name(raw: bytes, written: bytes, after: bytes) -> str:
    """The upper-case name of a line not met before; "" for a blank one, "?" for what is no line."""
    if written:
        name = written.rpartition(b".")[2].upper().decode()
        if name and len(_NAMES) < _MAX_NAMES:
            _NAMES[written] = name
        return name or "?"
    unfolded = _unfold(raw)
    if not unfolded.strip():
        return ""
    found = _LINES.match(unfolded)  # the name itself may be folded
    if found is None or not found[2] or (found[3] == b";" and b":" not in unfolded):
        return "?"
    return _name(unfolded, found[2], found[3])


def _unfold(raw: bytes) -> bytes:
    raw = raw.rstrip(b"\r\n")
    return _FOLD.sub(b"", raw) if b"\n" in raw else raw


def _uncaret(value: str) -> str:
    return _CARET.sub(lambda match: _CARETS[match[0]], value) if "^" in value else value


def _check_bytes(data: bytes, max_size: int) -> None:
    if not data.strip():
        raise ItemRefused("the item is empty", code="empty", hint="the file may be half-written")
    if len(data) > max_size or data.count(b"\n") > MAX_LINES:
        raise ItemRefused(
            "the item is too large",
            code="too-large",
            why=f"{len(data):,} bytes in {data.count(_NEWLINE):,} lines; {max_size:,} and {MAX_LINES:,} are the limits",
        )
    try:
        data.decode()
        return
    except UnicodeDecodeError as error:
        first = error
    try:
        _FOLD.sub(b"", data).decode()  # a fold may stand inside a character
    except UnicodeDecodeError:
        wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
        raise ItemRefused(
            "the item is not written in UTF-8",
            code="encoding",
            where=f"line {data.count(_NEWLINE, 0, first.start) + 1}",
            why="it looks like UTF-16" if wide else f"byte 0x{data[first.start]:02x} does not belong there",
            hint="save it as UTF-8; its letters are not guessed, for a wrong guess would spread to every calendar",
        ) from None


def _cut_off(unclosed: Component, data: bytes) -> ItemRefused:
    """The refusal of a body that ends too early, or of one whose line ends are none of ours so that it is a single long line."""
    name = unclosed.name
    if "\r" in name or " " in name:
        why = (
            "its lines end in CR alone"
            if "\r" in name
            else "its lines are indented, which makes each the continuation of the first"
        )
        return ItemRefused(
            "the item cannot be read", code="structure", where="line 1", why=f"{why} (RFC 5545 section 3.1)"
        )
    return ItemRefused(
        "the item is cut off",
        code="truncated",
        where=f"line {max(1, data.count(_NEWLINE))}",
        why=f"BEGIN:{name[:60]} is never closed",
        hint="the file may be half-written; save it again in the program it came from",
    )


def _refused(why: str, code: str, found: list[tuple[bytes, bytes, bytes]], index: int) -> ItemRefused:
    line = sum(raw.count(b"\n") for raw, _, _ in found[:index]) + 1
    return ItemRefused("the item cannot be read", code=code, where=f"line {line}", why=why)


def _shorten(raw: bytes) -> str:
    text = _unfold(raw).decode("utf-8", "replace").strip()
    return repr(text[:60] + "…" if len(text) > 60 else text)
