"""A pipeline's parameters as the signature of its flow: Prefect makes the form of a run from it, and checks what is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import Parameter, Signature
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

_TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "list": list[Any],
    "object": dict[str, Any],
}


def with_signature(fn: Callable[[Json], Any], name: str, params: Sequence[Json]) -> Callable[..., Any]:
    """A function with a keyword parameter for each of a pipeline's; it calls `fn` with all their values.

    Args:
        fn: takes {"name": value}.
        name: the function's name.
        params: as `calls.describe` has them: {"name", "type", "required", "default", "description"}.
    """

    def run(**given: Any) -> Any:
        return fn(given)

    parameters = [_parameter(one) for one in params]
    run.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    run.__name__ = run.__qualname__ = name.replace("-", "_")
    lines = [f"    {one['name']}: {one['description']}" for one in params if one.get("description")]
    run.__doc__ = "\n".join([f"Pipeline {name}.", "", "Args:", *lines]) if lines else None
    return run


def _parameter(one: Json) -> Parameter:
    kind = _TYPES[one["type"]]
    if one["required"]:
        return Parameter(one["name"], Parameter.KEYWORD_ONLY, annotation=kind)
    annotation = kind if one["default"] is not None else kind | None
    return Parameter(one["name"], Parameter.KEYWORD_ONLY, default=one["default"], annotation=annotation)
