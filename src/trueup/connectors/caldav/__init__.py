"""CalDAV: calendars on a server of one's own or of a provider (RFC 4791)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.connectors.dav.connector import DavConnector, options

if TYPE_CHECKING:
    from trueup.connectors.caldav.store import CalDavStore
    from trueup.connectors.http import Client


class CalDav(DavConnector["CalDavStore"]):
    """The connector, as the entry point names it."""

    name = "caldav"
    help = "Calendars on a CalDAV server: Nextcloud, Radicale, Cyrus, iCloud, Fastmail and many more"
    options = options("a calendar")

    def store(self, name: str, client: Client, url: str, home: str, user: str) -> CalDavStore:
        """See `DavConnector.store`."""
        from trueup.connectors.caldav.store import CalDavStore

        return CalDavStore(name, client, url, home, user)


CONNECTOR = CalDav()
