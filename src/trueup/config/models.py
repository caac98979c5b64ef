"""The schema of `trueup.yaml`: the single source for validation, the sample of `init` and the reference."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from trueup.config.quantities import duration, limit, share_or_off, switch
from trueup.config.secrets import SecretRef
from trueup.config.times import clock, cron, hook, moment, zone
from trueup.config.when import when as when_of


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) or value is None else [value]


def _limits(value: Any) -> list[float | int | None]:
    if value == []:
        raise ValueError("must not be empty; `off` takes the limit away")
    return [limit(one) for one in _listed(value)]


def _pattern(value: object) -> object:
    if isinstance(value, str):
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"must be a regular expression: {error}") from None
    return value


Duration = Annotated[float, BeforeValidator(duration, json_schema_input_type=str)]
Limits = Annotated[list[float | int | None], BeforeValidator(_limits)]
ShareOrOff = Annotated[float | None, BeforeValidator(share_or_off)]
OneOrMore = BeforeValidator(_listed)
Words = Annotated[list[str], OneOrMore]
Switch = Annotated[bool, BeforeValidator(switch)]
Pattern = Annotated[str, BeforeValidator(_pattern)]
Cron = Annotated[str, BeforeValidator(cron)]
Clock = Annotated[str, BeforeValidator(clock)]
Zone = Annotated[str, BeforeValidator(zone)]
Moment = Annotated[str, BeforeValidator(moment)]
Hook = Annotated[str, BeforeValidator(hook)]
Section = BeforeValidator(lambda value: {} if value is None else value)  # `jobs:` with all its lines commented out


class Strict(BaseModel):
    """Unknown keys are errors, and nothing is converted by guess."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


class SecretModel(Strict):
    """Where a secret is: exactly one of these."""

    env: str | None = Field(None, description="the environment variable that holds it")
    file: str | None = Field(None, description="a file with nothing else in it; relative to trueup.yaml")
    command: list[str] | None = Field(None, description="a command that prints it, with its arguments")
    keyring: str | None = Field(None, description="`service/user` in the system's keyring (needs trueup[keyring])")

    def ref(self) -> SecretRef:
        """As the rest of the program knows it."""
        return SecretRef(self.env, self.file, self.command, self.keyring)


class CollectionModel(Strict):
    """A collection of a store."""

    store: str = Field(description="the store's name")
    name: str = Field(
        "",
        description="the calendar's or address book's name there; empty for a store that is a single one (ics, a .vcf file)",
    )


class PreferModel(Strict):
    """A policy that names a store."""

    prefer: str = Field(description="the store whose value wins")


class GuardsModel(Strict):
    """What a job refuses to do without a person's word."""

    max_delete: Limits = Field(
        default=[0.5, 1000],
        description="share (50%) or number (200) of a collection's items that may be deleted in one run, or both in a list; off: no limit",
    )
    max_update: ShareOrOff = Field(
        0.8, description="share of a collection's items that may be changed in one run; off: no limit"
    )
    empty: Switch = Field(True, description="a side that had items and has none stops the run")
    changed_filter: Switch = Field(True, description="a changed filter or transform that deletes stops the run")


class WindowModel(Strict):
    """A window of time around today."""

    past: Duration | None = Field(None, description="how far back; nothing: without end")
    future: Duration | None = Field(None, description="how far ahead; nothing: without end")


class FilterModel(Strict):
    """Which items belong to a job."""

    window: WindowModel | None = Field(None, description="only items with an occurrence in this window")
    categories: Words | None = Field(None, description="only items with one of these categories")
    not_categories: Words | None = Field(None, description="no items with one of these categories")
    title: Pattern | None = Field(None, description="only items whose title this regular expression finds")
    only_busy: Switch = Field(False, description="only items that block time: not cancelled, not shown as free")


class TransformModel(Strict):
    """What a copy shows."""

    only: Literal["busy"] | None = Field(None, description="busy: the time and nothing else")
    title: str | None = Field(None, description="the title of every copy")
    drop: Words = Field(
        default_factory=list,
        description="what copies do not have: attendees, alarms, description, location, attachments …",
    )
    keep: Words = Field(default_factory=list, description="what `only: busy` keeps all the same")
    categories: Words | None = Field(None, description="the categories of every copy")
    private: Switch = Field(False, description="mark every copy as private")


