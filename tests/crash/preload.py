"""What the fork server loads once, so that a run that is to be killed starts at once."""

import tests.e2e.office  # noqa: F401
import trueup.app
import trueup.config
import trueup.connectors.caldav.store
import trueup.connectors.carddav.dialect
import trueup.connectors.http
import trueup.connectors.vdir
import trueup.core.ledger
import trueup.core.phases
import trueup.engines.embedded
import trueup.jobs.calendar
import trueup.jobs.contacts  # noqa: F401
