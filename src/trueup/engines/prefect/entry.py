"""Where Prefect finds the flow of a deployment: each job and pipeline is an attribute of this module.

Which trueup.yaml it is, the deployment's own environment says (`TRUEUP_CONFIG`); without it, the one in the working directory or above.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from trueup.config import find
from trueup.engines.prefect.graphs import flow_of
from trueup.engines.prefect.names import CONFIG_VARIABLE, attribute_of
from trueup.model.errors import NotFound

# Prefect hands the log of "trueup" on (PREFECT_LOGGING_EXTRA_LOGGERS), and leaves its level at that of the root logger: warnings only.
logging.getLogger("trueup").setLevel(logging.INFO)


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    given = os.environ.get(CONFIG_VARIABLE)
    try:
        return flow_of(find(Path(given) if given else None), name, spelt=attribute_of)
    except NotFound as error:
        raise AttributeError(str(error)) from error
