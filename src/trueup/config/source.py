"""`trueup.yaml` as text and as values, with the place of every value, so that an error can point at it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from trueup.config.tree import Places, Tree, Where, YamlProblem, parse
from trueup.model.diagnostics import Diagnostic, Severity, SourceRange
from trueup.model.errors import ConfigError

MAX_BYTES = 1 << 20

__all__ = ["InvalidConfig", "Source", "Where", "dotted", "read"]


class InvalidConfig(ConfigError):
    """Everything that is wrong with a configuration, at once.

    Attributes:
        diagnostics: a finding each, with its place in the file.
    """

    def __init__(self, file: Path, diagnostics: Sequence[Diagnostic]) -> None:
        first = diagnostics[0]
        more = f" (and {len(diagnostics) - 1} more)" if len(diagnostics) > 1 else ""
        super().__init__(first.what + more, where=str(first.source or file), why=first.why, hint=first.hint)
        self.diagnostics = tuple(diagnostics)


class Source:
    """A parsed file.

    Attributes:
        path: the file.
        value: its content as plain dicts, lists and scalars.
        repeated: findings about keys that stand twice in one place.
    """

    def __init__(self, path: Path, tree: Tree) -> None:
        self.path = path
        self.value: dict[str, Any] = tree.value
        self._places: Places = tree.places
        self.repeated = [self.finding(one.where, one.what, why=one.why, at=one.mark) for one in tree.problems]

    def place(self, where: Where, *, key: bool = False) -> SourceRange:
        """Where a value stands; for one that is not there, where what would hold it stands.

        Args:
            where: the keys that lead to it.
            key: where its key stands, and not itself.
        """
        marks = self._places.keys if key else self._places.values
        while where and where not in marks:
            where, marks = where[:-1], self._places.keys
        line, column = marks.get(where, (0, 0))
        return SourceRange(str(self.path), line + 1, column + 1)

    def finding(
        self,
        where: Where,
        what: str,
        *,
        why: str = "",
        hint: str = "",
        key: bool = False,
        at: tuple[int, int] | None = None,
    ) -> Diagnostic:
        """An error about the value (or the `key`) at that place, or `at` a line and column counted from 0."""
        place = self.place(where, key=key) if at is None else SourceRange(str(self.path), at[0] + 1, at[1] + 1)
        return Diagnostic(Severity.ERROR, what, dotted(where), why, hint, place)


def dotted(where: Iterable[str | int]) -> str:
    """A place as people write it: "jobs.team.collections[1].store"."""
    text = ""
    for part in where:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read(path: Path) -> Source:
    """Reads and parses a file.

    Raises:
        ConfigError: it cannot be read, is too large, not UTF-8, or not YAML.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot read {path}", why=error.strerror or str(error)) from error
    if len(data) > MAX_BYTES:
        raise _wrong(path, "the file is too large", f"more than {MAX_BYTES >> 20} MB", "is it the right file?")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n")
        why = f"byte {error.start} is no part of a UTF-8 text"
        column = len(before) - before.rfind(b"\n") - 1
        raise _wrong(path, "the file is not UTF-8", why, "save it as UTF-8", (line, column)) from error
    try:
        return Source(path, parse(text))
    except YamlProblem as error:
        raise _wrong(path, error.what, error.why, error.hint, error.mark) from error


def _wrong(path: Path, what: str, why: str, hint: str, mark: tuple[int, int] = (0, 0)) -> InvalidConfig:
    place = SourceRange(str(path), mark[0] + 1, mark[1] + 1)
    return InvalidConfig(path, [Diagnostic(Severity.ERROR, what, "", why, hint, place)])
