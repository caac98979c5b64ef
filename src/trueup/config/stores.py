"""Stores: the connector's options, checked against its own declaration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from trueup.config.findings import meant
from trueup.config.models import SecretModel
from trueup.config.quantities import duration, switch
from trueup.config.secrets import SecretRef
from trueup.config.source import Where
from trueup.config.spec import WORKERS, StoreSpec


class OptionDeclaration(Protocol):
    """An option of a connector, as `connectors.base.Option` declares it."""

    @property
    def name(self) -> str: ...

    @property
    def type(self) -> str: ...

    @property
    def required(self) -> bool: ...

    @property
    def help(self) -> str: ...


class Declared(Protocol):
    """A connector's options."""

    @property
    def options(self) -> Sequence[OptionDeclaration]: ...


WORKERS_KEY = "workers"
WORKERS_HELP = "how many workers of an orchestrator may talk to it at once, over all machines that share the ledger"

Finding = tuple[Where, str, str, bool]
"""Place, what, hint, and whether it is about the key and not about the value."""


def store_spec(
    name: str, given: Mapping[str, Any], connectors: Mapping[str, Declared], root: Path
) -> tuple[list[Finding], StoreSpec | None]:
    """Checks one store.

    Returns:
        What is wrong with it, and the spec where nothing is.
    """
    where: Where = ("stores", name)
    connector = given.get("connector")
    if not isinstance(connector, str) or connector not in connectors:
        hint = meant(str(connector), list(connectors)) if connector else f"one of {', '.join(connectors)}"
        what = f"there is no connector `{connector}`" if connector else f"store `{name}` has no `connector`"
        return [((*where, "connector"), what, hint, not connector)], None
    declared = {one.name: one for one in connectors[connector].options}
    found: list[Finding] = []
    options: dict[str, Any] = {}
    secrets: dict[str, SecretRef | str] = {}
    for key, value in given.items():
        if key in ("connector", WORKERS_KEY):
            continue
        if key not in declared:
            found.append(((*where, key), f"unknown key `{key}`", meant(key, [*declared, WORKERS_KEY]), True))
            continue
        option = declared[key]
        try:
            if value is None:
                raise ValueError("is empty")
            if option.type == "secret":
                secrets[key] = _secret(value)
            else:
                options[key] = _value(option.type, value, root)
        except ValueError as error:
            found.append(((*where, key), f"`{key}` {error}", f"`{key}`: {option.help}", False))
    for option in declared.values():
        if option.required and option.name not in given:
            found.append((where, f"store `{name}` has no `{option.name}`", f"`{option.name}`: {option.help}", True))
    workers = given.get(WORKERS_KEY, WORKERS)
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        what = f"`{WORKERS_KEY}` must be a whole number, 1 or more"
        found.append(((*where, WORKERS_KEY), what, f"`{WORKERS_KEY}`: {WORKERS_HELP}", False))
    return found, None if found else StoreSpec(name, connector, options, secrets, workers)


def _value(kind: str, value: Any, root: Path) -> Any:
    """A value of an option's type; ValueError says what is right."""
    if kind == "int":
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError("must be a whole number")
        return value
    if kind == "bool":
        value = switch(value)
        if not isinstance(value, bool):
            raise ValueError("must be on or off")
        return value
    if kind == "duration":
        return duration(value)
    if kind == "words":
        listed = value if isinstance(value, list) else [value]
        if not listed or not all(isinstance(one, str) and one.strip() for one in listed):
            raise ValueError("must be a text or a list of texts; put numbers in quotes")
        return listed
    if not isinstance(value, str):
        raise ValueError("must be a text; put it in quotes")
    if not value.strip():
        raise ValueError("is empty")
    return root / Path(value).expanduser() if kind == "path" else value


def _secret(value: Any) -> SecretRef | str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and len(value) == 1:
        try:
            return SecretModel.model_validate(value).ref()
        except ValidationError:
            pass
    raise ValueError("must be {env: NAME}, {file: path}, {command: [program, argument …]} or {keyring: service/user}")