class OverlapsModel(Strict):
    """Double bookings."""

    policy: Literal["report", "mark", "propose"] = Field(
        "report", description="report them, mark what gives way, or propose it in the plan"
    )
    priority: Words = Field(
        default_factory=list,
        description="stores or collections (STORE/NAME), the most important first; what is further down gives way",
    )
    all_day: Switch = Field(False, description="all-day items count as well")
    window: Duration = Field(90 * 86_400.0, description="how far ahead to look")


class EventsModel(Strict):
    """Events of a calendar."""

    store: str = Field(description="the store's name")
    name: str = Field("", description="the calendar's name there; empty for a store that is a single calendar (ics)")
    categories: Words = Field(default_factory=list, description="only events with one of these categories")
    title: Pattern | None = Field(None, description="only events whose title this regular expression finds")
    refresh: Duration = Field(300.0, description="how often `trueup serve` looks at the calendar")


class ExceptModel(Strict):
    """Holidays, blackouts."""

    calendar: EventsModel = Field(description="nothing starts during these events; an all-day one counts as whole days")
    policy: Literal["skip", "shift"] = Field("skip", description="what falls into one is left out, or moved to its end")


class ScheduleModel(Strict):
    """When a job or pipeline starts by itself."""

    cron: Cron | None = Field(None, description="five fields, as cron has them: minute, hour, day, month, day of week")
    zone: Zone = Field("UTC", description="the time zone of `cron`, of all-day events and of floating times")
    every: Duration | None = Field(None, description="the time between two starts")
    start: Moment | None = Field(None, description="what `every` counts from; default: midnight UTC of 1 January 1970")
    calendar: EventsModel | None = Field(None, description="each of these events starts a run at its beginning")
    except_: Annotated[list[ExceptModel], OneOrMore] = Field(
        default_factory=list, alias="except", description="holidays and blackouts (one or a list)"
    )
    catch_up: Literal["skip", "one", "all"] = Field(
        "one", description="what is made up for of what was missed: nothing, the last one, or all of it"
    )
    jitter: Duration = Field(0.0, description="starts are spread over this time, each always by the same")
    overlap: Literal["skip", "queue", "cancel", "allow"] = Field(
        "skip", description="when the last run is still under way: leave this one out, wait, stop that one, or run both"
    )
    collide: Literal["queue", "shift", "skip", "ask"] = Field(
        "queue",
        description="when another run uses the same job: wait, move to its end, leave out, or wait for a person",
    )
    paused: Switch = Field(False, description="nothing starts, and nothing is made up for later")
    params: dict[str, Any] = Field(default_factory=dict, description="the pipeline's parameters")


class TriggerModel(Strict):
    """What else starts a job or pipeline: exactly one of `file`, `http` and `after`."""

    file: str | None = Field(None, description="a pattern (inbox/*.csv); each file starts one run when it is whole")
    settle: Duration = Field(2.0, description="of `file`: how long its size and time must have been at rest")
    http: Hook | None = Field(None, description="a path (/hooks/crm); a POST with the token starts a run")
    token: str | SecretModel | None = Field(
        None, description="of `http`: what the caller must show: `Authorization: Bearer …`"
    )
    after: str | None = Field(None, description="a job or pipeline; the end of its run starts one")
    outcome: Annotated[list[Literal["done", "partial", "failed", "conflict"]], OneOrMore] = Field(
        default=["done"], description="of `after`: how that run must have ended"
    )
    params: dict[str, Any] = Field(default_factory=dict, description="the pipeline's parameters")


class DigestModel(Strict):
    """When a summary is sent."""

    every: Literal["daily", "weekly"] = Field("daily", description="how often")
    at: Clock = Field("07:00", description="the time of day")
    on: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] = Field(
        "monday", description="of a weekly one: the day"
    )
    zone: Zone | None = Field(None, description="the time zone; default: that of the schedule, or UTC")


class NotifyModel(Strict):
    """Who is told (see the how-to on notifications)."""

    failure: Annotated[list[str | SecretModel], OneOrMore] = Field(
        default_factory=list, description="addresses for failures and recoveries (mailto://…, apprise's forms)"
    )
    recovery: Switch = Field(True, description="tell when it works again")
    success: Annotated[list[str | SecretModel], OneOrMore] = Field(
        default_factory=list, description="addresses for every success"
    )
    digest: Literal["daily", "weekly"] | DigestModel | None = Field(
        None, description="a summary to the addresses of `failure`: daily, weekly, or more precisely"
    )
    heartbeat: str | SecretModel | None = Field(None, description="a URL that is called at start, success and failure")


