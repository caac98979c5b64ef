"""The state of the jobs: what every collection holds, which replicas are one item, and what all sides last agreed on."""

from __future__ import annotations

from trueup.core.ledger.aliases import Aliases
from trueup.core.ledger.applying import Applying
from trueup.core.ledger.identify import Identify
from trueup.core.ledger.looking import Looking
from trueup.core.ledger.planning import Planning
from trueup.core.ledger.reading import Reading


class State(Reading, Identify, Aliases, Looking, Planning, Applying):
    """All of it, by phase of a run."""
