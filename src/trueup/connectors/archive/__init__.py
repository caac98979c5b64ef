"""Backups in open formats, in a folder or an S3-compatible store: docs/reference/archive-format.md."""

from trueup.connectors.archive.connector import CONNECTOR

__all__ = ["CONNECTOR"]
