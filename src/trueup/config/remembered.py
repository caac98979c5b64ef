"""A checked configuration, kept beside the ledger and used again while nothing that went into it has changed.

Checking takes three times as long as all else that a run with nothing to do has to do. What is kept has its places in it (`.trueup/config.json`,
readable by its owner alone), names secrets and never holds one: a configuration with a password in plain text, or with any other warning, is not
kept. `validate` and `doctor` never use it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup import __version__
from trueup.config.place import find
from trueup.config.secrets import SecretRef
from trueup.config.spec import Config, StoreSpec
from trueup.model.job import CollectionRef, ConflictPolicy, Guards, JobSpec

if TYPE_CHECKING:
    from trueup.model.pipeline import PipelineSpec

_FILE = Path(".trueup") / "config.json"
_CODE = Path(__file__).parents[1]
_PARTS = ("config", "model", "connectors")


class _Later(Mapping[str, "PipelineSpec"]):
    """Pipelines by name; they are read from the file itself when one is looked at."""

    def __init__(self, names: list[str], load: Callable[[], Config]) -> None:
        self._names = names
        self._load = load
        self._found: Mapping[str, PipelineSpec] | None = None

    def __getitem__(self, name: str) -> PipelineSpec:
        if name not in self._names:
            raise KeyError(name)
        if self._found is None:
            self._found = self._load().pipelines
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def recall(path: Path | None, load: Callable[[], Config]) -> tuple[Config, dict[str, str]] | None:
    """The configuration as it was kept; None: it has to be checked.

    Args:
        path: as in `load`.
        load: checks it in full; called where a pipeline is looked at.

    Returns:
        It, and where the code of each connector is, by name ("package.module:attribute").

    Raises:
        NotInitialised, ConfigError: as `place.find`.
    """
    file = find(path)
    try:
        with (file.parent / _FILE).open("rb") as kept:
            if not _ours(os.fstat(kept.fileno())):
                return None
            value = json.loads(kept.read())
        if value["key"] != _key(file):
            return None
        return _decoded(file, value, load)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def remember(config: Config, connectors: Mapping[str, str]) -> None:
    """Keeps a configuration for `recall`, where there is a place for it and nothing speaks against it.

    Args:
        config: valid.
        connectors: where the code of each connector is.
    """
    plain = isinstance(config.ledger_given, str) and "://" in config.ledger_given
    folder = config.root / _FILE.parent
    if config.warnings or plain or not folder.is_dir():
        return
    with suppress(OSError, TypeError, ValueError):
        key = _key(config.path)
        value = json.loads(json.dumps({"key": key, **_encoded(config, connectors)}))
        # What cannot be told from what was checked may be kept; nothing else may.
        again, _ = _decoded(config.path, value, lambda: config)
        if not all(
            getattr(again, part) == getattr(config, part)
            for part in ("stores", "jobs", "ledger_given", "hooks", "notify")
        ):
            return
        _write(config.root / _FILE, json.dumps(value).encode())


def _write(path: Path, data: bytes) -> None:
    new = path.with_name(f"{path.name}.{os.getpid()}")
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(file, "wb") as out:
            out.write(data)
        new.replace(path)
    except OSError:  # a full disk
        new.unlink(missing_ok=True)
        raise


def _ours(about: os.stat_result) -> bool:
    """Whether nobody else could have written it: it decides what is run, as the configuration does."""
    return about.st_uid in (os.geteuid(), 0) and not about.st_mode & 0o022


def _key(file: Path) -> str:
    """Everything the result depends on: the file and where it is, the home folder, the program."""
    with file.open("rb") as config:
        digest = blake2b(config.read(), digest_size=16)
    for part in (str(file), os.environ.get("HOME", ""), __version__, *_program()):
        digest.update(b"\0" + os.fsencode(part))
    return digest.hexdigest()


def _program() -> Iterator[str]:
    """What `stat` says of the code that checks, so that a changed program checks again."""
    for part in _PARTS:
        with os.scandir(_CODE / part) as entries:
            found = sorted((one.name, one.stat().st_mtime_ns) for one in entries if one.name.endswith(".py"))
        yield f"{part}:{found}"


def _encoded(config: Config, connectors: Mapping[str, str]) -> dict[str, Any]:
    used = {spec.connector for spec in config.stores.values()}
    return {
        "stores": [_store_json(spec) for spec in config.stores.values()],
        "jobs": [_job_json(spec) for spec in config.jobs.values()],
        "pipelines": list(config.pipelines),
        "notify": {name: dict(one) for name, one in config.notify.items()},
        "ledger": asdict(config.ledger_given) if isinstance(config.ledger_given, SecretRef) else config.ledger_given,
        "hooks": {path: asdict(one) if isinstance(one, SecretRef) else None for path, one in config.hooks.items()},
        "connectors": {name: where for name, where in connectors.items() if name in used},
    }


def _store_json(spec: StoreSpec) -> dict[str, Any]:
    paths = [key for key, value in spec.options.items() if isinstance(value, Path)]
    secrets = {key: asdict(value) if isinstance(value, SecretRef) else None for key, value in spec.secrets.items()}
    options = {key: str(value) if key in paths else value for key, value in spec.options.items()}
    known = {"name": spec.name, "connector": spec.connector, "workers": spec.workers}
    return {**known, "options": options, "paths": paths, "secrets": secrets}


def _job_json(spec: JobSpec) -> dict[str, Any]:
    timed = spec.schedule.to_json() if spec.schedule else None
    return {**asdict(spec), "schedule": timed, "triggers": [one.to_json() for one in spec.triggers]}


def _decoded(file: Path, value: dict[str, Any], load: Callable[[], Config]) -> tuple[Config, dict[str, str]]:
    stores = {one["name"]: _store(one) for one in value["stores"]}
    jobs = {one["name"]: _job(one) for one in value["jobs"]}
    ledger = SecretRef(**value["ledger"]) if isinstance(value["ledger"], dict) else value["ledger"]
    hooks = {path: SecretRef(**one) for path, one in value["hooks"].items()}
    pipelines = _Later(value["pipelines"], load)
    config = Config(file, stores, jobs, pipelines, ledger_given=ledger, hooks=hooks, notify=value["notify"])
    return config, value["connectors"]


def _store(value: dict[str, Any]) -> StoreSpec:
    options = {key: Path(one) if key in value["paths"] else one for key, one in value["options"].items()}
    secrets = {key: SecretRef(**one) for key, one in value["secrets"].items()}
    return StoreSpec(value["name"], value["connector"], options, secrets, value["workers"])


def _job(value: dict[str, Any]) -> JobSpec:
    parts = {
        **value,
        **_timing(value),
        "sources": tuple(CollectionRef(**one) for one in value["sources"]),
        "targets": tuple(CollectionRef(**one) for one in value["targets"]),
        "conflicts": ConflictPolicy(value["conflicts"]),
        "guards": Guards(**value["guards"]),
    }
    return JobSpec(**parts)


def _timing(value: dict[str, Any]) -> dict[str, Any]:
    if not value["schedule"] and not value["triggers"]:
        return {"triggers": ()}
    from trueup.model.schedule import ScheduleSpec, trigger_from_json

    schedule = ScheduleSpec.from_json(value["schedule"]) if value["schedule"] else None
    return {"schedule": schedule, "triggers": tuple(trigger_from_json(one) for one in value["triggers"])}
