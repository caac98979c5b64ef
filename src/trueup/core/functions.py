"""The user's Python functions as steps: found, called, their answer checked, their errors shown without our own frames.

    def check(region: str, context) -> dict:
        context.emit("checking", region=region)
        return {"count": 3}

A function is called with keyword arguments. One that has a parameter `context` is handed a `Context`. It returns
JSON: a plain value, list or
dict; an `async def` is run to its end.
"""

from __future__ import annotations

import importlib
import inspect
import json
import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from trueup.model.errors import ConfigError, TrueupError, UserError

MAX_OUTPUT = 1_000_000
"""The largest output of one step, in bytes of JSON: what fits through every engine (Temporal refuses a payload above
2 MB)."""

_ASYNCIO = os.path.join(os.path.dirname(os.__file__), "asyncio", "")

_path = threading.Lock()


class StepFailed(TrueupError):
    """A step's function raised, or did not end in time; it may be tried again.

    Args:
        trace: the traceback, the user's part of it; "" for none.
    """

    def __init__(self, what: str, *, trace: str = "", where: str = "", why: str = "", hint: str = "") -> None:
        super().__init__(what, where=where, why=why, hint=hint)
        self.trace = trace


class NotJson(UserError):
    """A step's function returned something that cannot be kept."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a step's function may ask for by having a parameter `context`.

    Attributes:
        params: the run's parameters.
        run: the run's id, the same after a crash: a good part of an idempotency key.
        step: the step's key ("send" or "send[3]").
        attempt: which attempt this is, from 1.
        emit: `emit(message, **data)` shows progress; data is small JSON.
        cancelled: whether the run is asked to stop; a long function looks at it and returns early by raising.
        log: a logger.
    """

    params: Mapping[str, Any] = field(default_factory=dict)
    run: str = ""
    step: str = ""
    attempt: int = 1
    emit: Callable[..., None] = lambda message, **data: None
    cancelled: Callable[[], bool] = lambda: False

    @property
    def log(self) -> logging.Logger:
        """A logger named after the step."""
        return logging.getLogger(f"trueup.step.{self.step.split('[')[0]}")


def load(target: str, root: Path | None = None) -> Callable[..., Any]:
    """The function that "package.module:function" names.

    Args:
        target: its name.
        root: the folder to look in before the installed packages (where trueup.yaml is).

    Raises:
        ConfigError: there is no such module or function.
        StepFailed: the module raises when it is imported.
    """
    module_name, _, name = target.partition(":")
    _look_in(root)
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing and (missing == module_name or module_name.startswith(f"{missing}.")):
            places = f"{root} and the installed packages" if root else "the installed packages"
            hint = "write the module's file there, or install its package beside trueup"
            raise ConfigError(f"{target}: there is no module {missing}", why=f"looked in {places}", hint=hint) from None
        raise StepFailed(f"{module_name} cannot be imported: {_named(error)}", trace=trace_of(error)) from None
    for part in name.split("."):
        if not hasattr(found, part):
            close = get_close_matches(part, dir(found), n=1)
            hint = f"did you mean {close[0]!r}?" if close else ""
            raise ConfigError(f"{target}: {module_name} has no {part!r}", where=_file_of(module_name), hint=hint)
        found = getattr(found, part)
    if not callable(found):
        raise ConfigError(f"{target} is no function but a {type(found).__name__}", where=_file_of(module_name))
    return found  # type: ignore[no-any-return]


def _look_in(root: Path | None) -> None:
    if root is None:
        return
    with _path:
        if str(root) not in sys.path:
            sys.path.insert(0, str(root))
            importlib.invalidate_caches()


def _file_of(module: str) -> str:
    return str(getattr(sys.modules.get(module), "__file__", None) or "")


def call(target: str, arguments: Mapping[str, Any], context: Context, root: Path | None = None) -> Any:
    """What the function returns, as plain JSON values.

    Raises:
        ConfigError: there is no such function.
        UserError: it does not take these arguments; it returned something that is not JSON, or too much of it.
        StepFailed: it raised.
    """
    function = load(target, root)
    given = _fitted(target, function, arguments, context)
    try:
        result = function(**given)
        if inspect.iscoroutine(result):
            import asyncio  # it takes long to import, and few need it

            result = asyncio.run(result)
    except (Exception, SystemExit) as error:
        raise StepFailed(_named(error), trace=trace_of(error), where=target) from None
    return plain(result, target)


def _fitted(
    target: str, function: Callable[..., Any], arguments: Mapping[str, Any], context: Context
) -> dict[str, Any]:
    given = dict(arguments)
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return given  # written in C: the call itself will tell
    if "context" in signature.parameters and "context" not in given:
        given["context"] = context
    try:
        signature.bind(**given)
    except TypeError as error:
        takes = ", ".join(name for name in signature.parameters if name != "context") or "nothing"
        raise UserError(f"{target} does not take what `with` gives: {error}", hint=f"it takes: {takes}") from None
    return given


def plain(value: Any, target: str) -> Any:
    """The value as it will come back from the ledger: lists for tuples, texts for keys.

    Raises:
        NotJson: it is not JSON, or larger than `MAX_OUTPUT`.
    """
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        hint = "return texts, numbers, true/false, None, lists and dicts; a date as its isoformat()"
        raise NotJson(f"{target} returned something that is not JSON", why=_culprit(value), hint=hint) from None
    if len(text) > MAX_OUTPUT:
        why = f"{len(text):,} bytes of JSON, {MAX_OUTPUT:,} are allowed"
        raise NotJson(f"{target} returned too much", why=why, hint="write it to a file and return the file's path")
    return json.loads(text)


def _culprit(value: Any, path: str = "the output", depth: int = 0) -> str:
    """Where the first value that is not JSON stands; "" where there is none."""
    if depth > 50:
        return f"{path} is nested too deeply, or holds itself"
    if isinstance(value, dict):
        for key, one in value.items():
            if not isinstance(key, str | int | float | None):
                return f"{path} has a key of type {type(key).__name__}"
            if found := _culprit(one, f"{path}[{key!r}]", depth + 1):
                return found
        return ""
    if isinstance(value, list | tuple):
        return next(filter(None, (_culprit(one, f"{path}[{at}]", depth + 1) for at, one in enumerate(value))), "")
    if value is None or isinstance(value, str | int | bool):
        return ""
    if isinstance(value, float):
        return f"{path} is {value}" if value != value or value in (float("inf"), float("-inf")) else ""
    return f"{path} is of type {type(value).__name__}"


def _named(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"it called sys.exit({error.code!r})"
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def trace_of(error: BaseException) -> str:
    """The traceback without our frames and those of the import machinery."""
    shown = traceback.TracebackException(type(error), error, error.__traceback__, compact=True)
    _trim(shown)
    return "".join(shown.format()).rstrip()


def _trim(shown: traceback.TracebackException) -> None:
    shown.stack = traceback.StackSummary.from_list([one for one in shown.stack if not _ours(one.filename)])
    for further in (shown.__cause__, shown.__context__):
        if further is not None:
            _trim(further)


def _ours(file: str) -> bool:
    return file.startswith(("<frozen ", _ASYNCIO)) or file in (__file__, importlib.__file__)
