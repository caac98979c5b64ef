"""Backups: sources are taken in their order into a repository, proven to restore, archived, and kept as long as they should."""
