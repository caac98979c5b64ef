"""CardDAV: address books on a server of one's own or of a provider (RFC 6352)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.connectors.dav.connector import DavConnector, options

if TYPE_CHECKING:
    from trueup.connectors.dav.store import DavStore
    from trueup.connectors.http import Client


class CardDav(DavConnector["DavStore"]):
    """The connector, as the entry point names it."""

    name = "carddav"
    help = "Address books on a CardDAV server: Nextcloud, Radicale, Cyrus, iCloud, Fastmail and many more"
    options = options("an address book")

    def store(self, name: str, client: Client, url: str, home: str, user: str) -> DavStore:
        """See `DavConnector.store`."""
        from trueup.connectors.carddav.dialect import ADDRESS_BOOKS
        from trueup.connectors.dav.store import DavStore

        return DavStore(name, client, url, ADDRESS_BOOKS, home, user)


CONNECTOR = CardDav()
