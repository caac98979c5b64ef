"""The embedded engine on its ledger in SQLite; the ledger's own commits are a row of their own in the table."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from benchmarks.pipeline_steps import MODULE, SOURCE, chain, mapped, run
from benchmarks.steps import tell


def main(steps: int) -> None:
    """Measures and prints."""
    began = time.perf_counter()
    from trueup import __version__
    from trueup.core.ledger import open_ledger

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / f"{MODULE}.py").write_text(SOURCE)
        ledger = open_ledger(str(root / "ledger.db"))
        run(ledger, chain(1), root)
        started = time.perf_counter()
        one, all_ = run(ledger, chain(steps), root), run(ledger, mapped(steps), root)
        ledger.close()
    tell(f"trueup {__version__}, embedded engine, SQLite", started - began, (steps, one), (steps, all_))


if __name__ == "__main__":
    main(int(sys.argv[1]))
