"""Patterns of files and folders: what a backup leaves out (`model.repository.StoreRequest.exclude`), and what a restore asks for.

A pattern without a slash is the name of a file or folder anywhere; one with a slash is a path below the root. A slash at the end changes
nothing, one at the start only says "below the root". `*`, `?` and `[…]` are those of a shell (POSIX.1-2017, XCU 2.13; a leading dot is
nothing special), `\\` takes the next character as it is, `**` as a whole segment is any number of folders, none included. A folder that
matches takes all that is in it along. Letters count as they are written; bytes that are not UTF-8 are one character each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_SPECIAL = re.compile(r"([*?\[\]\\])")


class Patterns:
    """Some patterns, ready to be matched.

    Args:
        patterns: as above; empty ones and ones that say only "." or "/" match nothing.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        names: list[str] = []
        paths: list[str] = []
        for pattern in patterns:
            anchored = "/" in pattern.rstrip("/")
            segments = [one for one in pattern.split("/") if one not in ("", ".")]
            if segments:
                (paths if anchored else names).append(_path(segments) if anchored else _segment(segments[0]))
        self._names = _any(names)
        self._paths = _any(paths)

    def __bool__(self) -> bool:
        """Whether anything can match."""
        return self._names is not None or self._paths is not None

    def matches(self, path: str, name: str) -> bool:
        """Whether this very entry matches; a walk that does not enter what matches needs no more.

        Args:
            path: relative to the root, with `/`.
            name: its last segment.
        """
        return (self._names is not None and self._names.fullmatch(name) is not None) or (
            self._paths is not None and self._paths.fullmatch(path) is not None
        )

    def covers(self, path: str) -> bool:
        """Whether a path matches, or a folder it is in."""
        end = -1
        while end < len(path):
            start, end = end + 1, path.find("/", end + 1)
            end = len(path) if end < 0 else end
            if self.matches(path[:end], path[start:end]):
                return True
        return False


def literal(path: str) -> str:
    """The pattern for this path below the root, and no other."""
    return "/" + _SPECIAL.sub(r"\\\1", path)


def is_pattern(text: str) -> bool:
    """Whether a text says more than itself."""
    return _SPECIAL.search(text) is not None


def _any(expressions: list[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(f"(?:{one})" for one in expressions), re.DOTALL) if expressions else None


def _path(segments: list[str]) -> str:
    """`**/` is any number of segments with their slashes; at the end `/**` is everything below, and the folder itself."""
    result = ""
    for index, segment in enumerate(segments):
        last = index == len(segments) - 1
        if segment != "**":
            result += _segment(segment) + ("" if last else "/")
        elif not last:
            result += "(?:[^/]+/)*"
        else:
            result = f"{result.removesuffix('/')}(?:/.*)?" if result.endswith("/") else result + ".*"
    return result


def _segment(segment: str) -> str:
    result, at = "", 0
    while at < len(segment):
        one, at = segment[at], at + 1
        if one == "*":
            result += "[^/]*"
        elif one == "?":
            result += "[^/]"
        elif one == "[" and (end := _bracket_end(segment, at)) > 0:
            result += _bracket(segment[at:end])
            at = end + 1
        elif one == "\\" and at < len(segment):
            result += re.escape(segment[at])
            at += 1
        else:
            result += re.escape(one)
    return result


def _bracket_end(segment: str, at: int) -> int:
    """Where the `]` is that closes a bracket whose content begins at `at`; -1: nowhere, and the `[` is a character like any other."""
    start = at + 1 if segment[at : at + 1] in ("!", "^") else at
    while True:
        start = start + 1 if segment[start : start + 1] != "\\" else start + 2  # the first character may be a `]`
        if start >= len(segment):
            return -1
        if segment[start] == "]":
            return start


def _bracket(content: str) -> str:
    """A bracket's content as a set of a regular expression; a range whose ends are in the wrong order matches nothing."""
    negated = content[0] in "!^"
    members = re.findall(r"(\\?.)(?:-(\\?.))?", content[1 if negated else 0 :], re.DOTALL)
    said = ""
    for first, last in members:
        low, high = first[-1], last[-1] if last else first[-1]
        if low <= high:
            said += f"{re.escape(low)}-{re.escape(high)}" if last else re.escape(low)
    if not said:
        return "[^/]" if negated else "(?!)"
    return f"[^/{said}]" if negated else f"(?!/)[{said}]"
