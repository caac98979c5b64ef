"""Whom a job tells of what: `notify:` of trueup.yaml, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from trueup.model.errors import ConfigError

Address: TypeAlias = str | Mapping[str, Any]
"""The URL of an apprise service or a heartbeat; or where it is: {"env": …}, {"file": …} …"""

HEARTBEAT = "heartbeat"

_KEYS = ("failure", "success", "recovery", "digest", "heartbeat")
_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://.+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Digest:
    """When a summary is sent: "daily" or "weekly", at a time of the day, on a day of the week (if weekly), in an IANA time zone."""

    every: str = "daily"
    at: str = "07:00"
    on: str = "monday"
    zone: str = "UTC"

    @property
    def cron(self) -> str:
        """The same as a cron expression."""
        hour, minute = self.at.split(":")
        return f"{int(minute)} {int(hour)} * * {_DAYS.index(self.on) if self.every == 'weekly' else '*'}"


@dataclass(frozen=True, slots=True)
class NotifySpec:
    """Whom a job tells of what. Its text names no address, since they hold passwords.

    Attributes:
        failure: told when a run failed, was blocked, missed or found damage; once, then daily while it lasts.
        success: told of every run that ended well.
        recovery: `failure` is told when all is well again.
        digest: a summary for `failure` (for `success` where that is empty); None: none.
        heartbeat: an outside watcher that is pinged at start, success and failure; None: none.
    """

    failure: tuple[Address, ...] = field(default=(), repr=False)
    success: tuple[Address, ...] = field(default=(), repr=False)
    recovery: bool = True
    digest: Digest | None = None
    heartbeat: Address | None = field(default=None, repr=False)

    @classmethod
    def from_options(cls, options: Mapping[str, Any], where: str = "notify", zone: str = "UTC") -> NotifySpec:
        """From what stands under `notify:`.

        Args:
            options: {"failure", "success", "recovery", "digest", "heartbeat"}; all may be left out.
            where: what that place is called in the configuration.
            zone: the digest's, where it names none.

        Raises:
            ConfigError: says what is wrong and where, without the address.
        """
        for key in options:
            if key not in _KEYS:
                raise ConfigError(f"there is no `{key}` in notify", where=where, hint=f"one of {', '.join(_KEYS)}")
        recovery = options.get("recovery", True)
        if not isinstance(recovery, bool):
            raise ConfigError("must be true or false", where=f"{where}.recovery")
        heartbeat = options.get(HEARTBEAT)
        return cls(
            failure=_addresses(options.get("failure"), f"{where}.failure"),
            success=_addresses(options.get("success"), f"{where}.success"),
            recovery=recovery,
            digest=_digest(options.get("digest"), f"{where}.digest", zone),
            heartbeat=None if heartbeat is None else _heartbeat(heartbeat, f"{where}.heartbeat"),
        )

    def channels(self) -> dict[str, Address]:
        """All addresses by the names that messages carry: "failure/1", "success/1", "heartbeat"."""
        found: dict[str, Address] = {}
        for name, addresses in (("failure", self.failure), ("success", self.success)):
            found |= {f"{name}/{number}": one for number, one in enumerate(addresses, 1)}
        return found if self.heartbeat is None else {**found, HEARTBEAT: self.heartbeat}


def label(address: Address) -> str:
    """What an address is called where people read it: its scheme, or where it is kept. Everything else of it may be secret."""
    if isinstance(address, str):
        return address.partition("://")[0].lower()
    return (
        " ".join(f"{kind} {name}" for kind, name in address.items() if kind in ("env", "file", "keyring")) or "command"
    )


def _addresses(value: Any, where: str) -> tuple[Address, ...]:
    if value is None:
        return ()
    found = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    return tuple(_address(one, f"{where}[{number}]") for number, one in enumerate(found))


def _address(value: Any, where: str) -> Address:
    if isinstance(value, Mapping) and len(value) == 1 and next(iter(value)) in ("env", "file", "command", "keyring"):
        return dict(value)
    if isinstance(value, str) and _URL.fullmatch(value):
        return value
    hint = "a URL as mailto://…, or {env: NAME}, {file: path}, {command: […]}, {keyring: service/user}"
    raise ConfigError("is no address", where=where, hint=hint)


def _heartbeat(value: Any, where: str) -> Address:
    address = _address(value, where)
    if isinstance(address, str) and not address.lower().startswith(("http://", "https://")):
        raise ConfigError("a heartbeat must be an http:// or https:// address", where=where)
    return address


def _digest(value: Any, where: str, zone: str) -> Digest | None:
    if value is None or value is False:
        return None
    options = {"every": value} if isinstance(value, str) else value
    if not isinstance(options, Mapping) or set(options) - {"every", "at", "on", "zone"}:
        raise ConfigError("is no digest", where=where, hint="daily, weekly or {every: weekly, at: 07:00, on: monday}")
    found = Digest(**{"zone": zone, **options})
    if found.every not in ("daily", "weekly"):
        raise ConfigError("must be daily or weekly", where=where)
    if not isinstance(found.at, str) or not _TIME.fullmatch(found.at):
        raise ConfigError(f"{found.at!r} is no time of the day", where=f"{where}.at", hint='write it as "07:00"')
    if found.on not in _DAYS:
        raise ConfigError(f"{found.on!r} is no day of the week", where=f"{where}.on", hint=", ".join(_DAYS))
    try:
        ZoneInfo(found.zone)
    except (OSError, ValueError, KeyError, TypeError):
        raise ConfigError(f"{found.zone!r} is no time zone", where=f"{where}.zone", hint="as Europe/Berlin") from None
    return found
