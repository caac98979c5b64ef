"""Contacts in .vcf files: a folder of them with one card each, or one file with many."""

from trueup.connectors.vcf.connector import CONNECTOR

__all__ = ["CONNECTOR"]
