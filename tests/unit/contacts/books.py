"""Address books in folders, and a job over them, for tests of what happens between books."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trueup.app import App

Json = dict[str, Any]


class Books:
    """A job `people` over the books `crm/all`, `phone/all` … (as many as are named), each a folder of cards.

    Args:
        folder: an empty folder.
        names: the stores.
        options: more of the job.
    """

    def __init__(self, folder: Path, *names: str, **options: Any) -> None:
        self.folder = folder
        self.names = names
        for name in names:
            (folder / name / "all").mkdir(parents=True)
        self.configure(**options)

    def configure(self, **options: Any) -> None:
        """Writes the configuration anew."""
        collections = [{"store": name, "name": "all"} for name in self.names]
        stores = {name: {"connector": "vcf", "path": name} for name in self.names}
        job = {"kind": "contacts", "collections": collections, "match": {"region": "DE"}, **options}
        text = json.dumps({"version": 1, "stores": stores, "jobs": {"people": job}})
        (self.folder / "trueup.yaml").write_text(text)

    def put(self, where: str, uid: str, name: str, *lines: str) -> None:
        """Writes a card; `where` is a store."""
        given, _, family = name.rpartition(" ")
        body = (
            "BEGIN:VCARD",
            "VERSION:3.0",
            f"UID:{uid}",
            f"FN:{name}",
            f"N:{family};{given};;;",
            *lines,
            "END:VCARD",
            "",
        )
        (self.folder / where / "all" / f"{uid}.vcf").write_bytes("\r\n".join(body).encode())

    def remove(self, where: str, uid: str) -> None:
        (self.folder / where / "all" / f"{uid}.vcf").unlink()

    def lines(self, where: str) -> dict[str, list[str]]:
        """What a book holds: the lines beside the frame, by UID."""
        found = {}
        for path in sorted((self.folder / where / "all").glob("*.vcf")):
            lines = path.read_bytes().decode().replace("\r\n ", "").splitlines()
            uid = next(line[4:] for line in lines if line.startswith("UID:")).removeprefix("urn:uuid:")
            assert uid not in found, "a contact stands twice"
            found[uid] = [line for line in lines if not line.startswith(("BEGIN", "END", "VERSION", "UID", "N:"))]
        return found

    def uids(self, where: str) -> set[str]:
        return set(self.lines(where))

    @contextmanager
    def app(self) -> Iterator[App]:
        with App.load(self.folder / "trueup.yaml") as app:
            yield app

    def run(self) -> Json:
        """A run's report."""
        with self.app() as app:
            return app.run("people")

    def plan(self) -> list[Json]:
        """The changes of a plan."""
        with self.app() as app:
            return list(app.changes(app.plan("people")["run"]))

    def questions(self) -> list[Json]:
        with self.app() as app:
            return app.questions("people")

    def answer(self, word: str, number: int | None = None) -> None:
        """Answers the one question that waits, or the one with this number."""
        with self.app() as app:
            if number is None:
                (one,) = app.questions("people")
                number = one["id"]
            app.answer("people", number, word)

    def undo(self) -> Json:
        with self.app() as app:
            return app.apply(app.plan_undo("last")["run"])


def quiet(report: Json) -> bool:
    """Whether a run wrote nothing."""
    return not any(report["counts"].get(one) for one in ("create", "update", "delete"))
