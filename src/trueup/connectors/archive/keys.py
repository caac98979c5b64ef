"""Keys of an archive: age's X25519 identities and recipients (https://age-encryption.org/v1)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from trueup.model.errors import ConfigError

if TYPE_CHECKING:
    from pyrage import x25519


def new_identity() -> tuple[str, str]:
    """A new key pair.

    Returns:
        The identity (AGE-SECRET-KEY-1…, reads; to be kept safe) and the recipient (age1…, writes; public).
    """
    from pyrage import x25519

    identity = x25519.Identity.generate()
    return str(identity), str(identity.to_public())


def recipients(text: str, where: str) -> tuple[str, ...]:
    """The public keys in an option: keys with spaces or commas between them, or the path of a file as age's `-R` reads it (age(1)).

    Returns:
        Each once, sorted.

    Raises:
        ConfigError: there is something else in it.
    """
    text = text.strip()
    if "AGE-SECRET-KEY-" in text.upper():  # it must be shown nowhere, as a path that is not there would be
        raise ConfigError(
            "a recipient is not a public key",
            where=where,
            why="it is a private key",
            hint="`recipients` takes the public keys that age-keygen shows (age1…); private ones belong into `identity`",
        )
    if text and not text.startswith("age1"):
        text = _file(text, where)
    found = [one for one in re.split(r"[\s,]+", text) if one]
    for one in found:
        recipient(one, where)
    return tuple(sorted(set(found)))


def _file(path: str, where: str) -> str:
    try:
        with open(os.path.expanduser(path), encoding="utf-8") as file:
            return "\n".join(line for line in file if not line.lstrip().startswith("#"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            "the file with the recipients cannot be read",
            where=where,
            why=str(error),
            hint="set `recipients` to public keys (age1…), or to the path of a file with one a line",
        ) from error


def recipient(text: str, where: str) -> x25519.Recipient:
    """A public key.

    Raises:
        ConfigError: it is none.
    """
    import pyrage

    try:
        return pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError as error:
        raise ConfigError(
            "a recipient is not a public key",
            where=where,
            why=f"{text[:24]}… is not an age1… key" if text.startswith("age1") else "it does not begin with age1",
            hint="`recipients` takes the public keys that age-keygen shows (age1…)",
        ) from error


def identity(text: str, where: str) -> tuple[x25519.Identity, str]:
    """A private key, alone or as a whole file of age-keygen.

    Returns:
        The key, and its public key.

    Raises:
        ConfigError: it is none.
    """
    import pyrage

    lines: Iterable[str] = (line.strip() for line in text.splitlines())
    keys = [line for line in lines if line and not line.startswith("#")]
    try:
        (one,) = keys
        key = pyrage.x25519.Identity.from_str(one)
    except (ValueError, pyrage.IdentityError):
        raise ConfigError(
            "the identity is not a private key",
            where=where,
            why="it is not one AGE-SECRET-KEY-1… line",
            hint="`identity` takes the key that age-keygen made, or the whole file it wrote",
        ) from None
    return key, str(key.to_public())
