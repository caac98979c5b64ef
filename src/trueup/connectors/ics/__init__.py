"""Published calendars: one .ics file with many events, read only."""

from trueup.connectors.ics.connector import CONNECTOR

__all__ = ["CONNECTOR"]
