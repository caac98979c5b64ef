"""`trueup.yaml`: found, read, checked, and turned into frozen specs. Every error has file, line, column and a hint."""

from trueup.config.load import Config, load
from trueup.config.source import FILE_NAME, InvalidConfig
from trueup.config.stores import StoreSpec

__all__ = ["FILE_NAME", "Config", "InvalidConfig", "StoreSpec", "load"]
