"""`trueup profile`: what the records of a store look like now, and what is kept of the loads of a job."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trueup.core.profiling.profile import Profile
from trueup.core.profiling.rows import columns
from trueup.jobs.contacts.card import read_card
from trueup.jobs.contacts.quality.fields import EXPECTS, record
from trueup.jobs.contacts.write import modern
from trueup.model.errors import ItemRefused, NotFound, UsageError
from trueup.model.items import Body, Entry

if TYPE_CHECKING:
    from trueup.app import App
    from trueup.core.work import Work
    from trueup.model.ports import Collection

PAGE = 500
Json = dict[str, Any]
OnEvent = Callable[[Json], None]


def profile_store(app: App, name: str, on_event: OnEvent) -> Json:
    """Reads a store in full, or one of its collections, and says what is in it; writes nowhere, needs no job and no ledger.

    Args:
        app: the configuration.
        name: "STORE" or "STORE/COLLECTION".
        on_event: told how far it is.

    Returns:
        {"store", "collections": [{"collection", and see `core.profiling.profile.Profile.to_json`}]}.

    Raises:
        NotFound: there is no such store or collection.
        UsageError: the store holds calendars.
        StoreError: it cannot be read.
    """
    store_name, _, wanted = name.partition("/")
    _readable(app, store_name)
    store = app.reading_store(store_name)
    names = [wanted] if wanted else [one.name for one in store.collections()]
    found = []
    for each in names:
        collection = store.open(each)
        if collection is None:
            hint = f"`trueup doctor {store_name}` lists what there is"
            raise NotFound(f"store {store_name} has nothing called {each or name}", hint=hint)
        ref = f"{store_name}/{each}" if each else store_name
        found.append({"collection": ref, **_profiled(collection, ref, on_event)})
    return {"store": store_name, "collections": found}


def _readable(app: App, store: str) -> None:
    from trueup.config.checks import HOLDS

    spec = app.config.stores.get(store)
    if spec is None:
        known = ", ".join([*app.config.stores, *app.config.jobs])
        raise NotFound(f"there is no store and no job called {store}", hint=f"there are: {known}")
    if HOLDS.get(spec.connector) == "calendar":
        raise UsageError(f"store {store} holds calendars", why="profiles are of contacts and tables")


def _profiled(collection: Collection, ref: str, on_event: OnEvent) -> Json:
    profile = Profile(EXPECTS)
    hrefs = [
        one.href for one in collection.changes(None) if isinstance(one, Entry)
    ]  # to the end, before anything is fetched
    for start in range(0, len(hrefs), PAGE):
        for body in collection.fetch(hrefs[start : start + PAGE]):
            _take(profile, body)
        on_event({"event": "item", "phase": "read", "collection": ref, "fetched": profile.rows + profile.unreadable})
    return profile.to_json()


def _take(profile: Profile, body: Body) -> None:
    if body.error:
        profile.refuse(body.error)
    elif body.data is not None:
        try:
            profile.add(_record(body.data))
        except (ItemRefused, ValueError) as error:
            profile.refuse(str(error))


def _record(data: bytes) -> Mapping[str, Sequence[str]]:
    """A row of a table, or a contact."""
    return columns(data) if data.startswith(b"{") else record(modern(read_card(data)))


def stored_profiles(app: App, name: str, run: str | None) -> Json:
    """What is kept of a job's loads.

    Args:
        app: the configuration.
        name: the job; "" with a run.
        run: the run, or the beginning of its id; None: the newest.

    Returns:
        {"job", "run", "collections": [{"collection", "at", and the profile, "history": see `core.loads.history`}]}.

    Raises:
        NotFound: there is no such run, or nothing is kept.
    """
    from trueup.core.loads import history, newest, stored

    found = app.ledger.journal.find(run) if run is not None else None
    job = found.subject if found is not None else name
    work: Work = app.reconciling(job, reading=True)
    kept = stored(work, found.id) if found is not None else newest(work)
    if not kept:
        hint = f"`trueup run {job}` makes one, `trueup profile STORE` reads a store now"
        raise NotFound(f"no profile of job {job} is kept", where=f"run {found.id}" if found else "", hint=hint)
    listed = [{**kept[ref], "collection": ref, "history": history(work, ref)} for ref in sorted(kept)]
    return {"job": job, "run": found.id if found is not None else "", "collections": listed}
