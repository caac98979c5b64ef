"""Patterns of trueup as patterns of restic.

restic matches whole paths, from / on, each segment by Go's `filepath.Match` (pkg.go.dev/path/filepath), with `**` for any number of folders
(its manual, "Excluding Files"). Everything is anchored below the root here: a bare name would match the root's own parents too.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence

from trueup.model.errors import Permanent

_SPECIAL = re.compile(r"[*?\[\]\\]")
_LOST = re.compile("[\ufffd\udc80-\udcff]")


def excludes(patterns: Iterable[str], root: str) -> Iterator[str]:
    """restic's patterns for those of a `StoreRequest`, as `core.patterns` reads them.

    Args:
        patterns: them.
        root: the absolute path of the data.

    Raises:
        Permanent: one cannot be said in restic's language.
    """
    top = "" if root == "/" else literal(root)
    for pattern in patterns:
        segments = [one for one in pattern.split("/") if one not in ("", ".")]
        if not segments or ".." in segments:  # no file is called that
            continue
        if "/" not in pattern.rstrip("/"):
            yield f"{top}/**/{_segment(segments[0])}" if segments[0] != "**" else f"{top}/*"
        elif set(segments) == {"**"}:
            yield f"{top}/*"
        else:
            yield from ("/".join((top, *one)) for one in _variants(segments))


def _variants(segments: Sequence[str]) -> Iterator[list[str]]:
    """A path's segments, with and without each `**`: with two of them restic does not try all ways in which one stands for no folder.

    One at the end says no more than what is before it: a folder takes along what is in it.
    """
    kept = [one for number, one in enumerate(segments) if one != "**" or segments[number - 1 : number] != ["**"]]
    while kept[-1] == "**":
        kept.pop()
    several = kept.count("**") > 1
    choices = [("**", "") if one == "**" and several else ("**",) if one == "**" else (_segment(one),) for one in kept]
    for chosen in itertools.product(*choices):
        yield [one for one in chosen if one]


def include(path: str) -> str:
    """restic's pattern for one path of a snapshot and what is below it; what was lost of its bytes in JSON matches any byte that can be lost."""
    return _LOST.sub("[\ufffd]", literal(path))


def literal(path: str) -> str:
    """A path that means itself."""
    return _SPECIAL.sub(lambda found: "\\" + found[0], path)


def _segment(segment: str) -> str:
    """One segment; `core.patterns` and Go differ in brackets only, and in a `\\` at the end, which means itself there."""
    result, at = "", 0
    while at < len(segment):
        one, at = segment[at], at + 1
        if one == "[" and (end := _bracket_end(segment, at)) > 0:
            result += _bracket(segment[at:end], segment)
            at = end + 1
        elif one == "\\" and at < len(segment):
            result += literal(segment[at])
            at += 1
        else:
            result += one if one in "*?" else literal(one)
    return "*" if set(result) == {"*"} else result


def _bracket_end(segment: str, at: int) -> int:
    """Where the `]` is that closes a bracket whose content begins at `at`; -1: nowhere."""
    start = at + 1 if segment[at : at + 1] in ("!", "^") else at
    while True:
        start = start + 1 if segment[start : start + 1] != "\\" else start + 2
        if start >= len(segment):
            return -1
        if segment[start] == "]":
            return start


def _bracket(content: str, segment: str) -> str:
    """A bracket's content in Go's words: `^` for not, every member escaped, since `]` and `-` mean something there."""
    if re.search("[\udc80-\udcff]", content):
        raise Permanent(
            f"the pattern {segment!r} cannot be given to restic", why="a bracket with bytes that are not UTF-8"
        )
    negated = content[0] in "!^"
    members = re.findall(r"(\\?.)(?:-(\\?.))?", content[1 if negated else 0 :], re.DOTALL)
    said = "".join(f"\\{first[-1]}" + (f"-\\{last[-1]}" if last else "") for first, last in members)
    return f"[{'^' if negated else ''}{said}]"
