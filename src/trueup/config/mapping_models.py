"""The schema of `mapping`: which column of a table is which property of a contact."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from trueup.config.models import CollectionModel, OneOrMore, Strict, Words

Presets = Literal["generic", "google", "outlook", "outlook-de", "thunderbird", "thunderbird-de"]
_OWN = re.compile(r"[A-Z][A-Z0-9-]*")
_PARTS = re.compile(
    r"[^{}]*(?:\{(?:last|first|middle|prefix|suffix)\}[^{}]+)*\{(?:last|first|middle|prefix|suffix)\}[^{}]*"
)


def _own(value: object) -> object:
    for key in value if isinstance(value, dict) else ():
        if not _OWN.fullmatch(str(key)):
            raise ValueError(f"must name properties in capitals, as X-CRM-ID, not {key!r}")
    return value


def _pattern(value: object) -> object:
    if isinstance(value, str) and not _PARTS.fullmatch(value):
        raise ValueError('must be parts of a name with a text between each two, as "{last}, {first}"')
    return value


class CellModel(Strict):
    """Where a value stands."""

    column: Words = Field(description="the column; of several, the values are joined")
    separator: str = Field("", description="between several values in one column, or the values of several columns")
    wipes: Annotated[list[Literal["blank", "null", "absent"]], OneOrMore] = Field(
        default_factory=list,
        description="which of `blank`, `null` and `absent` says that the value was removed; nothing: none",
    )


class NameModel(CellModel):
    """Where a full name stands."""

    parts: Annotated[str, BeforeValidator(_pattern)] = Field(
        "", description='how the name is put together: "{last}, {first}"'
    )


class DateModel(CellModel):
    """Where a date stands."""

    format: str = Field("", description='how it is written (strptime): "%d.%m.%Y"; without it as 1980-03-09')


class PhotoModel(CellModel):
    """Where a photo stands."""

    as_: Literal["base64", "url"] = Field("base64", alias="as", description="what the column holds")


class LineModel(CellModel):
    """Where an e-mail, a number or a link stands."""

    type: Words = Field(default_factory=list, description="what it is: work, home, cell, fax …")
    type_column: str = Field("", description="the column that says what it is")


class AddressModel(Strict):
    """Where the parts of an address stand: a column each."""

    street: str | CellModel | None = Field(None, description="street and number")
    city: str | CellModel | None = Field(None, description="town")
    code: str | CellModel | None = Field(None, description="postal code")
    region: str | CellModel | None = Field(None, description="state or province")
    country: str | CellModel | None = Field(None, description="country")
    box: str | CellModel | None = Field(None, description="post office box")
    extended: str | CellModel | None = Field(None, description="flat, floor, building")
    type: Words = Field(default_factory=list, description="what it is: work, home")
    type_column: str = Field("", description="the column that says what it is")


Lines = Annotated[list[str | LineModel], OneOrMore]


class MappingModel(Strict):
    """Which column is which property: a column's name, or more about it."""

    preset: Presets | None = Field(
        None, description="the columns of a well-known export; what else is said comes on top"
    )
    uid: str | None = Field(
        None, description="the column with a contact's key, where it has one that other stores know"
    )
    updated: str | None = Field(None, description="the column that says when a row was last changed; never written")
    name: str | NameModel | None = Field(None, description="full name")
    first: str | CellModel | None = Field(None, description="given name")
    last: str | CellModel | None = Field(None, description="family name")
    middle: str | CellModel | None = Field(None, description="further given names")
    prefix: str | CellModel | None = Field(None, description="title before the name (Dr.)")
    suffix: str | CellModel | None = Field(None, description="what follows the name (jun.)")
    nickname: str | CellModel | None = Field(None, description="nicknames")
    organisation: str | CellModel | None = Field(None, description="company")
    department: str | CellModel | None = Field(None, description="unit of the company")
    title: str | CellModel | None = Field(None, description="position")
    role: str | CellModel | None = Field(None, description="role")
    email: Lines | None = Field(None, description="e-mail addresses, a column each")
    phone: Lines | None = Field(None, description="phone numbers, a column each")
    address: Annotated[list[str | AddressModel], OneOrMore] | None = Field(None, description="addresses")
    url: Lines | None = Field(None, description="web pages")
    messaging: Lines | None = Field(None, description="addresses of messengers (xmpp:anna@example.org)")
    categories: str | CellModel | None = Field(None, description="groups; by default parted by commas")
    note: str | CellModel | None = Field(None, description="notes")
    birthday: str | DateModel | None = Field(None, description="birthday")
    anniversary: str | DateModel | None = Field(None, description="anniversary")
    photo: str | PhotoModel | None = Field(None, description="photo")
    gender: str | CellModel | None = Field(None, description="gender")
    properties: Annotated[dict[str, str | CellModel], BeforeValidator(_own)] = Field(
        default_factory=dict, description="own fields: {X-CRM-ID: column}"
    )
    constants: Annotated[dict[str, str], BeforeValidator(_own)] = Field(
        default_factory=dict, description="what every contact of the table has: {CATEGORIES: customers}"
    )


def _text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class RangeModel(Strict):
    """What is between two bounds, both included."""

    from_: Annotated[str, BeforeValidator(_text)] = Field(
        "", alias="from", description="the first; nothing: from the beginning"
    )
    to: Annotated[str, BeforeValidator(_text)] = Field("", description="the last; nothing: to the end")


def _preset(value: object) -> object:
    return {"preset": value} if isinstance(value, str) else value


class ContactsCollectionModel(CollectionModel):
    """An address book, or a table that is one by its mapping."""

    where: dict[str, str | list[str] | RangeModel] = Field(
        default_factory=dict,
        description="of a table: the part of it that is meant: {region: north}, {region: [north, south]}, {id: {from: 1, to: 999}}",
    )
    mapping: Annotated[MappingModel, BeforeValidator(_preset, json_schema_input_type=str | MappingModel)] | None = (
        Field(None, description="of a table: which column is which property, or the name of a preset")
    )
