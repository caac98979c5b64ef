"""Parameters of a pipeline: given values checked against their types, defaults filled in."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from trueup.model.errors import UsageError
from trueup.model.pipeline import ParamSpec, ParamType, PipelineSpec

_SHOWN = {
    ParamType.STRING: "a text",
    ParamType.INTEGER: "a whole number",
    ParamType.NUMBER: "a number",
    ParamType.BOOLEAN: "true or false",
    ParamType.LIST: 'a list, as ["a", "b"]',
    ParamType.OBJECT: 'an object, as {"a": 1}',
}


def bind(spec: PipelineSpec, given: Mapping[str, Any], *, text: bool = False) -> dict[str, Any]:
    """The value of every parameter of the pipeline.

    Args:
        spec: the pipeline.
        given: values by name.
        text: the values are texts from a command line: a number, boolean, list or object is read as JSON.

    Raises:
        UsageError: a value is missing, of another type, or for no parameter of this pipeline.
    """
    known = {one.name: one for one in spec.params}
    for name in given:
        if name not in known:
            there = ", ".join(known) or "none"
            raise UsageError(f"pipeline {spec.name} has no parameter {name!r}", hint=f"it has: {there}")
    return {name: _value(spec, param, given, text) for name, param in known.items()}


def _value(spec: PipelineSpec, param: ParamSpec, given: Mapping[str, Any], text: bool) -> Any:
    if param.name not in given:
        if param.required:
            what = f"pipeline {spec.name} needs a value for {param.name!r} ({_SHOWN[param.type]})"
            raise UsageError(
                what, why=param.description, hint=f"--param {param.name}=…, or a default in the configuration"
            )
        return param.default
    value = given[param.name]
    if text and isinstance(value, str):
        value = _read(value, param.type)
    if not fits(value, param.type):
        shown = json.dumps(value, ensure_ascii=False, default=repr)
        raise UsageError(f"{param.name!r} of pipeline {spec.name} must be {_SHOWN[param.type]}, not {shown}")
    return value


def _read(value: str, kind: ParamType) -> Any:
    if kind is ParamType.STRING:
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value  # does not fit, and the refusal shows it as it was typed


def fits(value: Any, kind: ParamType) -> bool:
    """Whether a JSON value is of the type; null fits none, a whole float is an integer as in JSON Schema."""
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return {
        ParamType.STRING: isinstance(value, str),
        ParamType.INTEGER: number and value == int(value),
        ParamType.NUMBER: number,
        ParamType.BOOLEAN: isinstance(value, bool),
        ParamType.LIST: isinstance(value, list),
        ParamType.OBJECT: isinstance(value, dict),
    }[kind]
