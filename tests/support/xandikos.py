"""Xandikos: CalDAV on top of git, with scheduling boxes, one principal."""

from __future__ import annotations

import base64
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.dav import NAMESPACES, XML
from tests.support.davserver import DavServer
from tests.support.process import HOST
from tests.support.proxy import Exchange, Proxy, Response


class Xandikos(DavServer):
    """One principal, `/user/`, and no login: Xandikos refuses to ask for a password without TLS."""

    name = "xandikos"

    def __init__(self, options: Sequence[str] = ()) -> None:
        super().__init__()
        self.options = list(options)

    def command(self) -> Sequence[str | Path]:
        return [
            *(sys.executable, "-m", "xandikos", "serve", "-d", self.directory / "data", "--defaults"),
            *("--current-user-principal", "/user/", "-l", HOST, "-p", str(self.port), *self.options),
        ]

    def home(self, user: str | None = None) -> str:
        return "/user/calendars/"

    def books(self, user: str | None = None) -> str:
        return "/user/contacts/"


class XandikosOffice(DavServer):
    """Several users with passwords and invitations between them: what Cyrus does too, without installing it.

    Xandikos itself takes the user's name from a gateway in front of it. `url` is that gateway.
    """

    name = "xandikos-office"

    def __init__(self, passwords: Mapping[str, str] | None = None) -> None:
        super().__init__(passwords or {"anna": "anna-secret", "ben": "ben-secret"})
        self._gateway: Proxy | None = None

    def command(self) -> Sequence[str | Path]:
        data = self.directory / "data"
        data.mkdir(exist_ok=True)
        return [
            *(sys.executable, "-m", "xandikos", "multi-user", "-d", data, "--defaults"),
            *("-l", HOST, "-p", str(self.port), "--trust-x-remote-user-from", HOST),
        ]

    @property
    def url(self) -> str:
        return self._gateway.url if self._gateway else super().url

    def home(self, user: str | None = None) -> str:
        return f"/{user or self.login}/calendars/"

    def inbox(self, user: str | None = None) -> str:
        return f"/{user or self.login}/inbox/"

    def settle(self) -> None:
        self._gateway = Proxy(super().url, record=False).start()
        self._gateway.on().call(received=self._check_login)
        for user in self.passwords:
            # Without an address nobody is the organizer of anything, and nothing is ever sent.
            address = f"<C:calendar-user-address-set><href>{self.address(user)}</href></C:calendar-user-address-set>"
            body = f"<propertyupdate {NAMESPACES}><set><prop>{address}</prop></set></propertyupdate>"
            self.dav(user).request("PROPPATCH", f"/{user}/", body, XML).expect(207)

    def _check_login(self, exchange: Exchange) -> None:
        scheme, _, token = exchange.request.headers.get("authorization", "").partition(" ")
        for user, password in self.passwords.items():
            if scheme.lower() == "basic" and base64.b64decode(token) == f"{user}:{password}".encode():
                exchange.request = exchange.request.with_header("X-Remote-User", user)
                return
        exchange.response = Response.make(401, "Unauthorized", headers={"WWW-Authenticate": 'Basic realm="office"'})

    def close(self) -> None:
        if self._gateway:
            self._gateway.close()
        super().close()
