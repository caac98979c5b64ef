"""`notify:` of trueup.yaml: what it may say, and that no text shows an address."""

from __future__ import annotations

from typing import Any

import pytest

from trueup.model.errors import ConfigError
from trueup.notify import Digest, NotifySpec
from trueup.notify.spec import label

SECRET = "mailto://robot:s3cret-pass@mail.example.org"


def test_all_of_it() -> None:
    spec = NotifySpec.from_options(
        {
            "failure": [SECRET, {"env": "CHAT_URL"}],
            "success": {"file": "chat.url"},
            "recovery": False,
            "digest": {"every": "weekly", "at": "6:30", "on": "friday", "zone": "Europe/Berlin"},
            "heartbeat": "https://watch.example.org/uuid",
        }
    )
    assert spec.channels() == {
        "failure/1": SECRET,
        "failure/2": {"env": "CHAT_URL"},
        "success/1": {"file": "chat.url"},
        "heartbeat": "https://watch.example.org/uuid",
    }
    assert spec.recovery is False
    assert spec.digest is not None
    assert spec.digest.cron == "30 6 * * 5"


def test_nothing_of_it() -> None:
    assert NotifySpec.from_options({}) == NotifySpec()
    assert NotifySpec().channels() == {}
    assert NotifySpec.from_options({"failure": None, "digest": None, "heartbeat": None}) == NotifySpec()


def test_a_digest_in_a_word_is_in_the_zone_of_the_job() -> None:
    spec = NotifySpec.from_options({"digest": "daily"}, zone="Europe/Berlin")
    assert spec.digest == Digest("daily", "07:00", "monday", "Europe/Berlin")
    assert spec.digest.cron == "0 7 * * *"


def test_no_text_of_it_shows_an_address() -> None:
    spec = NotifySpec.from_options({"failure": SECRET, "success": SECRET, "heartbeat": "https://x/s3cret-pass"})
    assert "s3cret-pass" not in repr(spec) + str(spec)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (SECRET, "mailto"),
        ("tgram://123456:abcdef/42", "tgram"),
        ({"env": "CHAT_URL"}, "env CHAT_URL"),
        ({"file": "chat.url"}, "file chat.url"),
        ({"command": ["pass", "show", "chat"]}, "command"),
    ],
)
def test_what_a_channel_is_called(address: Any, shown: str) -> None:
    assert label(address) == shown


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"failures": SECRET}, "jobs.office.notify"),
        ({"failure": ["s3cret-pass without a scheme"]}, "jobs.office.notify.failure[0]"),
        ({"failure": [SECRET, {"env": "A", "file": "s3cret-pass"}]}, "jobs.office.notify.failure[1]"),
        ({"failure": 7}, "jobs.office.notify.failure[0]"),
        ({"recovery": "sometimes"}, "jobs.office.notify.recovery"),
        ({"digest": "hourly"}, "jobs.office.notify.digest"),
        ({"digest": {"often": True}}, "jobs.office.notify.digest"),
        ({"digest": {"every": "daily", "at": "7"}}, "jobs.office.notify.digest.at"),
        ({"digest": {"every": "daily", "at": 700}}, "jobs.office.notify.digest.at"),
        ({"digest": {"every": "weekly", "on": "Mo"}}, "jobs.office.notify.digest.on"),
        ({"digest": {"every": "daily", "zone": "Berlin"}}, "jobs.office.notify.digest.zone"),
        ({"heartbeat": "mailto://s3cret-pass@x"}, "jobs.office.notify.heartbeat"),
    ],
)
def test_what_it_must_not_say(options: dict[str, Any], where: str) -> None:
    with pytest.raises(ConfigError) as raised:
        NotifySpec.from_options(options, "jobs.office.notify")
    assert raised.value.where == where
    assert "s3cret-pass" not in str(raised.value) + raised.value.hint
