"""The command line on folders, as its own tests use it."""

from __future__ import annotations

from tests.unit.cli.conftest import office, trueup

__all__ = ["office", "trueup"]
