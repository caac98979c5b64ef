"""The `${…}` in pipelines: references and comparisons, nothing that computes, loops or has effects.

    "${params.region}"                       the value itself, whatever its type
    "backup of ${params.region}"             text with the value put in
    "${steps.check.output.count > 0}"        true or false
    "$${not.one}"                            the text ${not.one}

    expression  = and { "or" and }
    and         = not { "and" not }
    not         = [ "not" ] comparison
    comparison  = value [ ("==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in") value ]
    value       = literal | name { "." name | "[" expression "]" } | "len(" expression ")" | "default(" expression "," expression ")"
                | "(" expression ")"
    literal     = number | 'text' | "text" | true | false | null

Names start at `params`, `steps`, `item`, `index` or `run`. What is not there is an error that names what is;
`default(a, b)`
is `b` where `a` is null or not there; `a or b` is `b` where `a` is null, false, 0 or empty, as in Python. It is the
same on every
engine because it depends on nothing but its text and the values handed in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

from trueup.model.errors import ConfigError, UserError
from trueup.model.pipeline import Template

ROOTS = ("params", "steps", "item", "index", "run")
MAX_LENGTH = 2_000
MAX_DEPTH = 50

Path: TypeAlias = tuple[str | int, ...]


class ExpressionError(ConfigError):
    """The text between `${` and `}` is not an expression, or names something that cannot be there."""


class ValueMissing(UserError):
    """An expression is well-formed, but what it names is not there in this run, or two values do not compare."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a text, true, false or null."""

    value: Any


