"""An account on a CalDAV server."""

from __future__ import annotations

from trueup.connectors.caldav.dialect import AUTO_SCHEDULE, CALENDARS, SCHEDULE_OUTBOX
from trueup.connectors.dav.session import Refused
from trueup.connectors.dav.store import DavStore
from trueup.connectors.http import Client


class CalDavStore(DavStore):
    """One account with calendars.

    Args: see `DavStore`.
    """

    def __init__(self, name: str, client: Client, url: str, home: str = "", user: str = "") -> None:
        super().__init__(name, client, url, CALENDARS, home, user)
        self._schedules: bool | None = None

    def schedules(self) -> bool:
        """Whether the server mails attendees by itself: it says so in its DAV header, and the user has an outbox (RFC 6638 section 2)."""
        with self._lock:
            if self._schedules is None:
                self._schedules = AUTO_SCHEDULE in self.features() and self._has_outbox()
            return self._schedules

    def _has_outbox(self) -> bool:
        principal = self.account().principal
        if not principal:
            # Nobody to ask: to be taken for a server that mails is the safe mistake.
            return True
        try:
            _, one = self.session.properties(principal, (SCHEDULE_OUTBOX,))
        except Refused:
            return True
        return one.href_in(SCHEDULE_OUTBOX) is not None
