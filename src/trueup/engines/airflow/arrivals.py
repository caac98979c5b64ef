"""Files that start something (`triggers: [{file: …}]`): a DAG of trueup's own (`trueup_files`) looks for them once a minute, and starts a
DAG run for each.

The DAG run's id is made from the file's path, size and time, so that each is started once, whoever looks and however often.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator

from trueup.engines.airflow.base import TrueupOperator
from trueup.engines.airflow.items import run_id_of
from trueup.engines.base import Json
from trueup.engines.embedded.serving.files import FileWatch

if TYPE_CHECKING:
    from airflow.sdk import Context

SECONDS = 60.0
"""Between two looks: a DAG run each."""

PARAM = "file"
"""The parameter that is the file's path, where a pipeline has it."""


class Arrivals(TrueupOperator):
    """Looks which files have arrived, and are whole, that no DAG run was started for.

    Args:
        wanted: what to look for: [{"dag", "file", "settle", "params", "path": whether it has the parameter `file`}].
        limit: how many DAG runs are started at once; the others have their turn at the next look.
    """

    def __init__(self, *, wanted: Sequence[Mapping[str, Any]], limit: int = 100, **more: Any) -> None:
        super().__init__(**more)
        self.wanted, self.limit = tuple(wanted), limit

    def execute(self, context: Context) -> list[Json]:
        """What `StartForFile` is mapped over."""
        found = [one for wanted in self.wanted for one in self.look(context, wanted)]
        for one in found:
            self.log.info("%s: %s", one["dag"], one["label"])
        return found[: self.limit]

    def look(self, context: Context, wanted: Mapping[str, Any]) -> list[Json]:
        """The new files of one trigger. A file is whole that does not change for a while."""
        from pathlib import Path

        watch = FileWatch(Path(self.config).parent, wanted["file"], wanted["settle"])
        list(watch.arrived(time.monotonic()))
        time.sleep(wanted["settle"])
        made = []
        for one in watch.arrived(time.monotonic()):
            run = run_id_of(one.key)
            if context["ti"].get_dr_count(dag_id=wanted["dag"], run_ids=[run]):
                continue
            given = {PARAM: one.path} if wanted["path"] else {}
            made.append({"dag": wanted["dag"], "run": run, "conf": {**wanted["params"], **given}, "label": one.path})
        return made


class StartForFile(TriggerDagRunOperator):
    """Starts the DAG run for one file.

    Args:
        arrived: what `Arrivals` found.
    """

    template_fields: Sequence[str] = (*TriggerDagRunOperator.template_fields, "arrived")

    def __init__(self, *, arrived: Any, **more: Any) -> None:
        super().__init__(trigger_dag_id="", skip_when_already_exists=True, logical_date=None, **more)
        self.arrived = arrived

    def execute(self, context: Context) -> Any:
        """See `TriggerDagRunOperator`."""
        self.trigger_dag_id, self.trigger_run_id = self.arrived["dag"], self.arrived["run"]
        self.conf = self.arrived["conf"]
        return super().execute(context)


def wanted_of(description: Json, names: Sequence[str], dag_id: Any) -> list[Json]:
    """What `Arrivals` looks for, of these jobs and pipelines."""
    found = []
    for name in names:
        one = description["pipelines"].get(name) or description["jobs"][name]
        has = any(param["name"] == PARAM for param in one.get("params", ()))
        for trigger in one["triggers"]:
            if "file" in trigger:
                about = {"dag": dag_id(name), "file": trigger["file"], "settle": trigger["settle"]}
                found.append({**about, "params": trigger["params"], "path": has})
    return found
