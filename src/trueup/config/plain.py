"""Parts of the schema that go on as plain JSON, with secrets in them by name."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel

from trueup.config.models import SecretModel
from trueup.config.secrets import SecretRef, findings
from trueup.model.diagnostics import Diagnostic, Severity


def plain(model: BaseModel, without: Collection[str] = ()) -> dict[str, Any]:
    """A model as JSON; a secret as the one member that says where it is."""
    return {name: _value(getattr(model, name)) for name in type(model).model_fields if name not in without}


def _value(value: Any) -> Any:
    if isinstance(value, SecretModel):
        return value.model_dump(exclude_none=True)
    if isinstance(value, BaseModel):
        return plain(value)
    if isinstance(value, dict):
        return {key: _value(one) for key, one in value.items()}
    return [_value(one) for one in value] if isinstance(value, list) else value


def secret_findings(value: Any, root: Path, whose: str, key: str = "") -> Iterator[Diagnostic]:
    """Passwords in plain text, and secret files that others can read, in what `plain` made.

    Args:
        value: that, or a part of it.
        root: the folder of trueup.yaml.
        whose: "job office".
        key: what the value stands under.
    """
    if isinstance(value, dict) and set(value) <= {"env", "file", "command", "keyring"} and value and key != "sources":
        if "file" in value:
            yield from findings(SecretRef(file=value["file"]), root, f"{key} of {whose}")
    elif isinstance(value, dict):
        name = f"source {value['name']}" if "name" in value and "kind" in value else whose
        for inner, one in value.items():
            yield from secret_findings(one, root, name, inner)
    elif isinstance(value, list):
        for one in value:
            yield from secret_findings(one, root, whose, key)
    elif isinstance(value, str) and "://" in value and urlsplit(value).password:
        hint = "use {env: NAME}, {file: path}, {command: […]} or {keyring: service/user}"
        what = f"the {key or 'address'} of {whose} has its password in plain text"
        yield Diagnostic(Severity.WARNING, what, hint=hint)
