"""Looking at a WebDAV server with plain http.client, independently of the product's own client.

A new connection for every request: slower than it could be, and without any state that could hide something.
"""

from __future__ import annotations

import base64
import http.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urljoin, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

DAV = "{DAV:}"
CALDAV = "{urn:ietf:params:xml:ns:caldav}"
NAMESPACES = 'xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:CS="http://calendarserver.org/ns/"'
XML = {"Content-Type": "application/xml; charset=utf-8"}


class DavError(RuntimeError):
    """The server answered something else than the helper needs."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def etag(self) -> str | None:
        return self.headers.get("ETag")

    def expect(self, *statuses: int) -> Answer:
        if self.status not in statuses:
            raise DavError(f"answered {self.status}, wanted one of {statuses}\n{self.text[:2000]}")
        return self


@dataclass(frozen=True)
class Member:
    """One resource of a collection, as a multistatus lists it."""

    href: str
    etag: str | None
    status: int = 200
    data: str | None = None


@dataclass(frozen=True)
class Dav:
    """Raw requests as one user. A path may also be a full URL on the same server."""

    base: str
    user: str = ""
    password: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 60.0

    def request(
        self, method: str, path: str = "", body: str | bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        url = urlsplit(urljoin(self.base, path))
        sent = {**self.headers, **(headers or {})}
        if self.user:
            token = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
            sent.setdefault("Authorization", f"Basic {token}")
        connection = http.client.HTTPConnection(url.hostname or "", url.port or 80, timeout=self.timeout)
        try:
            # As lenient as a person: an unquoted href of a listing works too (one with a percent sign in it does not).
            target = quote(url.path or "/", safe="/%@:+~!$&'()*,;=") + (f"?{url.query}" if url.query else "")
            connection.request(method, target, body.encode() if isinstance(body, str) else body, sent)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def put(self, path: str, text: str, **headers: str) -> Answer:
        """Headers as keywords: `if_match='"1"'`, `if_none_match="*"`."""
        named = {name.replace("_", "-").title(): value for name, value in headers.items()}
        kind = "text/vcard" if text[:20].upper().startswith("BEGIN:VCARD") else "text/calendar"
        return self.request("PUT", path, text, {"Content-Type": f"{kind}; charset=utf-8", **named})

    def get(self, path: str) -> Answer:
        return self.request("GET", path)

    def delete(self, path: str, **headers: str) -> Answer:
        return self.request(
            "DELETE", path, headers={name.replace("_", "-").title(): value for name, value in headers.items()}
        )

    def propfind(self, path: str = "", *properties: str, depth: str = "0") -> Answer:
        """Properties as in `<prop>`, with the prefixes of NAMESPACES: `getetag`, `C:calendar-home-set`, `CS:getctag`."""
        names = "".join(f"<{name}/>" for name in properties)
        body = f'<?xml version="1.0" encoding="utf-8"?><propfind {NAMESPACES}><prop>{names}</prop></propfind>'
        return self.request("PROPFIND", path, body, {**XML, "Depth": depth})

    def report(self, path: str, body: str, depth: str = "1") -> Answer:
        return self.request("REPORT", path, body, {**XML, "Depth": depth})

    def href_of(self, path: str, prop: str) -> str | None:
        """The address inside a property such as `current-user-principal`; nothing if the server has none."""
        root = ElementTree.fromstring(self.propfind(path, prop).expect(207).body)
        name = qualified(prop)
        found = root.find(f".//{name}/{DAV}href")
        return None if found is None else found.text

    def list(self, collection: str) -> dict[str, str]:
        """Every member's href, unquoted, with its etag."""
        answer = self.propfind(collection, "getetag", "resourcetype", depth="1").expect(207)
        itself = unquote(urlsplit(urljoin(self.base, collection)).path).rstrip("/")
        return {member.href: member.etag or "" for member in members(answer) if member.href.rstrip("/") != itself}

    def items(self, collection: str) -> dict[str, str]:
        """Every member's href, unquoted, with its body."""
        return {href: self.get(href).expect(200).text for href in self.list(collection)}

    def sync(self, collection: str, token: str = "") -> tuple[str, Sequence[Member]]:
        """What changed since the token: the new token and the members, a removed one with status 404."""
        body = (
            f'<?xml version="1.0" encoding="utf-8"?><sync-collection {NAMESPACES}><sync-token>{escape(token)}'
            "</sync-token><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>"
        )
        answer = self.report(collection, body, depth="0").expect(207)
        new = ElementTree.fromstring(answer.body).findtext(f"{DAV}sync-token")
        if new is None:
            raise DavError(f"no sync-token in the answer\n{answer.text[:2000]}")
        return new, members(answer)

    def make_calendar(self, path: str, title: str = "", components: tuple[str, ...] = ("VEVENT", "VTODO")) -> str:
        """MKCALENDAR; the URL of the new calendar, with a slash at its end."""
        url = urljoin(self.base, path.rstrip("/") + "/")
        allowed = "".join(f'<C:comp name="{name}"/>' for name in components)
        body = (
            f'<?xml version="1.0" encoding="utf-8"?><C:mkcalendar {NAMESPACES}><set><prop>'
            f"<displayname>{escape(title or path.rstrip('/').rsplit('/', 1)[-1])}</displayname>"
            f"<C:supported-calendar-component-set>{allowed}</C:supported-calendar-component-set>"
            "</prop></set></C:mkcalendar>"
        )
        self.request("MKCALENDAR", url, body, XML).expect(201)
        return url

    def make_book(self, path: str, title: str = "") -> str:
        """Extended MKCOL; the URL of the new address book, with a slash at its end."""
        url = urljoin(self.base, path.rstrip("/") + "/")
        body = (
            '<?xml version="1.0" encoding="utf-8"?><mkcol xmlns="DAV:" xmlns:R="urn:ietf:params:xml:ns:carddav"><set><prop>'
            "<resourcetype><collection/><R:addressbook/></resourcetype>"
            f"<displayname>{escape(title or path.rstrip('/').rsplit('/', 1)[-1])}</displayname>"
            "</prop></set></mkcol>"
        )
        self.request("MKCOL", url, body, XML).expect(201)
        return url


def qualified(prop: str) -> str:
    prefix, _, name = prop.rpartition(":")
    return {"": DAV, "C": CALDAV, "CS": "{http://calendarserver.org/ns/}"}[prefix] + name


def members(answer: Answer) -> list[Member]:
    found = []
    for response in ElementTree.fromstring(answer.body).iter(f"{DAV}response"):
        href = unquote(urlsplit((response.findtext(f"{DAV}href") or "").strip()).path)
        # A response has its own status when the resource is gone; otherwise each group of properties has one.
        status = response.findtext(f"{DAV}status")
        found.append(
            Member(
                href=href,
                etag=response.findtext(f".//{DAV}getetag"),
                status=int(status.split()[1]) if status else 200,
                data=response.findtext(f".//{CALDAV}calendar-data"),
            )
        )
    return found
