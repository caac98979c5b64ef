"""The pages of profile and verify: whole, escaped, without scripts and without anything from outside, and readable."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import Browser, program
from tests.unit.contacts.cards import card
from trueup.app import App
from trueup.core.profiling.profile import Profile
from trueup.ui.cli.main import run
from trueup.ui.cli.render.html import audit, charts, page, profile

NASTY = "<script>alert(1)</script>\"' onload=x &amp; \x00\x1b[31m\x85 \ud800 \u202eevil \U0001f600"
VOID = {"meta", "br"}


class Page(HTMLParser):
    """Checks that every tag is closed; gathers tags, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.said = ""
        self.feed(text)
        self.close()
        assert self.open == [], "every tag is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said += data


def harmless(text: str) -> Page:
    """The page, which has no script, nothing from outside, and every chart in words."""
    text.encode()
    assert not any(ord(char) < 32 and char not in "\n\t" for char in text)
    found = Page(text)
    assert "script" not in found.tags
    assert not [one for one in found.attributes if one[1] in ("src", "href", "xlink:href") or one[1].startswith("on")]
    assert "url(" not in text
    assert "default-src 'none'" in text
    named = [value for tag, name, value in found.attributes if (tag, name) == ("svg", "aria-label")]
    assert len(named) == found.tags.count("svg")
    assert all(named)
    assert found.tags.count("table") >= min(1, len(named)), "figures stand in a table beside the charts"
    return found


def profiled(*records: dict[str, list[str]]) -> dict[str, Any]:
    made = Profile({"email": "email"})
    for one in records:
        made.add(one)
    made.refuse(NASTY)
    loads = [{"run": NASTY, "at": 86_400.0 * day, "rows": 10 * day, "empty": {}} for day in range(1, 25)]
    return {
        "job": NASTY,
        "run": NASTY,
        "collections": [{"collection": NASTY, "at": 1e9, "history": loads, **made.to_json()}],
    }


RECORDS = [
    {
        NASTY: [NASTY],
        "email": [f"p{number}@example.org"],
        "note": ["x" * (number * 7)],
        "empty": [""],
        "n": [str(number)],
    }
    for number in range(90)
]


def test_what_people_write_cannot_change_a_page() -> None:
    page = harmless(profile.page(profiled(*RECORDS)))
    assert "<script>alert(1)</script>" in page.said
    assert "�" in page.said


def test_a_profile_of_nothing_is_a_page_too() -> None:
    harmless(profile.page({"store": "crm", "collections": [{"collection": "crm/a", **Profile().to_json()}]}))
    harmless(profile.page({"store": "crm", "collections": []}))


def test_a_comparison_is_a_page() -> None:
    field = {"label": NASTY, "before": None, "after": NASTY}
    one = {
        "kind": "changed",
        "collection": NASTY,
        "title": NASTY,
        "starts": NASTY,
        "cause": NASTY,
        "cure": NASTY,
        "fields": [field],
    }
    sides = [
        {"collection": NASTY, "items": 0, "same": 0, "error": {"what": NASTY}},
        {"collection": "b", "items": 5, "same": 4, "error": None},
    ]
    result = {
        "job": NASTY,
        "agrees": False,
        "collections": sides,
        "differences": [one],
        "more": 3,
        "counts": {"changed": 4},
        "apart": [{"collection": NASTY, "other": "b", "label": NASTY, "items": 2}],
    }
    page = harmless(audit.page(result))
    assert "nothing → “<script>alert(1)</script>" in page.said
    assert "… and 3 more" in page.said
    harmless(audit.page({**result, "agrees": True, "differences": [], "more": 0, "counts": {}, "apart": []}))


