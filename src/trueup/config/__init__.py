"""`trueup.yaml`: found, read, checked, and turned into frozen specs. Every error has file, line, column and a hint.

Importing this imports nothing that checking needs (pydantic, ruamel.yaml; `config.load` does): a run with nothing to do takes its
configuration from `config.remembered` and is over before they would have been imported.
"""

from trueup.config.place import FILE_NAME, find
from trueup.config.spec import Config, StoreSpec

__all__ = ["FILE_NAME", "Config", "StoreSpec", "find"]
