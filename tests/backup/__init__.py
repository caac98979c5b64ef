"""Backups with real servers and real tools."""

import pytest

pytest.register_assert_rewrite("tests.backup.repository_contract")