@dataclass(frozen=True, slots=True)
class Reference:
    """A name and the way on from it; each part is the expression of a key."""

    root: str
    parts: tuple[Node, ...] = ()

    @property
    def path(self) -> Path:
        """The parts up to the first that is not known before the run."""
        known: list[str | int] = [self.root]
        for part in self.parts:
            if not isinstance(part, Literal):
                break
            known.append(part.value)
        return tuple(known)


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator or function, with its operands."""

    name: str
    operands: tuple[Node, ...]


Node: TypeAlias = Literal | Reference | Operation

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<text>'[^']*'|\"[^\"]*\")|(?P<name>[A-Za-z_][A-Za-z0-9_-]*)"
    r"|(?P<sign>==|!=|<=|>=|[<>().,\[\]-]))"
)
_CONSTANTS = {"true": True, "false": False, "null": None}
_FUNCTIONS = {"len": 1, "default": 2}
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=", "in")
_INSTEAD = {
    "&": "write `and`",
    "|": "write `or`",
    "!": "write `not`",
    "=": "write `==`",
    "+": "it does not compute: do that in a step",
}


# -- templates
# ----------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _pieces(text: str) -> tuple[str | Node, ...]:
    """Cuts a string into plain text and expressions."""
    pieces: list[str | Node] = []
    plain = ""
    at = 0
    while (start := text.find("${", at)) >= 0:
        if start > at and text[start - 1] == "$":
            plain += text[at : start - 1] + "${"
            at = start + 2
            continue
        plain += text[at:start]
        end = _end(text, start + 2)
        if plain:
            pieces.append(plain)
            plain = ""
        pieces.append(parse(text[start + 2 : end]))
        at = end + 1
    plain += text[at:]
    if plain or not pieces:
        pieces.append(plain)
    return tuple(pieces)


def _end(text: str, start: int) -> int:
    """Where the `}` of an expression is; one inside quotes does not count."""
    quote = ""
    for at in range(start, len(text)):
        sign = text[at]
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign == "}":
            return at
    raise ExpressionError(
        "a `${` is not closed", where=text, hint="add the `}`, or write `$${` for the plain text `${`"
    )


def references(template: Template) -> Iterator[Path]:
    """Every reference in a template, as far as it is known before the run: ("steps", "check", "output", "rows").

    Raises:
        ExpressionError: a string in it is not well-formed.
    """
    if isinstance(template, str):
        for piece in _pieces(template):
            if not isinstance(piece, str):
                yield from _references(piece)
    elif isinstance(template, Mapping):
        for value in template.values():
            yield from references(value)
    elif isinstance(template, list | tuple):
        for value in template:
            yield from references(value)


def _references(node: Node) -> Iterator[Path]:
    if isinstance(node, Reference):
        yield node.path
        for part in node.parts:
            yield from _references(part)
    elif isinstance(node, Operation):
        for operand in node.operands:
            yield from _references(operand)


def render(template: Template, scope: Mapping[str, Any]) -> Any:
    """The template with every `${…}` replaced by its value in `scope` (a value for each root).

    A string that is one `${…}` becomes the value itself; inside other text a value is put in as text (JSON where it
    is not a string).

    Raises:
        ValueMissing: it names something that is not there.
    """
    if isinstance(template, str):
        pieces = _pieces(template)
        if len(pieces) == 1:
            return pieces[0] if isinstance(pieces[0], str) else evaluate(pieces[0], scope)
        return "".join(one if isinstance(one, str) else _text(evaluate(one, scope)) for one in pieces)
    if isinstance(template, Mapping):
        return {key: render(value, scope) for key, value in template.items()}
    if isinstance(template, list | tuple):
        return [render(value, scope) for value in template]
    return template


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# -- parsing
# ------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def parse(text: str) -> Node:
    """The expression in `text` (without `${` and `}`).

    Raises:
        ExpressionError: it is not one; says where and what to write instead.
    """
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.depth = 0
        if len(text) > MAX_LENGTH:
            raise ExpressionError(f"an expression is longer than {MAX_LENGTH} characters", hint="do it in a step")
        self.tokens = list(self._tokens())
        self.at = 0

    def _tokens(self) -> Iterator[tuple[str, str]]:
        at, end = 0, len(self.text.rstrip())
        while at < end:
            match = _TOKEN.match(self.text, at)
            if match is None:
                rest = self.text[at:].lstrip()
                raise self.wrong(f"{rest[:1]!r} means nothing here", _INSTEAD.get(rest[:1], ""))
            kind = str(match.lastgroup)
            yield kind, match[kind]
            at = match.end()

    def wrong(self, why: str, hint: str = "") -> ExpressionError:
        return ExpressionError(f"`{self.text.strip()}` is not an expression", why=why, hint=hint)

    def peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def take(self, expected: str = "") -> tuple[str, str]:
        if self.at >= len(self.tokens):
            raise self.wrong(f"{expected!r} is missing at the end" if expected else "it ends too early")
        token = self.tokens[self.at]
        if expected and token[1] != expected:
            raise self.wrong(f"{expected!r} was expected where {token[1]!r} stands")
        self.at += 1
        return token

    def whole(self) -> Node:
        node = self.either()
        if self.at < len(self.tokens):
            raise self.wrong(f"{self.peek()!r} was not expected")
        return node

    def either(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.wrong("it is nested too deeply", "do it in a step")
        node = self.both()
        while self.peek() == "or":
            self.take()
            node = Operation("or", (node, self.both()))
        self.depth -= 1
        return node

    def both(self) -> Node:
        node = self.negation()
        while self.peek() == "and":
            self.take()
            node = Operation("and", (node, self.negation()))
        return node

    def negation(self) -> Node:
        if self.peek() != "not":
            return self.comparison()
        self.take()
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.wrong("it is nested too deeply", "do it in a step")
        node = Operation("not", (self.negation(),))
        self.depth -= 1
        return node

    def comparison(self) -> Node:
        left = self.value()
        sign = self.peek()
        if sign in _COMPARISONS:
            self.take()
            return Operation(sign, (left, self.value()))
        if sign == "not":
            self.take()
            self.take("in")
            return Operation("not", (Operation("in", (left, self.value())),))
        return left

    def value(self) -> Node:
        kind, text = self.take()
        if kind == "number":
            return Literal(_number(text))
        if kind == "text":
            return Literal(text[1:-1])
        if text == "-":
            kind, text = self.take()
            if kind == "number":
                return Literal(-_number(text))
            raise self.wrong("it does not compute", "do that in a step")
        if text == "(":
            node = self.either()
            self.take(")")
            return node
        if kind != "name":
            raise self.wrong(f"{text!r} was not expected")
        if text in _CONSTANTS:
            return Literal(_CONSTANTS[text])
        if self.peek() == "(":
            return self.call(text)
        return self.reference(text)

    def call(self, name: str) -> Node:
        if name not in _FUNCTIONS:
            raise self.wrong(
                f"there is no function {name}()", f"there are {_listed([f'{one}()' for one in _FUNCTIONS])}"
            )
        self.take("(")
        operands = [self.either()]
        while self.peek() == ",":
            self.take()
            operands.append(self.either())
        self.take(")")
        if len(operands) != _FUNCTIONS[name]:
            raise self.wrong(f"{name}() takes {_FUNCTIONS[name]} value(s), not {len(operands)}")
        return Operation(name, tuple(operands))

    def reference(self, root: str) -> Node:
        if root not in ROOTS:
            hint = f"names start with {_listed(ROOTS)}; a text goes into quotes: '{root}'"
            raise self.wrong(f"nothing is called {root!r}", hint)
        parts: list[Node] = []
        while self.peek() in (".", "["):
            if self.take()[1] == ".":
                kind, text = self.take()
                if kind == "name":
                    parts.append(Literal(text))
                elif kind == "number" and text.isdigit():
                    parts.append(Literal(int(text)))
                else:
                    raise self.wrong(f"a name was expected after the dot, not {text!r}", "write [0] or ['odd name']")
            else:
                parts.append(self.either())
                self.take("]")
        return Reference(root, tuple(parts))


def _number(text: str) -> int | float:
    return float(text) if "." in text else int(text)


# -- evaluation
# ---------------------------------------------------------------------------------------------------------


def evaluate(node: Node, scope: Mapping[str, Any]) -> Any:
    """The expression's value in `scope`.

    Raises:
        ValueMissing: it names something that is not there, or compares what does not compare.
    """
    if isinstance(node, Literal):
        return node.value
    if isinstance(node, Reference):
        return _look_up(node, scope)
    return _operate(node, scope)


def _look_up(node: Reference, scope: Mapping[str, Any]) -> Any:
    if node.root not in scope:
        raise ValueMissing(
            f"`{node.root}` is not there", hint="`item` and `index` exist in a step with `for_each` only"
        )
    value = scope[node.root]
    so_far = node.root
    for part in node.parts:
        key = evaluate(part, scope)
        value = _member(value, key, so_far)
        so_far += f".{key}"
    return value


def _member(value: Any, key: Any, so_far: str) -> Any:
    if isinstance(value, Mapping):
        if key in value:
            return value[key]
        raise ValueMissing(f"`{so_far}` has no `{key}`", why=f"it has {_listed(value) or 'nothing'}")
    if isinstance(value, list) and isinstance(key, int) and not isinstance(key, bool):
        if -len(value) <= key < len(value):
            return value[key]
        raise ValueMissing(f"`{so_far}` has no [{key}]", why=f"it has {len(value)} members")
    what = {type(None): "null", str: "a text", list: "a list", bool: "true or false"}.get(type(value), "a number")
    hint = "`default(…, …)` gives another value where there is none" if value is None else ""
    raise ValueMissing(f"`{so_far}` has no `{key}`", why=f"it is {what}", hint=hint)


def _operate(node: Operation, scope: Mapping[str, Any]) -> Any:
    name, operands = node.name, node.operands
    if name == "default":
        try:
            value = evaluate(operands[0], scope)
        except ValueMissing:
            value = None
        return evaluate(operands[1], scope) if value is None else value
    left = evaluate(operands[0], scope)
    if name == "or":
        return left or evaluate(operands[1], scope)
    if name == "and":
        return left and evaluate(operands[1], scope)
    if name == "not":
        return not left
    if name == "len":
        if isinstance(left, str | list | Mapping):
            return len(left)
        raise ValueMissing("len() takes a text, a list or an object", why=f"it was given {_text(left)}")
    return _compare(name, left, evaluate(operands[1], scope))


def _compare(name: str, left: Any, right: Any) -> bool:
    if name == "==":
        return _same(left, right)
    if name == "!=":
        return not _same(left, right)
    if name == "in":
        if isinstance(right, str) and isinstance(left, str):
            return left in right
        if isinstance(right, list):
            return any(_same(left, one) for one in right)
        if isinstance(right, Mapping) and isinstance(left, str):
            return left in right
    elif (_is_number(left) and _is_number(right)) or (isinstance(left, str) and isinstance(right, str)):
        return bool({"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[name])
    raise ValueMissing(
        f"{_text(left)!r} {name} {_text(right)!r} does not compare",
        hint="numbers compare with numbers, texts with texts",
    )


def _same(left: Any, right: Any) -> bool:
    # JSON knows true from 1; Python does not.
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _listed(names: Any) -> str:
    return ", ".join(str(one) for one in names)
