"""Property tests run without hypothesis' deadline: the first use of a library, or a busy machine, is no failure."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("trueup", deadline=None)
settings.load_profile("trueup")
