"""What an adapter for an orchestrator is to `trueup engine …`: each is a module `trueup.engines.NAME` with an `ENGINE` like this."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

Json: TypeAlias = dict[str, Any]
OnEvent: TypeAlias = Callable[[Json], None]


class Engine(Protocol):
    """An orchestrator that runs the jobs and pipelines of a configuration. Everything is small JSON.

    Attributes:
        name: the word in `trueup engine NAME`, the extra (`trueup[NAME]`) and the module (`trueup.engines.NAME`).
    """

    name: str

    def deploy(self, config: str, *, on_event: OnEvent) -> Json:
        """Makes what the engine has (deployments, schedules, a DAG file) equal to `trueup.yaml`.

        Args:
            config: the absolute path of trueup.yaml.
            on_event: told what happens: {"event": "deploy", "name", "kind", "state"}.

        Returns:
            {"engine", "changed": [{"name", "kind", "state": "created|updated|deleted|same"}], "url"}.
        """
        ...

    def status(self, config: str) -> Json:
        """Compares what the engine has with `trueup.yaml`; changes nothing.

        Returns:
            {"engine", "reachable", "url", "units": [{"name", "kind", "state": "ok|missing|extra|changed|paused", "wanted", "found",
            "url"}], "runs": [{"name", "state", "started", "url"}]}.
        """
        ...

    def fix(self, config: str, status: Json) -> Json:
        """Repairs what `status` found; returns as `deploy`."""
        ...

    def worker(self, config: str, **options: Any) -> None:
        """Does the engine's work in this process until it is asked to stop (SIGINT, SIGTERM).

        Args:
            config: the absolute path of trueup.yaml.
            options: of the command line, as texts: `--store-rate work=2 --threads 8` is {"store_rate": ["work=2"], "threads": "8"}. What is
                given several times, or is a pair, comes as a list.
        """
        ...
