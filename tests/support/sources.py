"""What a source of a backup is given, without a configuration: a context, a watch, a spool."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from trueup.core.supervision import Deadline
from trueup.model.backup import Captured, Drilled, SourceContext, SourceKind, SourceSpec


def watch(seconds: float = 120.0, no_progress: float | None = 60.0) -> Deadline:
    """Ends a test that hangs."""
    return Deadline("the test's work", timeout=seconds, no_progress=no_progress)


def context(root: Path, ledger: str = "", secrets: dict[str, str] | None = None) -> SourceContext:
    """Secrets are {"env": name} of `secrets`, or plain text."""

    def secret(option: object, what: str) -> str:
        return (secrets or {})[option["env"]] if isinstance(option, dict) else str(option)

    def nothing(name: str) -> Any:
        raise AssertionError(f"no store is asked for: {name}")

    cache = root / "cache"
    cache.mkdir(exist_ok=True)
    return SourceContext(root, cache, secret, nothing, nothing, ledger)


class Trial:
    """One source in a folder of its own: captured, drilled."""

    def __init__(self, kind: SourceKind, spec: SourceSpec, root: Path, ctx: SourceContext | None = None) -> None:
        self.kind, self.spec, self.root = kind, spec, root
        self.context = replace(ctx or context(root), options=spec.options)

    def capture(self, no_progress: float | None = 60.0) -> Captured:
        spool = self._folder("spool")
        captured = self.kind.capture(self.spec, self.context, spool, watch(no_progress=no_progress))
        return self.kind.settle(self.spec, self.context, captured, watch())

    def drill(self, captured: Captured) -> Drilled:
        scratch = self._folder("scratch")
        drilled = self.kind.drill(captured.about, captured.root, scratch, self.context, watch())
        assert list(scratch.iterdir()) == [], "a drill leaves nothing behind"
        return drilled

    def _folder(self, name: str) -> Path:
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.root))


def manifest_of(captured: Captured) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((captured.about / "manifest.json").read_text())
    return found


@contextmanager
def files_without(folder: Path, *secrets: str) -> Iterator[None]:
    """None of these texts is in any file below the folder afterwards."""
    yield
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [one for one in secrets if one.encode() in content], path
