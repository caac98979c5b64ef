"""A source of collections for the tests: stores by name, the calendar's meaning, and a repository that copies folders."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.trees import new_folder, patient
from trueup.jobs.backup.sources.collections import KIND
from trueup.jobs.backup.sources.collections.index import Item, items
from trueup.jobs.calendar import CalendarKind
from trueup.model.backup import Captured, Drilled, RestoreStep, RestoreTarget, SourceContext, SourceSpec
from trueup.model.errors import NotFound
from trueup.model.ports import Kind, Store


@dataclass
class Office:
    """One job's source `people`.

    Attributes:
        folder: of trueup.yaml.
        stores: what it names.
    """

    folder: Path
    stores: dict[str, Store] = field(default_factory=dict)

    @property
    def context(self) -> SourceContext:
        cache = self.folder / ".trueup" / "backup" / "office" / "people"
        return SourceContext(self.folder, cache, lambda *_: "", self.store, self.item_kind)

    def store(self, name: str) -> Store:
        if name not in self.stores:
            raise NotFound(f"there is no store {name}")
        return self.stores[name]

    @staticmethod
    def item_kind(name: str) -> Kind:
        if name != "calendar":
            raise NotFound(f"there is no kind {name}")
        return CalendarKind()

    def capture(self, *collections: tuple[str, str], **options: object) -> Captured:
        named = [{"store": store, "name": name} for store, name in collections]
        spec = SourceSpec("people", "collections", {"collections": named, **options})
        return KIND.capture(spec, self.context, new_folder(self.folder, "spool"), patient())

    def drill(self, captured: Captured) -> Drilled:
        return KIND.drill(captured.about, captured.root, new_folder(self.folder, "scratch"), self.context, patient())

    def plan(self, captured: Captured, target: RestoreTarget) -> list[RestoreStep]:
        return list(KIND.plan_restore(captured.about, target, self.context))

    def restore(self, captured: Captured, target: RestoreTarget) -> list[RestoreStep]:
        """With no more of the data than what was wanted, as from a repository."""
        data = new_folder(self.folder, "data")
        wanted = KIND.wanted(captured.about, target)
        if not wanted:
            shutil.copytree(captured.root, data, dirs_exist_ok=True)
        for path in wanted:
            (data / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(captured.root / path, data / path)
        return list(KIND.restore(captured.about, data, target, self.context, patient()))


def listed(captured: Captured) -> list[Item]:
    return list(items(captured.about))


def actions(steps: Sequence[RestoreStep]) -> dict[str, str]:
    """Steps by the title of what they are about: the action, and why."""
    return {one.what.split("”")[0].lstrip("“"): f"{one.action} {one.reason}".strip() for one in steps}
