"""YAML as plain values, each with its place. No object is ever built from a tag, and no anchor grows without end.

YAML 1.2: `on`, `off`, `yes` and `no` are text here (where a switch is wanted, they are understood as one), and so are dates.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_NODES = 100_000
MAX_DEPTH = 60

Where: TypeAlias = tuple[str | int, ...]
Mark: TypeAlias = tuple[int, int]

_TAG = "tag:yaml.org,2002:"
_PLAIN = {"str", "timestamp", "null", "bool", "int", "float", "map", "seq"}


class YamlProblem(Exception):
    """The text cannot be understood at all. `mark` is the line and column, from 0."""

    def __init__(self, what: str, why: str = "", hint: str = "", mark: Mark = (0, 0)) -> None:
        super().__init__(what)
        self.what, self.why, self.hint, self.mark = what, why, hint, mark


@dataclass(frozen=True, slots=True)
class Repeated:
    """A key that stands twice in one place."""

    where: Where
    what: str
    why: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Places:
    """Where keys and values stand: line and column, from 0. The value of a block stands where its key does."""

    keys: dict[Where, Mark] = field(default_factory=dict)
    values: dict[Where, Mark] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tree:
    """A parsed text."""

    value: dict[str, Any]
    places: Places
    problems: list[Repeated]


def parse(text: str) -> Tree:
    """The values of a text, which must be a mapping.

    Raises:
        YamlProblem: it is not YAML, or more than a configuration needs.
    """
    root = _compose(text)
    if root is None:
        raise YamlProblem("the file is empty", hint="`trueup init` writes one that explains itself")
    if not isinstance(root, MappingNode):
        raise YamlProblem("the file must hold keys and values", hint="it starts with `version: 1`", mark=_mark(root))
    builder = _Builder()
    value = builder.mapping(root, ())
    return Tree(value, builder.places, builder.problems)


def _compose(text: str) -> Node | None:
    try:
        root: Node | None = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line, mark.column) if mark else (0, 0)
        raise YamlProblem("this is not YAML", *_explained(error, text, place), place) from error
    except RecursionError as error:
        raise _too_deep((0, 0)) from error
    except (YAMLError, ValueError) as error:
        why = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise YamlProblem("this is not YAML", why, mark=_position(error, text)) from error
    return root


def _explained(error: MarkedYAMLError, text: str, place: Mark) -> tuple[str, str]:
    """Why, and what to do."""
    why = (error.problem or "").strip() or str(error)
    lines = text.splitlines()
    line = lines[place[0]] if place[0] < len(lines) else ""
    if "'\\t'" in why:
        return "there is a tab", "use spaces: YAML takes no tabs there"
    if "another document" in why:
        return "a second document begins", "one file is one document: take the line `---` out"
    began = error.context_mark.line if error.context_mark is not None and "flow" in (error.context or "") else place[0]
    if began < place[0]:
        return why.splitlines()[0], f"close the bracket that was opened in line {began + 1}"
    if "mapping values are not allowed" in why or "got ':'" in why:
        return why.splitlines()[0], "put a text with `: ` in it in quotes"
    if line.lstrip().startswith(("@", "`", "%")):
        return why.splitlines()[0], "put the text in quotes"
    return why.splitlines()[0], ""


def _position(error: Exception, text: str) -> Mark:
    """Line and column of a character that is not allowed (ruamel's ReaderError has its number only)."""
    number = getattr(error, "position", None)
    if not isinstance(number, int):
        return 0, 0
    before = text[:number]
    return before.count("\n"), len(before) - before.rfind("\n") - 1


class _Builder:
    def __init__(self) -> None:
        self.places = Places()
        self.problems: list[Repeated] = []
        self._nodes = 0
        self._open: list[Node] = []

    def value(self, node: Node, where: Where) -> Any:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            why = "anchors that repeat each other grow without end"
            raise YamlProblem(f"more than {MAX_NODES:,} values", why, "write the values out", _mark(node))
        if isinstance(node, ScalarNode):
            return _scalar(node)
        _known_tag(node)
        if any(one is node for one in self._open):
            raise YamlProblem("an anchor contains itself", hint="write the values out", mark=_mark(node))
        if len(self._open) > MAX_DEPTH:
            raise _too_deep(_mark(node))
        self._open.append(node)
        try:
            if isinstance(node, MappingNode):
                return self.mapping(node, where)
            assert isinstance(node, SequenceNode)
            return self.sequence(node, where)
        finally:
            self._open.pop()

    def mapping(self, node: MappingNode, where: Where) -> dict[str, Any]:
        result: dict[str, Any] = {}
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            if key_node.tag == f"{_TAG}merge":
                raise YamlProblem(
                    "`<<` is not understood", "it is not part of YAML 1.2", "write the values out", _mark(key_node)
                )
            key = _key(key_node)
            here = (*where, key)
            if key in first:
                why = f"first in line {first[key] + 1}"
                self.problems.append(Repeated(here, f"`{key}` stands here twice", why, _mark(key_node)))
                continue
            first[key] = key_node.start_mark.line
            self.note(here, key_node, value_node)
            result[key] = self.value(value_node, here)
        return result

    def sequence(self, node: SequenceNode, where: Where) -> list[Any]:
        for index, one in enumerate(node.value):
            self.note((*where, index), one, one)
        return [self.value(one, (*where, index)) for index, one in enumerate(node.value)]

    def note(self, where: Where, key: Node, value: Node) -> None:
        self.places.keys[where] = _mark(key)
        aliased = value.start_mark.line < key.start_mark.line  # an alias: the value stands where its anchor is
        block = value.start_mark.line > key.start_mark.line
        self.places.values[where] = _mark(key if aliased or block else value)


def _key(node: Node) -> str:
    """A key, which must be a text."""
    if isinstance(node, ScalarNode) and node.tag in (f"{_TAG}str", f"{_TAG}timestamp"):
        return str(node.value)
    shown = repr(node.value) if isinstance(node, ScalarNode) else "a list or mapping"
    hint = f'put it in quotes: "{node.value}"' if isinstance(node, ScalarNode) else "write a name"
    kind = {"int": "a number", "float": "a number", "bool": "true or false", "null": "nothing"}
    why = f"{shown} is {kind.get(_tag(node), 'no text')}"
    raise YamlProblem("a key that is no text", why, hint, _mark(node))


def _scalar(node: ScalarNode) -> Any:
    """A scalar without ruamel's own types; dates stay text, as they were written."""
    _known_tag(node)
    kind, text = _tag(node), str(node.value)
    try:
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind == "int":
            return int(text.replace("_", ""), 0)
        if kind == "float":
            return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan").replace(".NaN", "nan"))
    except ValueError:  # 007 is a number in YAML and none in Python; people mean the text
        return text
    return text


def _tag(node: Node) -> str:
    """The tag, without the prefix of YAML's own."""
    return str(node.tag).removeprefix(_TAG)


def _known_tag(node: Node) -> None:
    if _tag(node) not in _PLAIN:
        shown = _tag(node) if _tag(node).startswith("!") else f"!!{_tag(node)}"
        raise YamlProblem(f"the tag `{shown}` is not understood", hint="take it out", mark=_mark(node))


def _too_deep(mark: Mark) -> YamlProblem:
    return YamlProblem("values are nested too deep", f"more than {MAX_DEPTH} levels", mark=mark)


def _mark(node: Node) -> Mark:
    return node.start_mark.line, node.start_mark.column
