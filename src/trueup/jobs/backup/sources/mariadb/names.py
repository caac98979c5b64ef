"""Names of databases and tables: as SQL writes them, and as files."""

from __future__ import annotations

from urllib.parse import quote

SYSTEM = frozenset({"information_schema", "performance_schema", "mysql", "sys"})
_LOST = "#mysql50#"  # folders beside the databases that are none (lost+found)


def quoted(name: str) -> str:
    """In backticks."""
    return "`" + name.replace("`", "``") + "`"


def unquoted(name: str) -> str:
    """Without them."""
    return name[1:-1].replace("``", "`")


def is_system(database: str) -> bool:
    """Whether the server made it for itself."""
    return database.lower() in SYSTEM or database.startswith(_LOST)


def file_name(name: str) -> str:
    """A name as one part of a path; letters of all languages stay as they are."""
    text = "".join(one if one.isalnum() or one in "_-$ .,()@+=~#&!" else quote(one, safe="") for one in name)
    return "%2E" + text[1:] if text.startswith(".") else text
