"""Batches: the changes of a run that are sent and journaled together."""

from __future__ import annotations

from collections.abc import Mapping

from trueup.core.ledger.database import Database
from trueup.model.change import Action, ChangeState

DEFAULT_SIZE = 100


def assign_batches(database: Database, run_id: str, sizes: Mapping[str, int]) -> None:
    """Puts the planned writes of a run that have no batch yet into batches.

    The first wave creates and updates, the second deletes: a moved item is nowhere gone before it is somewhere there. Within a wave the
    changes of a collection are cut into batches in their order. What has a batch keeps it, so that this may be repeated.

    Args:
        database: the ledger's.
        run_id: the run.
        sizes: how many changes make a batch, by collection.
    """
    size = "".join(" WHEN ? THEN CAST(? AS BIGINT)" for _ in sizes)
    size = f"CASE collection{size} ELSE {DEFAULT_SIZE} END" if sizes else str(DEFAULT_SIZE)
    writes = [action.value for action in Action if action.writes]
    with database.transaction("journal.assign_batches"):
        first = database.value("SELECT COALESCE(max(batch), 0) FROM change WHERE run = ?", (run_id,))
        planned = (
            f"SELECT seq, collection, CASE action WHEN '{Action.DELETE.value}' THEN 2 ELSE 1 END AS wave, {size} AS size FROM change"
            f" WHERE run = ? AND batch IS NULL AND state = ? AND action IN ({', '.join('?' * len(writes))})"
        )
        cut = (
            "SELECT seq, collection, wave,"
            f" (row_number() OVER (PARTITION BY wave, collection ORDER BY seq) - 1) / size AS part FROM ({planned}) AS planned"
        )
        numbered = f"SELECT seq, wave, dense_rank() OVER (ORDER BY wave, collection, part) AS batch FROM ({cut}) AS cut"
        database.write(
            f"UPDATE change SET wave = numbered.wave, batch = ? + numbered.batch FROM ({numbered}) AS numbered"
            " WHERE change.run = ? AND change.seq = numbered.seq",
            (
                first,
                *(value for ref, number in sizes.items() for value in (ref, max(1, number))),
                *(run_id, ChangeState.PLANNED.value, *writes, run_id),
            ),
        )
