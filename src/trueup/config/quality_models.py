"""The schema of `quality` and of the guard `profile`."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from trueup.config.models import GuardsModel, OneOrMore, Pattern, Strict, Switch, Words
from trueup.config.quantities import share

Share = Annotated[float, BeforeValidator(share)]
Alarm = Annotated[Literal["warn", "block", "off"], BeforeValidator(lambda value: "off" if value is False else value)]


def _word(value: object) -> object:
    """A field's name in lower case, for people write it as they like; a property's own name stays in capitals."""
    return value.lower() if isinstance(value, str) and not value.isupper() else value


def _region(value: object) -> object:
    if not isinstance(value, str) or not re.fullmatch("[A-Z]{2}", value):
        raise ValueError("must be a country's code of two capitals: DE, US")
    return value


def _limit(value: object) -> object:
    """`volume: block` for `volume: {action: block}`."""
    return {"action": value} if isinstance(value, str | bool) else value


Region = Annotated[str, BeforeValidator(_region)]


class LookupModel(Strict):
    """A column of a file."""

    file: str = Field(description="a text in UTF-8, one value a line, or a table (.csv); relative to trueup.yaml")
    column: str | None = Field(None, description="of a table: the column's name in its first line; default: the first")


class RuleModel(Strict):
    """A rule: what it demands, and what is done with a contact that breaks it."""

    name: str | None = Field(None, description="what it is called in plans; default: the field and what is demanded")
    field: Annotated[str | None, BeforeValidator(_word)] = Field(
        None, description="which field; a property without a word of its own by its name in capitals (X-CRM-ID)"
    )
    in_: Words = Field(
        default_factory=list,
        alias="in",
        description="only in these stores or collections (STORE/NAME); default: in all",
    )
    required: Switch = Field(False, description="it must be there, and not blank")
    pattern: Pattern | None = Field(None, description="a regular expression that the whole value matches")
    email: Switch = Field(False, description="it must be an e-mail address")
    phone: Switch = Field(False, description="it must be a phone number that can be dialled")
    country: Switch = Field(False, description="it must be a country: its ISO 3166 code, or its name in any language")
    unique: Switch = Field(False, description="no other contact of the same address book may have it")
    one_of: Words | None = Field(None, description="it must be one of these")
    lookup: LookupModel | None = Field(None, description="it must stand in this file")
    check: str | None = Field(
        None, description="an expression that must hold: `item.email or item.phone`; null is what is not there"
    )
    fix: Annotated[list[Literal["trim", "lower", "title", "e164", "country", "date"]], OneOrMore] = Field(
        default_factory=list, description="what is mended, in this order"
    )
    region: Region | None = Field(
        None,
        description="where phone numbers without a country code are from (ISO 3166: DE, US); default: they must have one",
    )
    order: Literal["dmy", "mdy"] | None = Field(
        None, description="what comes first in dates like 3/4/1980; default: those are left alone"
    )
    action: Literal["reject", "review", "warn", "fix"] | None = Field(
        None,
        description="leave the contact out, ask you, say so (default), or mend it (default with `fix`)",
    )


class AnomalyModel(Strict):
    """What is done about one kind of anomaly, and from when on."""

    action: Alarm | None = Field(None, description="warn, block or off; default: that of all")
    share: Share | None = Field(None, description="the limit (30%)")


Anomaly = Annotated[AnomalyModel | None, BeforeValidator(_limit)]


class ProfileGuardModel(Strict):
    """When a load that is unlike the last one is told, or stops the run."""

    action: Alarm = Field(
        "warn", description="say so (warn), stop the run until you allow it (block), or nothing (off)"
    )
    floor: int = Field(20, ge=1, description="fewer contacts or values than this raise no alarm")
    volume: Anomaly = Field(None, description="contacts that went, or came on top of as many again; limit 50%")
    empty: Anomaly = Field(
        None, description="a field empty in twice as many contacts, and in so many more of all; limit 5%"
    )
    pattern: Anomaly = Field(None, description="values of a form that was not there before; limit 5% of the values")
    value: Anomaly = Field(None, description="one value in so many places that was rare or not there before; limit 5%")
    distinct: Anomaly = Field(None, description="different values that got lost; limit 50%")
    duplicates: Anomaly = Field(
        None, description="values that stand more than once: twice as many, and so many more of all; limit 5%"
    )
    length: Anomaly = Field(None, description="values shorter on average, or longer by as much again; limit 50%")
    invalid: Anomaly = Field(
        None, description="e-mails, numbers, dates that do not read as such: so many more of all; limit 5%"
    )


class ContactsGuardsModel(GuardsModel):
    """What a job of contacts refuses to do without a person's word."""

    profile: Annotated[ProfileGuardModel, BeforeValidator(_limit)] = Field(
        default_factory=lambda: ProfileGuardModel(),
        description="a load that is unlike the last one: warn, block or off, or limits by kind of anomaly",
    )
