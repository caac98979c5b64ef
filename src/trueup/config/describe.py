"""The schema of `trueup.yaml` in words, for the sample of `init` and for the reference."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from trueup.config.backup_models import Checksum, Command, Databases, Every, Growth, NumberOrOff, Size
from trueup.config.models import (
    Clock,
    CollectionModel,
    Duration,
    Limits,
    Pattern,
    PreferModel,
    SecretModel,
    ShareOrOff,
    Switch,
    Words,
)
from trueup.config.quality_models import Alarm, Anomaly, Region, Share

_NAMED = {
    Share: "percentage",
    Alarm: "`warn`, `block` or `off`",
    Region: "country code",
    Anomaly: "`warn`, `block`, `off`, or `action` and `share`",
    Duration: "duration",
    Limits: "percentage, number, both in a list, or off",
    ShareOrOff: "percentage or off",
    Switch: "on or off",
    Checksum: "size or `all`",
    Clock: "time of day",
    Command: "text for the shell, or list",
    Databases: "list of texts or `all`",
    Every: "`every run`, duration or off",
    Growth: "percentage or off",
    NumberOrOff: "number or off",
    Size: "size",
}
_PLAIN = {str: "text", int: "whole number", float: "number", bool: "on or off", Any: "any value"}


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the file.

    Attributes:
        path: how it is reached from its model: "window.past".
        type: what it takes, in words.
        required: it must be given.
        default: what holds where it is not given, as written in the file; "" for nothing.
        description: one line.
    """

    path: str
    type: str
    required: bool
    default: str
    description: str


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[Key]:
    """Every key of a model and of the models inside it, in the order of the schema; lists of models are gone into."""
    for name, field in model.model_fields.items():
        path = f"{prefix}{field.alias or name}"
        words = _words(_annotation(field))
        yield Key(path, words, field.is_required(), shown(_default(field), words), field.description or "")
        for inner in _inner(field.annotation):
            if inner is not SecretModel:
                listed = "[]" if get_origin(field.annotation) is list else ""
                yield from keys(inner, f"{path}{listed}.")


def shown(value: Any, words: str = "") -> str:
    """A default as it would be written; `words` say what its key takes."""
    if value is None or value in ([], {}, ""):
        return ""
    if isinstance(value, float) and words.startswith(("percentage", "number", "`every run`")):
        return f"{value:g}" if words[0] == "n" else f"{value:.0%}" if words[0] == "p" else _every(value)
    if isinstance(value, bool):
        return "on" if value else "off"
    if value == 0.0 and isinstance(value, float):
        return "0s"
    if isinstance(value, float) and 0 < value < 1:
        return f"{value:.0%}"
    if isinstance(value, float):
        return next(f"{value / size:.0f}{unit}" for unit, size in _UNITS if value % size == 0)
    return f"[{', '.join(shown(one) for one in value)}]" if isinstance(value, list) else str(value)


def _every(value: float) -> str:
    return shown(value) if value else "every run"


_UNITS = (("y", 31_557_600.0), ("d", 86_400.0), ("h", 3600.0), ("m", 60.0), ("s", 1.0), ("s", 0.001))


def _default(field: FieldInfo) -> Any:
    value = None if field.is_required() else field.get_default(call_default_factory=True, validated_data={})
    return None if isinstance(value, BaseModel) else value


def _annotation(field: FieldInfo) -> Any:
    """The annotation with what pydantic took out of it."""
    for named in (*_NAMED, Words, Pattern):
        arguments = get_args(named)
        if field.annotation == arguments[0] and list(field.metadata[:1]) == list(arguments[1:2]):
            return named
    return field.annotation


def _words(annotation: Any) -> str:
    if annotation in _NAMED:
        return _NAMED[annotation]
    if annotation == Words:
        return "list of texts"
    if annotation == Pattern:
        return "regular expression"
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " / ".join(f"`{one}`" for one in arguments)
    if origin is types.UnionType or str(origin) == "typing.Union":
        return " or ".join(_words(one) for one in arguments if one is not type(None))
    if origin is list:
        inner = _words(arguments[0])
        return f"list of {inner}" if inner.endswith(("s", "`")) else f"list of {inner}s"
    if origin is dict:
        return "keys and values"
    if hasattr(annotation, "__metadata__"):
        return _words(annotation.__origin__)
    if annotation is SecretModel:
        return "secret"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {CollectionModel: "collection", PreferModel: "`{prefer: STORE}`"}.get(annotation, "keys and values")
    raise TypeError(f"no words for {annotation}")


def _inner(annotation: Any) -> list[type[BaseModel]]:
    """The models inside an annotation; what the user names (jobs, steps) is described apart."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) is dict:
        return []
    return [one for argument in get_args(annotation) for one in _inner(argument)]
