"""An error for people: what, where, why, what to do."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from difflib import get_close_matches
from typing import TextIO

from trueup.model.diagnostics import Diagnostic, Severity
from trueup.model.errors import TrueupError
from trueup.ui.cli.render.terminal import safe, style

STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "green"}


def error_lines(error: TrueupError) -> Iterator[str]:
    """The lines of an error; one that has several findings is told finding by finding."""
    found = getattr(error, "diagnostics", ())
    if found:
        for one in found:
            yield from diagnostic_lines(one, sys.stderr)
        return
    where = f"{error.where}: " if error.where else ""
    yield style("error: ", "red", stream=sys.stderr) + safe(f"{where}{error.what}")
    if error.why:
        yield f"  why: {safe(error.why)}"
    if error.hint:
        yield f"  do:  {safe(error.hint)}"


def diagnostic_lines(one: Diagnostic, stream: TextIO | None = None) -> Iterator[str]:
    """The lines of a finding, for the stream it goes to (the standard output), with the line of the file it is about."""
    place = f"{one.source or one.where}: " if one.source or one.where else ""
    yield style(f"{one.severity.value}: ", STYLES[one.severity], stream=stream) + safe(f"{place}{one.what}")
    if one.source and (text := _source_line(one.source.file, one.source.line)):
        yield f"    {one.source.line} | {safe(text)}"
    if one.why:
        yield f"  why: {safe(one.why)}"
    if one.hint:
        yield f"  do:  {safe(one.hint)}"


_PAIR = re.compile(r"""(?P<key>[\w-]+)(?P<colon>['"]?\s*:\s+)(?P<value>"[^"]*"|'[^']*'|[^\s,}#{&*|>'"][^,}#]*)""")
_LOGIN = re.compile(r"(\w://[^\s:/@]*:)[^\s/]*(?=@)")
_SECRETS = ("password", "passwort", "passphrase", "pass", "secret", "token")


def without_secrets(line: str) -> str:
    """A line of the configuration as it may be shown on a screen or in a log: passwords are left out.

    What comes close counts as well: the line may be shown because `pasword` is no key.
    """
    return _LOGIN.sub(r"\1***", _PAIR.sub(_hidden, line))


def _hidden(pair: re.Match[str]) -> str:
    secret = get_close_matches(pair["key"].lower(), _SECRETS, n=1, cutoff=0.75)
    return f"{pair['key']}{pair['colon']}***" if secret else pair[0]


def _source_line(file: str, number: int) -> str:
    try:
        with open(file, encoding="utf-8-sig") as lines:
            found = next((line.rstrip() for count, line in enumerate(lines, 1) if count == number), "")
            return without_secrets(found)[:120]
    except (OSError, UnicodeDecodeError):
        return ""
