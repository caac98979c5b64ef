"""The schema of a backup job."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from trueup.config.models import (
    Clock,
    CollectionModel,
    Duration,
    NotifyModel,
    OneOrMore,
    RetryModel,
    ScheduleModel,
    SecretModel,
    ShareOrOff,
    Strict,
    Switch,
    TriggerModel,
    Words,
    Zone,
)
from trueup.config.quantities import SWITCH, duration, size


def _every(value: object) -> float | None:
    """Seconds between two of something: 0 for "every run", None for off."""
    if value is False or (isinstance(value, str) and SWITCH.get(value.strip().lower()) is False):
        return None
    if isinstance(value, str) and value.strip().lower() == "every run":
        return 0.0
    try:
        return duration(value)
    except ValueError:
        raise ValueError("must be `every run`, a duration (7d) or off") from None


def _argv(value: object) -> object:
    return value if isinstance(value, str | list) else _refuse("must be a command: a text for the shell, or a list")


def _refuse(text: str) -> object:
    raise ValueError(text)


def _growth(value: object) -> float | None:
    if value is False or (isinstance(value, str) and SWITCH.get(value.strip().lower()) is False):
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", str(value).strip())
    if found is None:
        raise ValueError("must be a percentage (300%), or off")
    return float(found[1]) / 100


def _number_or_off(value: object) -> object:
    off = value is False or (isinstance(value, str) and SWITCH.get(value.strip().lower()) is False)
    return None if off else float(value) if isinstance(value, int) and not isinstance(value, bool) else value


NumberOrOff = Annotated[float | None, BeforeValidator(_number_or_off)]
Growth = Annotated[float | None, BeforeValidator(_growth)]
Every = Annotated[float | None, BeforeValidator(_every)]
Size = Annotated[int, BeforeValidator(size)]
Checksum = Annotated[int | Literal["all"], BeforeValidator(lambda one: one if one == "all" else size(one))]
Command = Annotated[str | list[str], BeforeValidator(_argv)]
Secret = str | SecretModel
Databases = Annotated[list[str] | Literal["all"] | None, BeforeValidator(lambda one: one)]


def _keyed(key: str) -> BeforeValidator:
    """A bare text or list stands for a mapping with it under `key`."""
    return BeforeValidator(lambda value: {key: value} if isinstance(value, str | list) else value)


class RepositoryModel(Strict):
    """Where snapshots go."""

    store: str = Field(description="a store whose connector keeps snapshots: archive or restic")


class PostgresqlModel(Strict):
    """A PostgreSQL server."""

    url: Secret = Field(description="postgresql://user:password@host:port/database; best {env: NAME}")
    databases: Databases = Field(None, description="names, or `all`; nothing: the one in `url`")
    roles: Switch = Field(True, description="roles, tablespaces and their grants as well")
    exclude_tables: Words = Field(default_factory=list, description="tables whose rows are left out (`audit.*`)")
    checksum: Checksum = Field(
        10_000_000_000,
        description="tables up to this size are compared row by row, larger ones by their counts; or `all`",
    )
    bin: str | None = Field(None, description="the folder with pg_dump; nothing: it is looked for")


class MariadbModel(Strict):
    """A MariaDB or MySQL server."""

    url: Secret = Field(description="mysql://user:password@host:port/database; best {env: NAME}")
    databases: Databases = Field(None, description="names, or `all`; nothing: the one in `url`")
    users: Switch = Field(True, description="with `all`: accounts and grants as well")
    lock: Switch = Field(False, description="lock all tables while dumping (for MyISAM)")
    bin: str | None = Field(None, description="the folder with mariadb-dump; nothing: it is looked for")


class SqliteModel(Strict):
    """An SQLite database."""

    path: str = Field(description="the file")


class CommandModel(Strict):
    """A command whose output is kept."""

    run: Command = Field(description="a text for the shell, or a list: program and arguments")
    name: str = Field("output", description="the name of the file it becomes")
    ends_with: str = Field("", description="a text the output must end with: that it is complete")
    codes: list[int] = Field(default_factory=lambda: [0], description="exit codes that mean success")
    env: dict[str, Secret] = Field(default_factory=dict, description="variables for it alone")
    drill: Command | None = Field(None, description="proves that $TRUEUP_FILE can be used; exit code 0 is success")
    restore: Command | None = Field(None, description="takes $TRUEUP_FILE back to where it came from")


class HooksModel(Strict):
    """Commands around a source (freeze, snapshot of a volume)."""

    before: Command | None = Field(None, description="runs before the source is taken; its failure is the source's")
    after: Command | None = Field(None, description="runs afterwards, whenever `before` was begun")


class SourceModel(Strict):
    """One source: exactly one of `postgresql`, `mariadb`, `sqlite`, `path`, `collections`, `command` and `ledger`."""

    postgresql: Annotated[PostgresqlModel, _keyed("url")] | None = Field(None, description="a PostgreSQL server")
    mariadb: Annotated[MariadbModel, _keyed("url")] | None = Field(None, description="a MariaDB or MySQL server")
    sqlite: Annotated[SqliteModel, _keyed("path")] | None = Field(None, description="an SQLite file, also in use")
    path: str | None = Field(None, description="a folder or file")
    collections: Annotated[list[CollectionModel], OneOrMore] | None = Field(
        None, description="calendars and address books of stores; a name may be a pattern (*)"
    )
    command: Annotated[CommandModel, _keyed("run")] | None = Field(None, description="the output of a command")
    ledger: Switch = Field(False, description="trueup's own ledger")
    exclude: Words = Field(default_factory=list, description="of `path`: what is left out (*.tmp, cache/**)")
    one_file_system: Switch = Field(False, description="of `path`: do not go into other mounts")
    unreadable: Literal["fail", "warn"] = Field("fail", description="of `path`: what a file that cannot be read is")
    drill_store: str | None = Field(
        None,
        description="of `collections`: a store in which drills may keep a collection `trueup-drill`, empty in between",
    )
    after: Words = Field(default_factory=list, description="sources that must be stored before")
    hooks: HooksModel = Field(default_factory=lambda: HooksModel(), description="commands around it")
    timeout: Duration | None = Field(None, description="how long one attempt may take; default: the job's")
    no_progress: Duration | None = Field(None, description="how long nothing may move; default: the job's")
    min_size: Size = Field(0, description="less than this is a failure (10MB)")


class BackupWindowModel(Strict):
    """When it may run."""

    start: Clock = Field(description='when it starts every day: "01:00"')
    start_by: Clock | None = Field(None, description="it is not begun after this time")
    end_by: Clock | None = Field(None, description="what is not done by then is stopped, and told")
    zone: Zone = Field("UTC", description="the time zone")
    missed: Literal["run", "alarm"] = Field(
        "alarm", description="when the machine was off: make it up later, or tell and wait for the next"
    )


class SourceRetryModel(RetryModel):
    """When a source is tried again."""

    attempts: int = Field(3, ge=1, le=100, description="how often it is tried in all")
    base: Duration = Field(30.0, description="the first pause; half of it to all of it, by chance")
    cap: Duration = Field(900.0, description="the longest pause")


class TimeoutModel(Strict):
    """How long things may take."""

    source: Duration = Field(3600.0, description="one attempt at a source")
    no_progress: Duration = Field(300.0, description="without any sign of life")


class DrillModel(Strict):
    """Restore drills."""

    every: Every = Field(7 * 86_400.0, description="how often each source is restored and compared; off: never")
    sources: Annotated[list[str] | Literal["all"], BeforeValidator(lambda one: one)] = Field(
        "all", description="which sources"
    )


class VerifyModel(Strict):
    """How backups are proven."""

    check: Every = Field(0.0, description="how often the repository is checked: `every run`, 7d, off")
    read_data: ShareOrOff = Field(0.05, description="the share of its data that is read each time")
    drill: DrillModel = Field(default_factory=lambda: DrillModel(), description="restore drills")


class RetentionModel(Strict):
    """How many snapshots of each source stay; the newest verified and the last good ones stay in any case."""

    last: int = Field(0, ge=0, description="the last so many")
    hourly: int = Field(0, ge=0, description="one an hour, for so many hours")
    daily: int = Field(0, ge=0, description="one a day, for so many days")
    weekly: int = Field(0, ge=0, description="one a week, for so many weeks")
    monthly: int = Field(0, ge=0, description="one a month, for so many months")
    yearly: int = Field(0, ge=0, description="one a year, for so many years")
    within: Duration | None = Field(None, description="all that are younger")
    keep_good: int = Field(3, ge=1, description="so many good ones stay, whatever the rest says")


class ArchiveModel(Strict):
    """A second place for what was verified."""

    store: str = Field(description="a store whose connector keeps snapshots")
    when: Literal["verified", "always"] = Field("verified", description="what is copied there")
    lock: Duration | None = Field(None, description="how long nobody may delete it (object lock)")
    retention: RetentionModel | None = Field(None, description="how many stay there; nothing: all")


class AnomaliesModel(Strict):
    """Changes that are too large to be taken for granted: the backup is kept, nothing is removed, and you are told."""

    drop: ShareOrOff = Field(0.5, description="smaller by more than this; off: never mind")
    grow: Growth = Field(3.0, description="larger by more than this (300%: four times as large); off: never mind")
    changed: ShareOrOff = Field(0.6, description="more than this share of the files changed at once")
    entropy: NumberOrOff = Field(7.5, description="bits a byte of changed files, as encrypted ones have")


class BackupJobModel(Strict):
    """A backup: sources into a repository, proven, archived."""

    kind: Literal["backup"] = Field(description="backup")
    repository: RepositoryModel = Field(description="where snapshots go")
    sources: dict[str, SourceModel] = Field(description="what is backed up, by name")
    parallel: int = Field(4, ge=1, le=64, description="how many sources at once, over all workers")
    window: BackupWindowModel | None = Field(None, description="when it may run")
    retry: SourceRetryModel = Field(
        default_factory=lambda: SourceRetryModel(), description="when a source is tried again"
    )
    timeout: TimeoutModel = Field(default_factory=lambda: TimeoutModel(), description="how long things may take")
    verify: VerifyModel = Field(default_factory=lambda: VerifyModel(), description="how it is proven")
    archive: Annotated[list[ArchiveModel], OneOrMore] = Field(
        default_factory=list, description="second places (one or a list)"
    )
    retention: RetentionModel = Field(
        default_factory=lambda: RetentionModel(), description="how many snapshots stay; nothing: all"
    )
    anomalies: AnomaliesModel = Field(default_factory=lambda: AnomaliesModel(), description="what makes it suspicious")
    notify: NotifyModel | None = Field(None, description="who is told")
    max_age: Duration | None = Field(
        None,
        description="a newest good backup that is older is overdue (26h); default: two periods of the schedule, "
        "and no limit where there is none",
    )
    scratch: str | None = Field(None, description="a folder with room for dumps and drills; default: beside the ledger")
    metrics: str | None = Field(None, description="a text file for Prometheus, written after every run")
    schedule: ScheduleModel | None = Field(None, description="when it starts by itself; default: at `window.start`")
    triggers: list[TriggerModel] = Field(default_factory=list, description="what else starts it")


NAMES: Any = tuple(SourceModel.model_fields)[:7]
"""The keys of which a source has exactly one."""
