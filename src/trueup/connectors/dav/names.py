"""Names of XML elements, as `{namespace}name`."""

from __future__ import annotations

DAV = "{DAV:}"
CALDAV = "{urn:ietf:params:xml:ns:caldav}"
CARDDAV = "{urn:ietf:params:xml:ns:carddav}"
CALENDARSERVER = "{http://calendarserver.org/ns/}"

PREFIXES = {DAV: "D", CALDAV: "C", CARDDAV: "R", CALENDARSERVER: "CS"}

RESOURCE_TYPE = f"{DAV}resourcetype"
COLLECTION = f"{DAV}collection"
HREF = f"{DAV}href"
ETAG = f"{DAV}getetag"
DISPLAY_NAME = f"{DAV}displayname"
PRINCIPAL = f"{DAV}current-user-principal"
UNAUTHENTICATED = f"{DAV}unauthenticated"
PRIVILEGES = f"{DAV}current-user-privilege-set"
PRIVILEGE = f"{DAV}privilege"
REPORTS = f"{DAV}supported-report-set"
SYNC_COLLECTION = f"{DAV}sync-collection"
SYNC_TOKEN = f"{DAV}sync-token"
CTAG = f"{CALENDARSERVER}getctag"
"""Changes whenever something in the collection does: a convention older than RFC 6578, known to nearly every server."""


def prefixed(name: str) -> str:
    """The name with the prefix that our requests declare for its namespace."""
    namespace, _, local = name.rpartition("}")
    return f"{PREFIXES[namespace + '}']}:{local}"
