"""The schema of jobs of kind `contacts`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from trueup.config.mapping_models import ContactsCollectionModel
from trueup.config.models import (
    NotifyModel,
    OneOrMore,
    Pattern,
    PreferModel,
    ScheduleModel,
    Strict,
    TriggerModel,
    Words,
)
from trueup.config.quality_models import ContactsGuardsModel, RuleModel


def _fields(value: object) -> object:
    """The names of fields in lower case, for people write them as they like; a property's own name stays in capitals."""
    if isinstance(value, dict):
        return {str(key) if str(key).isupper() else str(key).lower(): one for key, one in value.items()}
    return value


class ContactsFilterModel(Strict):
    """Which contacts belong to a job."""

    categories: Words | None = Field(None, description="only contacts with one of these categories")
    not_categories: Words | None = Field(None, description="no contacts with one of these categories")
    title: Pattern | None = Field(None, description="only contacts whose name this regular expression finds")


class MatchModel(Strict):
    """When contacts are taken for one person though no UID says so."""

    link: float = Field(
        0.92,
        gt=0.5,
        le=1,
        description="the score from which they are, where an address or number of their own is shared",
    )
    review: float = Field(0.75, gt=0.5, le=1, description="the score from which you are asked; below it they are two")
    region: str = Field(
        "",
        pattern="^([A-Z]{2})?$",
        description="country of phone numbers without a country code (ISO 3166: DE, US); without it they are compared by their digits",
    )


class ContactsJobModel(Strict):
    """One job that keeps address books in step."""

    kind: Literal["contacts"] = Field(description="what its items are")
    collections: list[ContactsCollectionModel] = Field(
        default_factory=list, description="two or more address books kept in step, both ways"
    )
    from_: Annotated[list[ContactsCollectionModel], OneOrMore] = Field(
        default_factory=list, alias="from", description="one way: where contacts come from (one or a list)"
    )
    to: Annotated[list[ContactsCollectionModel], OneOrMore] = Field(
        default_factory=list, description="one way: where they are copied to (one or a list)"
    )
    conflicts: Literal["merge", "newest", "keep-both", "ask"] | PreferModel = Field(
        "merge", description="what happens when two sides changed the same field"
    )
    truth: Annotated[dict[str, str], BeforeValidator(_fields)] = Field(
        default_factory=dict,
        description='by field (`phone`, `photo`, `"*"` for all others): the store whose value wins where sides differ, or `newest`',
    )
    blanks: Annotated[Literal["keep", "wipe"] | dict[str, Literal["keep", "wipe"]], BeforeValidator(_fields)] = Field(
        "keep",
        description="what an emptied field does to the others: nothing (keep), or empty them too (wipe); for all, or by field",
    )
    on_delete: Literal["edit-wins", "delete-wins"] = Field(
        "edit-wins", description="when one side deleted what another edited"
    )
    match: MatchModel | Literal["off", False] = Field(
        default_factory=lambda: MatchModel(),
        description="when contacts of several books are taken for one person though no UID says so, or `off`",
    )
    duplicates: Literal["report", "propose", "merge"] | None = Field(
        None,
        description="what is done about several contacts of one book that are one person: told (report), asked about (propose), or made one (merge)",
    )
    survivor: Annotated[dict[str, str], BeforeValidator(_fields)] = Field(
        default_factory=dict,
        description='which value stays when contacts are made one, by field (`"*"` for all others): `newest`, `longest`, or a store\'s name',
    )
    quality: list[RuleModel] = Field(
        default_factory=list,
        description="rules for single contacts: what they must be like, and what is done where they are not",
    )
    guards: ContactsGuardsModel = Field(default_factory=lambda: ContactsGuardsModel(), description="what stops a run")
    filter: ContactsFilterModel | None = Field(None, description="which contacts belong to the job")
    notify: NotifyModel | None = Field(None, description="who is told")
    schedule: ScheduleModel | None = Field(None, description="when it starts by itself (`trueup serve`)")
    triggers: list[TriggerModel] = Field(default_factory=list, description="what else starts it")
