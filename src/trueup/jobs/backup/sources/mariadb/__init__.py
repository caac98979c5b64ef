"""MariaDB and MySQL: dumped while others write, with a manifest of the very same state, and proven in a throw-away server."""

from trueup.jobs.backup.sources.mariadb.kind import KIND

__all__ = ["KIND"]
