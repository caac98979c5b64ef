"""Folders and single files as a source of backups."""

from trueup.jobs.backup.sources.path.source import KIND

__all__ = ["KIND"]
