"""What the schema found, in our words and at its place in the file."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from trueup.config.source import Source, Where
from trueup.model.diagnostics import Diagnostic

_M = TypeVar("_M", bound=BaseModel)

_TYPES = {
    "dict_type": "must hold keys and values",
    "model_type": "must hold keys and values",
    "list_type": "must be a list",
    "string_type": "must be a text",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be on or off",
}


def checked(model: type[_M], value: Any, source: Source, where: Where = ()) -> tuple[_M | None, list[Diagnostic]]:
    """A part of the file by its model.

    Args:
        model: what it must be like.
        value: the part.
        where: where it stands.

    Returns:
        The part, or None and what is wrong with it, one finding a place.
    """
    try:
        return model.model_validate(value), []
    except ValidationError as error:
        found: dict[Where, Diagnostic] = {}
        for one in error.errors(include_url=False):
            place = _where(value, one["loc"], one["type"])
            found.setdefault(place, _finding(model, source, where, place, one))
        # What may be written in two forms is wrong in both; the form that was meant has its error further down.
        deepest = [
            place for place in found if not any(len(other) > len(place) == _common(other, place) for other in found)
        ]
        return None, [found[place] for place in deepest]


def meant(name: str, known: Collection[str]) -> str:
    """What to do about a name that nobody knows."""
    close = get_close_matches(name, list(known), n=1)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"there are: {', '.join(known)}" if known else ""


def _common(one: Where, other: Where) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _finding(model: type[BaseModel], source: Source, base: Where, place: Where, error: Mapping[str, Any]) -> Diagnostic:
    where = (*base, *place)
    kind, given = error["type"], error.get("input")
    if kind == "extra_forbidden":
        key = str(where[-1])
        return source.finding(where, f"unknown key `{key}`", hint=meant(key, _known_keys(model, place)), key=True)
    description = _describe(model, place)
    if kind == "missing":
        return source.finding(
            where, f"`{where[-1]}` is missing", why=description and f"it says {description}", key=True
        )
    name = _name(where)
    if given is None:
        return source.finding(where, f"{name} is empty", hint="fill it, or take the line out")
    shown = f"it is {_shown(given)}" if isinstance(given, str | int | float) else ""
    return source.finding(where, f"{name} {_sentence(error)}", why=shown, hint=_hint(error, name, description))


def _sentence(error: Mapping[str, Any]) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind in _TYPES:
        return _TYPES[kind]
    if kind == "literal_error":
        return "must be " + re.sub(r"'([^']*)'", r"`\1`", str(context["expected"]))
    if kind == "greater_than_equal":
        return f"must be at least {context['ge']}"
    if kind == "less_than_equal":
        return f"must be at most {context['le']}"
    message = str(error["msg"]).removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _hint(error: Mapping[str, Any], name: str, description: str) -> str:
    given = error.get("input")
    if error["type"] == "string_type":
        return "put it in quotes"
    if error["type"] == "literal_error" and isinstance(given, str):
        words = re.findall(r"'([^']*)'", str(error["ctx"]["expected"]))
        close = get_close_matches(given, words, n=1)
        if close:
            return f"did you mean `{close[0]}`?"
    if error["type"] == "model_type" and isinstance(given, str) and "Collection" in str(error.get("ctx")):
        store, _, calendar = given.partition("/")
        return f"write {{store: {store}, name: {calendar}}}" if calendar else f"write {{store: {store}}}"
    return f"{name}: {description}" if description else ""


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"“{value[:60]}”" if isinstance(value, str) else str(value)


def _name(where: Where) -> str:
    if where and isinstance(where[-1], int):
        return f"`{where[-2]}[{where[-1]}]`" if len(where) > 1 else f"`[{where[-1]}]`"
    return f"`{where[-1]}`" if where else "the file"


def _where(value: Any, loc: Sequence[str | int], kind: str) -> Where:
    """The part of pydantic's location that is in the file: names of union members are left out."""
    where: list[str | int] = []
    for part in loc[:-1]:
        inside = part in value if isinstance(value, dict) else isinstance(value, list) and part in range(len(value))
        if not inside:
            continue
        value = value[part]
        where.append(part)
    last = loc[-1] if loc else ""
    known = last in value if isinstance(value, dict) else isinstance(value, list) and isinstance(last, int)
    return (*where, last) if known or kind == "missing" else tuple(where)


def _fields(model: type[BaseModel], place: Where) -> Mapping[str, Any]:
    """The fields of the model that describes the parent of a place."""
    current: Any = model
    for part in place[:-1]:
        if isinstance(part, int) or current is None:
            continue
        fields = getattr(current, "model_fields", {})
        name = next((key for key, one in fields.items() if part in (key, one.alias)), None)
        current = current if name is None else _inner(fields[name].annotation)
    return getattr(current, "model_fields", {})


def _inner(annotation: Any) -> Any:
    if hasattr(annotation, "model_fields"):
        return annotation
    return next((found for one in reversed(getattr(annotation, "__args__", ())) if (found := _inner(one))), None)


def _known_keys(model: type[BaseModel], place: Where) -> list[str]:
    return [one.alias or name for name, one in _fields(model, place).items()]


def _describe(model: type[BaseModel], place: Where) -> str:
    matching: Iterator[Any] = (
        one for name, one in _fields(model, place).items() if place and place[-1] in (name, one.alias)
    )
    found = next(matching, None)
    return str(found.description or "") if found else ""
