"""What servers do to a body on its way into their store, for `faults.RewritesBodies`."""

from __future__ import annotations

import re
from collections.abc import Callable

from trueup.core.contentlines import Component, Line, fold, make_line, parse

Rewrite = Callable[[bytes], bytes]


def drops(name: str) -> Rewrite:
    """Loses every line of this name (Google loses what it does not know)."""

    def rewrite(data: bytes) -> bytes:
        return _each(data, lambda line: None if line.name == name else line)

    return rewrite


def restamps(stamp: str = "20300101T000000Z") -> Rewrite:
    """Sets DTSTAMP anew."""

    def rewrite(data: bytes) -> bytes:
        return _each(data, lambda line: make_line(f"DTSTAMP:{stamp}", line.end) if line.name == "DTSTAMP" else line)

    return rewrite


def sorts_lines(data: bytes) -> bytes:
    """Puts the lines of a component in order of their names, sub-components last (icalendar and what is built on it)."""
    root = parse(data)
    _sort(root)
    return root.to_bytes()


def to_lf(data: bytes) -> bytes:
    """Ends lines with LF alone."""
    return data.replace(b"\r\n", b"\n")


def to_crlf(data: bytes) -> bytes:
    """Ends lines with CRLF, as RFC 5545 section 3.1 wants."""
    return re.sub(rb"\r?\n", b"\r\n", data)


def refolds(data: bytes) -> bytes:
    """Folds lines at other places."""

    def rewrite(line: Line) -> Line:
        text = line.text.encode()
        cut = len(line.text[:20].encode())
        if len(text) <= cut:
            return Line(line.name, fold(text, line.end))
        return Line(line.name, text[:cut] + line.end + b" " + fold(text[cut:], line.end))

    return _each(data, rewrite)


def _each(data: bytes, change: Callable[[Line], Line | None]) -> bytes:
    root = parse(data)
    _walk(root, change)
    return root.to_bytes()


def _walk(component: Component, change: Callable[[Line], Line | None]) -> None:
    children: list[Line | Component] = []
    for child in component.children:
        if isinstance(child, Component):
            _walk(child, change)
            children.append(child)
        else:
            changed = change(child) if child.name else child
            if changed is not None:
                children.append(changed)
    component.children = children


def _sort(component: Component) -> None:
    for child in component.components():
        _sort(child)
    lines = sorted((one for one in component.children if isinstance(one, Line)), key=lambda one: one.name)
    component.children = [*lines, *component.components()]
