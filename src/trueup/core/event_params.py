"""Parameters that people write into the description of an event.

Either lines `name: value` between other text, or a block: a JSON object, or what stands between two lines of ```` ``` ````. In a block every
name must be one of the pipeline's parameters; of the lines only those count, so that a sentence with a colon does no harm, but one that
comes close to a parameter's name is taken for a slip of the pen.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from trueup.core.params import bind
from trueup.model.errors import UsageError
from trueup.model.pipeline import PipelineSpec

ReadBlock = Callable[[str], Mapping[str, Any]]

_LINE = re.compile(r"\s*([A-Za-z_][\w.-]*)\s*:(?:\s+(.*?))?\s*")
_FENCE = re.compile(r"^[ \t]*```[a-z]*[ \t]*\n(.*?)\n[ \t]*```[ \t]*$", re.S | re.M)
_MARKUP = re.compile(r"<(?:br|p|div|span|html-blob|ul|li|b|i|a)\b", re.I)
_BREAK = re.compile(r"<br\s*/?>|</(?:p|div|li|ul)>", re.I)


def params_of(
    description: str, given: Mapping[str, Any], spec: PipelineSpec | None, read_block: ReadBlock = json.loads
) -> dict[str, Any]:
    """The parameters of a run that an event starts: the event's own before those of the schedule.

    Args:
        description: the event's.
        given: the schedule's.
        spec: the pipeline; None: a job, which has none.
        read_block: reads a block; raises ValueError where it cannot.

    Returns:
        The value of every parameter of the pipeline.

    Raises:
        UsageError: one is missing, does not fit, or is none of the pipeline's.
    """
    if spec is None:
        return {}
    return bind(spec, {**given, **written(description, [one.name for one in spec.params], read_block)}, text=True)


def written(description: str, names: list[str], read_block: ReadBlock = json.loads) -> dict[str, Any]:
    """What a description says, as it says it: texts from lines, values from a block.

    Raises:
        UsageError: a block cannot be read, or a line has a name that comes close to one of `names`.
    """
    text = _plain(description)
    fenced = _FENCE.search(text)
    block = fenced[1] if fenced else text if text.lstrip().startswith("{") else None
    if block is not None:
        try:
            value = read_block(block)
        except ValueError as error:
            raise UsageError("the block of parameters in the description cannot be read", why=str(error)) from None
        if not isinstance(value, Mapping):
            raise UsageError("the block of parameters in the description must hold names and values")
        return dict(value)
    return _lines(text, names)


def _lines(text: str, names: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            continue
        name = match[1]
        if name in names:
            found[name] = match[2] or ""
        elif meant := get_close_matches(name, names, n=1, cutoff=0.8):
            raise UsageError(
                f"the description has “{name}:”, which is no parameter", hint=f"did you mean `{meant[0]}`?"
            )
    return found


def _plain(text: str) -> str:
    """Some calendars keep descriptions as HTML."""
    text = text.replace("\r\n", "\n")
    if not _MARKUP.search(text):
        return text
    return html.unescape(re.sub(r"<[^>]*>", "", _BREAK.sub("\n", text))).replace("\xa0", " ")
