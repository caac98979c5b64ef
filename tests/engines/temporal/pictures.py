"""Makes the pictures of docs/images anew, by Chromium, from the web screen of the real server.

.venv-temporal/bin/python -m tests.engines.temporal.pictures
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from tests.engines.temporal.office import Office
from tests.engines.temporal.test_schedules import SCHEDULED
from tests.support.browser import Browser
from tests.support.temporal_server import TemporalServer

IMAGES = Path(__file__).parents[3] / "docs" / "images"
STEPS = """
rows: {python: "office:rows", with: {count: 6}}
send: {python: "office:send", for_each: "${steps.rows.output}", with: {x: "${item}", seconds: 0.4}, parallel: 3}
team: {job: team}
add: {python: "office:add", with: {numbers: "${steps.send.output}"}, needs: [team]}
alarm: {python: "office:say", needs: [add], when: {outcome: failed}}
"""


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with TemporalServer(web=True) as server, tempfile.TemporaryDirectory() as folder:
        office = Office(Path(folder), server)
        office.queue = "trueup"
        os.environ.update(office.environment)
        try:
            pages = office.with_client(lambda client: scenes(office, client))
            for name, (address, text, height) in pages.items():
                with Browser(1400, height) as page:
                    page.open(f"{server.web}{address}", text)
                    page.picture(IMAGES / f"temporal-{name}.png")
                print(f"{name}: {(IMAGES / f'temporal-{name}.png').stat().st_size} bytes")
        finally:
            office.close()


async def scenes(office: Office, client: Any) -> dict[str, tuple[str, str, int]]:
    """Pages worth a picture, by name: the address, a text that is there when all is, the window's height."""
    import asyncio

    from trueup.engines.temporal import ENGINE

    office.pipeline(STEPS)
    for number in range(10):
        office.event("work", f"w{number}", f"Work {number}")
    with Path(office.config).open("a") as file:
        file.write(SCHEDULED.replace("pipelines:\n", "").replace("nightly:", "weekdays:"))
    await asyncio.to_thread(ENGINE.deploy, office.config)
    office.worker(heartbeat=5)
    nightly = await office.start(client, "nightly")
    await nightly.result()
    for number in range(8):
        (office.folder / "work" / "team" / f"w{number}.ics").unlink()
    team = await office.start(client, "team")
    await office.state(team, "awaiting_approval")
    base = "/namespaces/default"
    run = (await nightly.describe()).run_id
    waiting = (await team.describe()).run_id
    return {
        "pipeline": (f"{base}/workflows/{nightly.id}/{run}/timeline", "decide alarm", 1650),
        "approval": (f"{base}/workflows/{team.id}/{waiting}/user-metadata", "Current Details", 1120),
        "schedules": (f"{base}/schedules", "weekdays", 560),
    }


if __name__ == "__main__":
    main()