class JobModel(Strict):
    """One job."""

    kind: Literal["calendar"] = Field(description="what its items are")
    collections: list[CollectionModel] = Field(
        default_factory=list, description="two or more collections kept in step, both ways"
    )
    from_: Annotated[list[CollectionModel], OneOrMore] = Field(
        default_factory=list, alias="from", description="one way: where items come from (one or a list)"
    )
    to: Annotated[list[CollectionModel], OneOrMore] = Field(
        default_factory=list, description="one way: where they are copied to (one or a list)"
    )
    conflicts: Literal["merge", "newest", "keep-both", "ask"] | PreferModel = Field(
        "merge", description="what happens when two sides changed the same field"
    )
    on_delete: Literal["edit-wins", "delete-wins"] = Field(
        "edit-wins", description="when one side deleted what another edited"
    )
    guards: GuardsModel = Field(default_factory=lambda: GuardsModel(), description="what stops a run")
    invitations: Literal["never", "allow"] = Field(
        "never", description="whether attendees are carried to servers that mail them"
    )
    transform: TransformModel | None = Field(None, description="one way: what copies show")
    filter: FilterModel | None = Field(None, description="which items belong to the job")
    overlaps: OverlapsModel | None = Field(None, description="look for double bookings")
    notify: NotifyModel | None = Field(None, description="who is told")
    schedule: ScheduleModel | None = Field(None, description="when it starts by itself (`trueup serve`)")
    triggers: list[TriggerModel] = Field(default_factory=list, description="what else starts it")


class RetryModel(Strict):
    """When a step is tried again."""

    attempts: int = Field(1, ge=1, le=100, description="how often it is tried in all")
    backoff: Literal["exponential", "fixed"] = Field("exponential", description="how the pause grows")
    base: Duration = Field(1.0, description="the first pause")
    cap: Duration = Field(60.0, description="the longest pause")


class CacheModel(Strict):
    """When a step is not run again."""

    key: Any = Field(description="what the result belongs to")
    for_: Duration | None = Field(None, alias="for", description="how long a result holds; nothing: for ever")


class StepModel(Strict):
    """One step of a pipeline: a job, a Python function, or another pipeline."""

    job: str | None = Field(None, description="the job it runs")
    python: str | None = Field(None, description="the function it calls: module:function")
    pipeline: str | None = Field(None, description="the pipeline it runs")
    needs: Words = Field(default_factory=list, description="the steps that must have ended before")
    with_: dict[str, Any] = Field(default_factory=dict, alias="with", description="arguments or parameters")
    when: Annotated[Any, BeforeValidator(when_of)] = Field(
        None, description="{outcome: …} of what it needs, or a condition on data"
    )
    for_each: Any = Field(None, description="a list: the step runs once for each `${item}`")
    parallel: int = Field(4, ge=1, le=64, description="how many items at once")
    timeout: Duration | None = Field(None, description="how long one attempt may take")
    retry: RetryModel = Field(default_factory=lambda: RetryModel(), description="when it is tried again")
    cache: CacheModel | None = Field(None, description="when it need not run")
    description: str = Field("", description="for people")


class ParamModel(Strict):
    """A parameter of a pipeline."""

    type: Literal["string", "integer", "number", "boolean", "list", "object"] = Field(
        "string", description="what it must be"
    )
    default: Any = Field(None, description="its value where none is given; without it the parameter is required")
    description: str = Field("", description="for people")


class PipelineModel(Strict):
    """A graph of steps."""

    params: dict[str, ParamModel] = Field(default_factory=dict, description="what a run may be given")
    steps: dict[str, StepModel] = Field(description="the steps by name")
    notify: NotifyModel | None = Field(None, description="who is told")
    schedule: ScheduleModel | None = Field(None, description="when it starts by itself (`trueup serve`)")
    triggers: list[TriggerModel] = Field(default_factory=list, description="what else starts it")
    description: str = Field("", description="for people")


class ConfigModel(Strict):
    """The whole file. `stores` is checked against the connectors' own options."""

    version: Literal[1] = Field(description="the format of this file")
    ledger: str | SecretModel | None = Field(
        None, description="a file, or postgresql://…; default: .trueup/ledger.db beside this file"
    )
    stores: Annotated[dict[str, dict[str, Any]], Section] = Field(
        description="accounts and places, each with its `connector` and that connector's options"
    )
    jobs: Annotated[dict[str, JobModel], Section] = Field(default_factory=dict, description="what is kept true")
    pipelines: Annotated[dict[str, PipelineModel], Section] = Field(
        default_factory=dict, description="graphs of jobs and functions"
    )
