"""Calendars and address books as a source of backups."""

from trueup.jobs.backup.sources.collections.source import KIND

__all__ = ["KIND"]
