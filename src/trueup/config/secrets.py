"""Secrets: named in the configuration, looked up when a store is first used, never kept and never printed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trueup.model.diagnostics import Diagnostic, Severity
from trueup.model.errors import SecretMissing

COMMAND_SECONDS = 60


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where a secret is: exactly one of these (`models.SecretModel` says what they are)."""

    env: str | None = None
    file: str | None = None
    command: list[str] | None = None
    keyring: str | None = None


def resolve(secret: SecretRef | str, root: Path, what: str) -> str:
    """The secret itself.

    Args:
        secret: the reference, or the secret in plain text.
        root: the folder that relative files are taken from.
        what: whose it is, for messages ("password of store work").

    Raises:
        SecretMissing: it is not where the configuration says.
    """
    if isinstance(secret, str):
        return secret
    if secret.env is not None:
        value = os.environ.get(secret.env)
        if not value:
            hint = f"export {secret.env}=… before you run trueup"
            why = f"the environment has no {secret.env}" if value is None else f"{secret.env} is empty"
            raise SecretMissing(f"the {what} is missing", why=why, hint=hint)
        return value
    if secret.file is not None:
        return _from_file(root / Path(secret.file).expanduser(), what)
    if secret.command is not None:
        return _from_command(secret.command, root, what)
    return _from_keyring(secret.keyring or "", what)


def findings(secret: SecretRef | str, root: Path, what: str) -> Iterator[Diagnostic]:
    """What `doctor` has to say of a secret without looking at it."""
    if isinstance(secret, str):
        hint = "use {env: NAME}, {file: path}, {command: […]} or {keyring: service/user}"
        yield Diagnostic(Severity.WARNING, f"the {what} stands in trueup.yaml in plain text", hint=hint)
    elif secret.file is not None:
        path = root / Path(secret.file).expanduser()
        if path.exists() and path.stat().st_mode & 0o077:
            yield Diagnostic(Severity.WARNING, f"others can read the {what}", str(path), hint=f"chmod 600 {path}")


def _from_file(path: Path, what: str) -> str:
    try:
        text = path.read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise SecretMissing(f"the {what} cannot be read", where=str(path), why=why) from error
    if not text:
        raise SecretMissing(f"the {what} is missing", where=str(path), why="the file is empty")
    lines = text.splitlines()
    if lines[0].startswith("# created: "):  # as age-keygen writes its keys
        lines = [one for one in lines if not one.startswith("#")] or lines
    return lines[0]


def _from_command(command: list[str], root: Path, what: str) -> str:
    import subprocess

    try:
        done = subprocess.run(
            command, cwd=root, capture_output=True, text=True, timeout=COMMAND_SECONDS, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SecretMissing(f"the {what} is missing", where=command[0], why=str(error)) from error
    value = done.stdout.rstrip("\r\n")
    if done.returncode or not value:
        said = done.stderr.strip().splitlines()
        why = f"it ended with {done.returncode}" + (
            f": {said[-1]}" if said else "" if done.returncode else " and printed nothing"
        )
        raise SecretMissing(f"the {what} is missing", where=command[0], why=why)
    return value.splitlines()[0]


def _from_keyring(name: str, what: str) -> str:
    try:
        import keyring
    except ImportError as error:
        raise SecretMissing(
            f"the {what} is missing", why="keyring is not installed", hint='pip install "trueup[keyring]"'
        ) from error
    service, _, user = name.rpartition("/")
    value = keyring.get_password(service, user)
    if value is None:
        raise SecretMissing(
            f"the {what} is missing", why=f"the keyring has no {name}", hint=f"keyring set {service} {user}"
        )
    return str(value)
