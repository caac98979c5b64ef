"""Names of what trueup has on a Prefect server: everything that is ours bears `trueup`, and what bears it is ours."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

TAG = "trueup"
"""On every deployment and run of ours."""

DEPLOYMENT = "trueup"
"""The name of every deployment of ours: the job or pipeline is its flow ("team/trueup")."""

POOL = "trueup"
"""The work pool our deployments are in, and our workers at."""

ENTRY = "trueup.engines.prefect.entry"
"""The module whose attributes are the flows."""

CONFIG_VARIABLE = "TRUEUP_CONFIG"
"""Where a flow's process finds the absolute path of trueup.yaml."""

OCCURRENCE = "trueup:occurrence"
"""On scheduled runs that trueup made; with the occurrence's key once more."""


def config_tag(config: str) -> str:
    """Tells the deployments of several trueup.yaml on one server apart."""
    return f"{TAG}:config:{sha256(str(Path(config).resolve()).encode()).hexdigest()[:8]}"


def limit_of(store: str) -> str:
    """The global concurrency limit of a store."""
    return f"{TAG}-store-{slug(store)}"


def slug(text: str) -> str:
    """Lowercase letters, digits and dashes, as keys of artifacts must be."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x"


def entrypoint_of(name: str) -> str:
    """The entrypoint of a job's or pipeline's deployment."""
    return f"{ENTRY}.{attribute_of(name)}"


def attribute_of(name: str) -> str:
    """A job's or pipeline's name as an attribute: a dot in it would be taken for one between modules."""
    return name.replace(".", "__")
