"""PostgreSQL as a source of backups: dumps with a manifest of the same snapshot, drills in a throw-away server, restores."""

from __future__ import annotations

from trueup.jobs.backup.sources.postgresql.kind import PostgreSQL

KIND = PostgreSQL()

__all__ = ["KIND"]
