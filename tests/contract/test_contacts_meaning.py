"""What real servers make of vendors' cards is no difference, but for what they are known to lose."""

from __future__ import annotations

import pytest

from tests.support.servers import Cyrus, DavServer, Radicale, Xandikos
from tests.unit.contacts.cards import ODD, VENDORS
from trueup.connectors.carddav import CONNECTOR
from trueup.core.merge import diff
from trueup.jobs.contacts import ContactsKind
from trueup.model.ports import Outcome, Verb, Write

KIND = ContactsKind()

# vobject, which Radicale writes with, cuts an address behind its seventh part, an unknown property behind its first semicolon, and takes a
# list of nicknames for its first.
RADICALE = {"google": {"ADR"}, "escapes": {"X-FOO"}, "lists": {"NICKNAME"}}
# Cyrus takes a link for the photo itself where it is not marked as one, as Google does not.
CYRUS = {"google": {"PHOTO"}}


def stored_differently(server: DavServer) -> dict[str, set[str]]:
    """The fields that differ after the server stored the cards, by example."""
    store = CONNECTOR.open("work", {"url": server.url, "username": server.login, "password": server.password})
    book = store.create("meaning")
    result: dict[str, set[str]] = {}
    for name, data in {**VENDORS, **ODD}.items():
        if name in ("android", "nokia"):  # the same people as in Outlook's and Google's, and known to be
            continue
        sent = KIND.storable(data, book.capabilities, invite=False)
        href = book.new_href(KIND.glance(sent).uid)
        (written,) = book.write([Write(1, Verb.CREATE, href, sent)])
        assert written.outcome is Outcome.DONE, f"{name}: {written.reason}"
        (body,) = book.fetch([href])
        assert body.data is not None
        assert KIND.glance(body.data) == KIND.glance(sent), name
        if changed := diff(KIND.fields(sent), KIND.fields(body.data)):
            result[name] = {key.name for key in changed}
    store.close()
    return result


@pytest.mark.slow
def test_radicale(radicale: Radicale) -> None:
    assert stored_differently(radicale) == RADICALE


@pytest.mark.slow
def test_xandikos(xandikos: Xandikos) -> None:
    assert stored_differently(xandikos) == {}


@pytest.mark.slow
def test_cyrus(cyrus: Cyrus) -> None:
    assert stored_differently(cyrus) == CYRUS
