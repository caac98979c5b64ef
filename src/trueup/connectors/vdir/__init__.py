"""Folders of .ics files, one event a file: the vdir layout of vdirsyncer, khal and others."""

from trueup.connectors.vdir.connector import CONNECTOR

__all__ = ["CONNECTOR"]
