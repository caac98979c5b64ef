"""Stores: the connector's options, checked against its own declaration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from trueup.config.quantities import duration
from trueup.config.secrets import SecretRef, resolve
from trueup.config.source import Where


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


@dataclass(frozen=True, slots=True)
class StoreSpec:
    """A store as configured: paths are absolute, secrets still to be looked up."""

    name: str
    connector: str
    options: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, SecretRef | str] = field(default_factory=dict)

    def resolved(self, root: Path) -> dict[str, Any]:
        """The options with the secrets in them.

        Raises:
            SecretMissing: one is not where the configuration says.
        """
        found = {name: resolve(one, root, f"{name} of store {self.name}") for name, one in self.secrets.items()}
        return {**self.options, **found}


Finding = tuple[Where, str, str]


def store_spec(
    name: str, given: Mapping[str, Any], connectors: Mapping[str, Declared], root: Path
) -> tuple[list[Finding], StoreSpec | None]:
    """Checks one store.

    Returns:
        What is wrong with it (place, what, hint), and the spec where nothing is.
    """
    where: Where = ("stores", name)
    connector = given.get("connector")
    if connector is None:
        return [(where, "`connector` is missing", f"one of {', '.join(connectors)}")], None
    if connector not in connectors:
        close = get_close_matches(str(connector), list(connectors), n=1)
        hint = f"did you mean `{close[0]}`?" if close else f"there are: {', '.join(connectors)}"
        return [((*where, "connector"), f"there is no connector `{connector}`", hint)], None
    declared = {one.name: one for one in connectors[connector].options}
    found: list[Finding] = []
    options: dict[str, Any] = {}
    secrets: dict[str, SecretRef | str] = {}
    for key, value in given.items():
        if key == "connector":
            continue
        if key not in declared:
            close = get_close_matches(key, list(declared), n=1)
            hint = f"did you mean `{close[0]}`?" if close else f"{connector} takes: {', '.join(declared)}"
            found.append(((*where, key), f"unknown key `{key}`", hint))
            continue
        option = declared[key]
        try:
            if option.type == "secret":
                secrets[key] = _secret(value)
            else:
                options[key] = _value(option.type, value, root)
        except ValueError as error:
            found.append(((*where, key), f"`{key}` {error}", option.help))
    for option in declared.values():
        if option.required and given.get(option.name) is None:
            found.append((where, f"`{option.name}` is missing", option.help))
    return found, None if found else StoreSpec(name, connector, options, secrets)


def _value(kind: str, value: Any, root: Path) -> Any:
    """A value of an option's type; ValueError says what is right."""
    if kind == "int":
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError("must be a whole number")
        return value
    if kind == "bool":
        if not isinstance(value, bool):
            raise ValueError("must be true or false")
        return value
    if kind == "duration":
        return duration(value)
    if not isinstance(value, str):
        raise ValueError("must be a text; put it in quotes")
    return root / Path(value).expanduser() if kind == "path" else value


def _secret(value: Any) -> SecretRef | str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and len(value) == 1:
        try:
            return SecretRef.model_validate(value)
        except ValidationError:
            pass
    raise ValueError("must be {env: NAME}, {file: path}, {command: [program, argument …]} or {keyring: service/user}")