def test_bars_are_as_long_as_what_they_stand_for() -> None:
    drawn = Page(charts.bars([("a", 100, "100"), ("b", 25, "25"), ("c", 0, "0")], "about"))
    long = [float(value) for tag, name, value in drawn.attributes if (tag, name) == ("rect", "width")][1::2]
    assert long == [charts.WIDTH - 112 - 48, (charts.WIDTH - 112 - 48) / 4, 0.0]
    parts = Page(charts.shares([("main", 0.5), ("second", 0.5), ("third", 0.0)], "about", width=100))
    assert [value for _, name, value in parts.attributes if name == "width"] == ["100", "100", "50.0", "50.0"]
    assert Page(charts.columns([], "about")).tags.count("rect") == 1


@pytest.fixture
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for number in range(30):
        path = tmp_path / "crm" / "all" / f"{number}.vcf"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = (f"FN:Person {number}", f"EMAIL:p{number}@example.org", f"NOTE:{'long ' * number}<b>")
        path.write_bytes(card(*lines).replace(b"UID:1", b"UID:%d" % number))
    (tmp_path / "phone" / "all").mkdir(parents=True)
    (tmp_path / "trueup.yaml").write_text(
        "version: 1\nstores:\n  crm: {connector: vcf, path: crm}\n  phone: {connector: vcf, path: phone}\njobs:\n"
        "  people: {kind: contacts, collections: [{store: crm, name: all}, {store: phone, name: all}]}\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_commands_write_pages(books: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["profile", "crm", "--html", "p.html"]) == 0
    assert capsys.readouterr().out == "p.html is written\n"
    assert "Person" in harmless((books / "p.html").read_text()).said
    assert run(["run", "people", "-q"]) == 0
    assert run(["profile", "people", "--html", "p.html"]) == 0
    with App.load() as app:
        (record,) = app.history("people", 1)
    assert run(["profile", "--run", record["id"][:18], "--html", "p.html"]) == 0
    (books / "crm" / "all" / "1.vcf").unlink()
    assert run(["verify", "people", "--html", "v.html"]) == 3
    assert "is gone since the last run" in harmless((books / "v.html").read_text()).said
    assert not list(books.glob("*.part"))


def test_a_page_goes_where_a_link_leads_and_into_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "real.html").write_text("old")
    (tmp_path / "link.html").symlink_to(tmp_path / "real.html")
    page.write(tmp_path / "link.html", "new")
    assert (tmp_path / "link.html").is_symlink()
    assert (tmp_path / "real.html").read_text() == "new"
    page.write(Path("/dev/null"), "new")
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["profile"], 64, "a store, a job, or a run is needed"),
        (["profile", "crm", "--run", "x"], 64, "a store, a job, or a run is needed"),
        (["profile", "nope"], 1, "there is no store and no job called nope"),
        (["profile", "crm/nope"], 1, "store crm has nothing called nope"),
        (["profile", "people"], 1, "no profile of job people is kept"),
        (["profile", "--run", "2020"], 1, "2020"),
        (["profile", "crm", "--html", "no/such/folder.html"], 1, "the system refused"),
    ],
)
def test_what_cannot_be_shown_is_said(
    books: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    assert run(arguments) == code
    assert said in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(program() is None, reason="there is no Chromium: apt-get install chromium")
@pytest.mark.parametrize("dark", [False, True])
def test_a_browser_shows_a_page_whole_in_the_light_and_in_the_dark(tmp_path: Path, dark: bool) -> None:
    file = tmp_path / "page.html"
    file.write_text(profile.page(profiled(*RECORDS)))
    with Browser(width=420, height=900) as page:
        page.ask("Emulation.setScriptExecutionDisabled", value=True)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        page.ask("Emulation.setEmulatedMedia", features=[scheme])
        page.ask("Log.enable")
        page.open(file.as_uri(), "Profile of job")
        assert "records" in page.text()
        colours = page.evaluate(
            "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color].join()"
        )
        assert (colours == "rgb(18, 22, 29),rgb(230, 234, 240)") == dark
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off on a telephone"
        assert page.evaluate(
            "[...document.querySelectorAll('svg')].every(one => one.getBoundingClientRect().width > 20)"
        )
        assert page.evaluate("performance.getEntriesByType('resource').length") == 0
