"""Repositories of restic, 0.17 or later: on a disk, in S3, over SFTP, on a REST server, wherever restic can keep them."""

from trueup.connectors.restic.connector import CONNECTOR

__all__ = ["CONNECTOR"]
