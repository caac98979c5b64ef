"""The DAG file of a configuration in Airflow's DAGs folder."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from trueup.engines.base import Json, OnEvent
from trueup.model.errors import StoreError

_FILE = '''"""The jobs and pipelines of {config} as DAGs. Written by `trueup engine airflow deploy`."""

from datetime import datetime

from trueup.engines.airflow import dags

globals().update(dags({config!r}, since=datetime.fromisoformat({since!r}), pools={pools}))
'''
_SINCE = re.compile(r"fromisoformat\('([^']+)'\)")


def folder() -> Path:
    """Airflow's DAGs folder, as its configuration on this machine says."""
    from airflow.sdk import conf

    return Path(str(conf.get("core", "dags_folder"))).expanduser()


def file_of(config: str) -> Path:
    """The DAG file of a configuration: one for each, whatever their folders are called."""
    where = Path(config).parent
    name = re.sub(r"[^a-z0-9]+", "_", where.name.lower()).strip("_") or "root"
    return folder() / f"trueup_{name}_{sha256(config.encode()).hexdigest()[:6]}.py"


def deploy(config: str, on_event: OnEvent) -> Json:
    """Makes the pools of the stores' limits and writes the DAG file, or leaves them as they are; what the file makes is checked before.

    Where Airflow's REST API cannot be asked, the file says of pools what it said before, and a new one has none: Airflow starts no task whose
    pool is not there.

    Args:
        config: the absolute path of trueup.yaml.
        on_event: told what happens.

    Returns:
        As `Engine.deploy`.

    Raises:
        ConfigError: trueup.yaml is wrong.
    """
    from trueup.engines.airflow.generated import dags
    from trueup.engines.airflow.rest import base_url

    made = dags(config)
    file = file_of(config)
    before = file.read_text() if file.exists() else ""
    known = _SINCE.search(before)
    since = known.group(1) if known else datetime.now(UTC).replace(microsecond=0).isoformat()
    told = _pools(config)
    made_pools = all(one["state"] != "skipped" for one in told)
    text = _FILE.format(config=config, since=since, pools=made_pools or "pools=True" in before)
    state = "same" if text == before else "updated" if before else "created"
    if text != before:
        write(file, text)
    changed = [{"name": str(file), "kind": "DAG file", "state": state}]
    changed += [{"name": name, "kind": "DAG", "state": state} for name in sorted(made)]
    changed += told
    for one in changed:
        on_event({"event": "deploy", **one})
    return {"engine": "airflow", "changed": changed, "url": base_url() or "http://localhost:8080"}


def _pools(config: str) -> list[Json]:
    """Makes the pools equal to trueup.yaml; "skipped", with the reason, where Airflow cannot be asked."""
    from trueup.engines.airflow.pools import make_equal
    from trueup.engines.airflow.rest import Api

    try:
        return make_equal(Api.configured(), config)
    except StoreError as error:
        return [{"name": f"{error} ({error.hint})", "kind": "pool", "state": "skipped"}]


def write(file: Path, text: str) -> None:
    """Writes a file that Airflow may be reading: it sees the old one or the new one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_suffix(".tmp")
    new.write_text(text)
    os.replace(new, file)
