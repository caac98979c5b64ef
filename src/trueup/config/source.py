"""`trueup.yaml` as text and as values, with the place of every value, so that an error can point at it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from trueup.model.diagnostics import Diagnostic, Severity, SourceRange
from trueup.model.errors import ConfigError, NotInitialised

FILE_NAME = "trueup.yaml"
MAX_BYTES = 1 << 20
MAX_NODES = 100_000

Where: TypeAlias = tuple[str | int, ...]


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
        lines: its text by lines.
        value: its content as plain dicts, lists and scalars.
    """

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.lines = text.splitlines()
        self._places: dict[Where, tuple[int, int]] = {}
        self._nodes = 0
        self.value = self._plain(_parse(path, text), ())

    def place(self, where: Where) -> SourceRange:
        """Where a value stands; for one that is not there, where what would hold it stands."""
        while where and where not in self._places:
            where = where[:-1]
        line, column = self._places.get(where, (0, 0))
        return SourceRange(str(self.path), line + 1, column + 1)

    def finding(self, where: Where, what: str, *, why: str = "", hint: str = "") -> Diagnostic:
        """An error about the value at that place."""
        return Diagnostic(Severity.ERROR, what, dotted(where), why, hint, self.place(where))

    def _plain(self, node: Any, where: Where) -> Any:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            what = f"more than {MAX_NODES} values"
            raise _wrong(self.path, what, "anchors that repeat each other grow without end", "write the values out")
        if isinstance(node, CommentedMap):
            for key in node:
                if not isinstance(key, str):
                    line, column = node.lc.key(key)
                    why, hint = f"{key!r} is a {type(key).__name__}", f'put it in quotes: "{key}"'
                    raise _wrong(self.path, "a key that is no text", why, hint, line, column)
                self._places[(*where, key)] = node.lc.key(key)
            return {key: self._plain(value, (*where, key)) for key, value in node.items()}
        if isinstance(node, CommentedSeq):
            for index in range(len(node)):
                self._places[(*where, index)] = node.lc.item(index)
            return [self._plain(value, (*where, index)) for index, value in enumerate(node)]
        return _scalar(node)


def dotted(where: Iterable[str | int]) -> str:
    """A place as people write it: "jobs.team.collections[1].store"."""
    text = ""
    for part in where:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def find(given: Path | None = None) -> Path:
    """The configuration file: the one named, else `trueup.yaml` in the current folder or the nearest one above.

    Raises:
        NotInitialised: there is none.
    """
    if given is not None:
        path = given / FILE_NAME if given.is_dir() else given
        if not path.is_file():
            raise NotInitialised(f"{path} is not there", hint="`trueup init` makes one")
        return path.resolve()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    raise NotInitialised(
        f"no {FILE_NAME} here or in a folder above",
        where=str(here),
        hint="`trueup init` makes one; or name it with -c",
    )


def read(path: Path) -> Source:
    """Reads and parses a file.

    Raises:
        ConfigError: it cannot be read, is too large, not UTF-8, or not YAML.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {path}", why=error.strerror or str(error)) from error
    if len(data) > MAX_BYTES:
        raise _wrong(path, "the file is too large", f"{len(data)} bytes, at most {MAX_BYTES} are read", "")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start)
        raise _wrong(
            path, "the file is not UTF-8", f"byte {error.start}: {error.reason}", "save it as UTF-8", line
        ) from error
    return Source(path, text)


def _parse(path: Path, text: str) -> Any:
    yaml = YAML(typ="rt", pure=True)
    try:
        value = yaml.load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line, mark.column) if mark else (0, 0)
        problem = (error.problem or "").strip() or str(error)
        hint = "indent with spaces, not with tabs" if "\\t" in problem or "\t" in _line(text, line) else ""
        raise _wrong(path, "this is not YAML", problem.splitlines()[0], hint, line, column) from error
    except (YAMLError, ValueError, RecursionError) as error:
        raise _wrong(
            path, "this is not YAML", str(error).splitlines()[0] if str(error) else type(error).__name__, ""
        ) from error
    if value is None:
        raise _wrong(path, "the file is empty", "", "`trueup init` writes one that explains itself")
    if not isinstance(value, CommentedMap):
        raise _wrong(path, "the file must hold keys and values", "", "it starts with `version: 1`")
    return value


def _line(text: str, number: int) -> str:
    lines = text.splitlines()
    return lines[number] if number < len(lines) else ""


def _wrong(path: Path, what: str, why: str, hint: str, line: int = 0, column: int = 0) -> InvalidConfig:
    place = SourceRange(str(path), line + 1, column + 1)
    return InvalidConfig(path, [Diagnostic(Severity.ERROR, what, "", why, hint, place)])


def _scalar(node: Any) -> Any:
    """A scalar without ruamel's own types."""
    for plain in (bool, int, float, str):
        if isinstance(node, plain):
            return plain(node)
    return node if node is None else str(node)
