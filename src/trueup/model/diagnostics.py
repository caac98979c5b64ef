"""Diagnostics: what `validate`, `doctor` and a plan have to say, with the place in the file it is about."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class SourceRange:
    """A place in a file.

    Attributes:
        file: its path.
        line, column: counted from 1.
    """

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    Attributes:
        severity: "error", "warning" or "info".
        what: one line, in the user's words.
        where: the store, the item or the key it is about; "" where `what` says it.
        why: the cause, as far as it is known.
        hint: what to do.
        source: the place in a file; None: not about a file.
    """

    severity: Severity
    what: str
    where: str = ""
    why: str = ""
    hint: str = ""
    source: SourceRange | None = None

    def to_json(self) -> dict[str, object]:
        """The finding as a JSON object."""
        source = self.source
        return {
            "severity": self.severity.value,
            "what": self.what,
            "where": self.where,
            "why": self.why,
            "hint": self.hint,
            "source": None if source is None else {"file": source.file, "line": source.line, "column": source.column},
        }
