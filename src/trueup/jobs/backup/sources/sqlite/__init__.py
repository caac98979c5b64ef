"""SQLite databases: copied while others write to them, and proven with a manifest made of the copy."""

from trueup.jobs.backup.sources.sqlite.kind import KIND

__all__ = ["KIND"]
