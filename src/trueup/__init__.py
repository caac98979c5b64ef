"""trueup makes everyday records true again and keeps them so."""

__version__ = "0.1.0"
