"""The schema of `trueup.yaml`: the single source for validation, the sample of `init` and the reference."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from trueup.config.quantities import duration, share
from trueup.config.secrets import SecretRef

Duration = Annotated[float, BeforeValidator(duration)]
Share = Annotated[float, BeforeValidator(share)]
OneOrMore = BeforeValidator(lambda value: value if isinstance(value, list) else [value])
Switch = BeforeValidator(
    lambda value: {"on": True, "off": False}.get(value, value) if isinstance(value, str) else value
)


class Strict(BaseModel):
    """Unknown keys are errors, and nothing is converted by guess."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


class CollectionModel(Strict):
    """A collection of a store."""

    store: str = Field(description="the store's name")
    name: str = Field("", description="the calendar's name there; empty for a store that is a single calendar (ics)")


class PreferModel(Strict):
    """A policy that names a store."""

    prefer: str = Field(description="the store whose value wins")


class GuardsModel(Strict):
    """What a job refuses to do without a person's word."""

    max_delete: str | int | float | bool | list[str | int | float] = Field(
        "50%",
        description="share (50%) or number (200) of a collection's items that may be deleted in one run, or both in a list; off: no limit",
    )
    max_update: str | float | bool = Field(
        "80%", description="share of a collection's items that may be changed in one run; off: no limit"
    )
    empty: Annotated[bool, Switch] = Field(True, description="a side that had items and has none stops the run")
    changed_filter: Annotated[bool, Switch] = Field(
        True, description="a changed filter or transform that deletes stops the run"
    )


class WindowModel(Strict):
    """A window of time around today."""

    past: Duration | None = Field(None, description="how far back; nothing: without end")
    future: Duration | None = Field(None, description="how far ahead; nothing: without end")


class FilterModel(Strict):
    """Which items belong to a job."""

    window: WindowModel | None = Field(None, description="only items with an occurrence in this window")
    categories: list[str] | None = Field(None, description="only items with one of these categories")
    not_categories: list[str] | None = Field(None, description="no items with one of these categories")
    title: str | None = Field(None, description="only items whose title this regular expression finds")
    only_busy: bool = Field(False, description="only items that block time: not cancelled, not shown as free")


class TransformModel(Strict):
    """What a copy shows."""

    only: Literal["busy"] | None = Field(None, description="busy: the time and nothing else")
    title: str | None = Field(None, description="the title of every copy")
    drop: list[str] = Field(
        default_factory=list,
        description="what copies do not have: attendees, alarms, description, location, attachments …",
    )
    keep: list[str] = Field(default_factory=list, description="what `only: busy` keeps all the same")
    categories: list[str] | None = Field(None, description="the categories of every copy")
    private: bool = Field(False, description="mark every copy as private")


class OverlapsModel(Strict):
    """Double bookings."""

    policy: Literal["report", "mark", "propose"] = Field(
        "report", description="report them, mark what gives way, or propose it in the plan"
    )
    priority: list[str] = Field(
        default_factory=list, description="stores, the most important first; what is further down gives way"
    )
    all_day: bool = Field(False, description="all-day items count as well")
    window: Duration = Field(90 * 86_400.0, description="how far ahead to look")


class JobModel(Strict):
    """One job."""

    kind: Literal["calendar"] = Field(description="what its items are")
    collections: list[CollectionModel] = Field(
        default_factory=list, description="two or more collections kept in step, both ways"
    )
    from_: Annotated[list[CollectionModel], OneOrMore] = Field(
        default_factory=list, alias="from", description="one way: where items come from"
    )
    to: Annotated[list[CollectionModel], OneOrMore] = Field(
        default_factory=list, description="one way: where they are copied to"
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

    @model_validator(mode="after")
    def _one_shape(self) -> JobModel:
        if self.collections and (self.from_ or self.to):
            raise ValueError("`collections` is for both ways, `from` and `to` for one way: use one of the two")
        if not self.collections and not (self.from_ and self.to):
            raise ValueError("a job needs `collections` (two or more), or `from` and `to`")
        if self.collections and len(self.collections) < 2:
            raise ValueError("`collections` needs two or more")
        if self.collections and self.transform:
            raise ValueError("a transform only works one way: its copies could not be merged back; use `from` and `to`")
        return self


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
    needs: list[str] = Field(default_factory=list, description="the steps that must have ended before")
    with_: dict[str, Any] = Field(default_factory=dict, alias="with", description="arguments or parameters")
    when: Any = Field(None, description="{outcome: …} of what it needs, or a condition on data")
    for_each: Any = Field(None, description="a list: the step runs once for each `${item}`")
    parallel: int = Field(4, ge=1, le=64, description="how many items at once")
    timeout: Duration | None = Field(None, description="how long one attempt may take")
    retry: RetryModel = Field(default_factory=lambda: RetryModel(), description="when it is tried again")
    cache: CacheModel | None = Field(None, description="when it need not run")
    description: str = Field("", description="for people")

    @model_validator(mode="after")
    def _one_target(self) -> StepModel:
        if sum(one is not None for one in (self.job, self.python, self.pipeline)) != 1:
            raise ValueError("a step needs exactly one of `job`, `python` and `pipeline`")
        return self


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
    description: str = Field("", description="for people")


class ConfigModel(Strict):
    """The whole file. `stores` is checked against the connectors' own options."""

    version: Literal[1] = Field(description="the format of this file")
    ledger: str | SecretRef | None = Field(
        None, description="a file, or postgresql://…; default: .trueup/ledger.db beside this file"
    )
    stores: dict[str, dict[str, Any]] = Field(
        description="accounts and places, each with its `connector` and that connector's options"
    )
    jobs: dict[str, JobModel] = Field(default_factory=dict, description="what is kept true")
    pipelines: dict[str, PipelineModel] = Field(default_factory=dict, description="graphs of jobs and functions")
