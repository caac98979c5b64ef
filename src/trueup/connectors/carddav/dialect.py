"""How address books differ from other WebDAV collections (RFC 6352)."""

from __future__ import annotations

from trueup.connectors.dav.dialect import Dialect
from trueup.connectors.dav.names import CARDDAV

ADDRESS_BOOKS = Dialect(
    protocol="CardDAV",
    noun="address book",
    feature="addressbook",
    resource_type=f"{CARDDAV}addressbook",
    home=f"{CARDDAV}addressbook-home-set",
    well_known="/.well-known/carddav",
    multiget=f"{CARDDAV}addressbook-multiget",
    data=f"{CARDDAV}address-data",
    media_type="text/vcard",
    suffix=".vcf",
    components="",
    component="",
    formats=f"{CARDDAV}supported-address-data",
    max_size=f"{CARDDAV}max-resource-size",
    make="",
    uid_conflicts=frozenset({f"{CARDDAV}no-uid-conflict"}),
    # RFC 6352 section 6.3.2.1.
    refusals={
        f"{CARDDAV}supported-address-data": "the server does not take this format or version",
        f"{CARDDAV}supported-address-data-conversion": "the server does not give this item in the version that was asked for",
        f"{CARDDAV}valid-address-data": "the server says that it is not a valid vCard",
        f"{CARDDAV}max-resource-size": "it is larger than the server allows",
        f"{CARDDAV}addressbook-collection-location-ok": "the server allows no address book there",
    },
)
