"""A `trueup.yaml` to start from, explained by the schema's own descriptions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from pydantic import BaseModel

from trueup.config.describe import keys, shown
from trueup.config.models import GuardsModel, JobModel
from trueup.config.stores import OptionDeclaration


class Declared(Protocol):
    """A connector, as far as the sample explains it."""

    @property
    def name(self) -> str: ...

    @property
    def help(self) -> str: ...

    @property
    def options(self) -> Sequence[OptionDeclaration]: ...


EXAMPLES = {
    "guards": "{" + ", ".join(f"{one.path}: {one.default}" for one in keys(GuardsModel)) + "}",
    "transform": '{only: busy, title: "Busy"}',
    "filter": "{window: {past: 30d, future: 2y}, categories: [public]}",
    "overlaps": "{policy: report}",
    "notify": "{failure: {env: MAIL_URL}}",
    "schedule": '{cron: "0 6 * * 1-5", zone: Europe/Berlin}',
    "triggers": "[{after: another-job}]",
}

_SHAPE = ("kind", "collections", "from", "to")

HEAD = """\
# What trueup keeps true. Check it with `trueup validate`; see what would happen with `trueup plan JOB`.
# Passwords: {env: NAME}, {file: path}, {command: [program, argument]} or {keyring: service/user}.
version: 1
"""

BACKUP = """\
# A backup, proven every week by restoring it (docs: how-to/backup.md). `trueup key backup.key` makes its keys.
# stores:
#   vault: {connector: archive, path: /mnt/backup/office, recipients: age1…, identity: {file: backup.key}}
# jobs:
#   office:
#     kind: backup
#     repository: {store: vault}
#     sources:
#       crm:    {postgresql: {url: {env: CRM_URL}}}
#       people: {collections: [{store: work, name: "*"}]}
#       files:  {path: /srv/share, exclude: "*.tmp", after: crm}
#     verify:    {check: every run, read_data: 10%, drill: {every: 7d}}
#     retention: {daily: 7, weekly: 5, monthly: 12}
#     window:    {start: "01:00", start_by: "02:00", zone: Europe/Berlin}
#     notify:    {failure: {env: MAIL_URL}}
"""

CONTACTS = """\
# Address books kept in step, with a table of the CRM's export (docs: how-to/contacts.md).
# stores:
#   server: {connector: carddav, url: https://dav.example.com/, username: ana, password: {env: DAV_PASSWORD}}
#   phone:  {connector: vcf, path: phone.vcf}
#   crm:    {connector: csv, path: crm.csv, key: customer}
# jobs:
#   people:
#     kind: contacts
#     collections: [{store: server, name: people}, {store: phone}, {store: crm, mapping: {name: name, email: email, phone: phone}}]
#     truth:   {phone: crm, "*": newest}
#     match:   {region: DE}
#     quality: [{field: email, email: on, action: review}]
#     guards:  {profile: block}
"""

EXAMPLE_STORES: dict[str, dict[str, Any]] = {
    "work": {
        "connector": "caldav",
        "url": "https://cal.example.com/",
        "username": "ana",
        "password": {"env": "WORK_PASSWORD"},
    },
    "laptop": {"connector": "vdir", "path": "calendars"},
}
EXAMPLE_JOBS: dict[str, dict[str, Any]] = {
    "team": {
        "kind": "calendar",
        "collections": [{"store": "work", "name": "team"}, {"store": "laptop", "name": "team"}],
    }
}


def sample(connectors: Mapping[str, Declared]) -> str:
    """An example with every connector's options explained."""
    explained = "".join(f"#\n{''.join(_explained(one))}" for one in connectors.values())
    return f"{written(EXAMPLE_STORES, EXAMPLE_JOBS)}\n# Every connector and its options:\n{explained}"


def written(stores: Mapping[str, Any], jobs: Mapping[str, Any]) -> str:
    """A configuration with these stores and jobs, and what else a job may say as comments."""
    lines = [HEAD, "stores:"]
    lines += [f"  {name}: {_flow(store)}" for name, store in stores.items()]
    lines += ["", "jobs:"]
    for name, job in jobs.items():
        lines.append(f"  {name}:")
        lines += [f"    {key}: {_flow(value)}" for key, value in job.items()]
        lines += [
            f"    # {line}"
            for line in _commented(_model(job), {*job, *_SHAPE, *(() if "from" in job else ("transform",))})
        ]
    return "\n".join(lines) + "\n" + CONTACTS + BACKUP


def _model(job: Mapping[str, Any]) -> type[BaseModel]:
    if job.get("kind") != "contacts":
        return JobModel
    from trueup.config.contacts_models import ContactsJobModel

    return ContactsJobModel


def _commented(model: type[BaseModel], known: set[str]) -> Iterator[str]:
    """What else a job may say, with its default, or with an example where nothing holds by default."""
    for name, field in model.model_fields.items():
        key = field.alias or name
        if key in known:
            continue
        value = field.get_default(call_default_factory=True, validated_data={})
        default = EXAMPLES.get(key) or ("" if isinstance(value, BaseModel) else shown(value))
        yield f"{key}: {default}   # {field.description}"


def _explained(connector: Declared) -> Iterator[str]:
    yield f"#   {connector.name}: {connector.help}\n"
    for option in connector.options:
        needed = " (required)" if option.required else ""
        yield f"#     {option.name}: {option.help}{needed}\n"


def _flow(value: Any) -> str:
    """A value in YAML's flow style."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(one) for one in value) + "]"
    if isinstance(value, str) and value.replace("-", "").replace("_", "").isalnum() and not value[0].isdigit():
        return value
    return json.dumps(value, ensure_ascii=False)
