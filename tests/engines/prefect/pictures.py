"""Makes the pictures of docs/images anew, by Chromium, from the screen of the real server.

.venv-prefect/bin/python -m tests.engines.prefect.pictures
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from tests.engines.prefect.plant import Plant, planted
from tests.support.browser import Browser
from tests.support.prefect_server import PrefectServer

IMAGES = Path(__file__).parents[3] / "docs" / "images"
STEPS = {
    "rows": {"python": "usersteps:rows", "with": {"n": 5}},
    "send": {
        "python": "usersteps:send",
        "for_each": "${steps.rows.output.rows}",
        "with": {"row": "${item}"},
        "parallel": 2,
    },
    "team": {"job": "team"},
    "sum": {"python": "usersteps:note", "needs": ["send", "team"]},
    "alarm": {"python": "usersteps:note", "needs": ["sum"], "when": {"outcome": "failed"}},
}

PRESS = "[...document.querySelectorAll('button')].find(one => one.innerText.includes('%s')).click()"


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with PrefectServer() as server, tempfile.TemporaryDirectory() as folder:
        settings = {PREFECT_API_URL: server.url, PREFECT_HOME: str(server.directory / "home")}
        with temporary_settings(settings), planted(Path(folder), server, f"{folder}/ledger.db") as plant:
            for name, (address, text, press) in scenes(plant).items():
                with Browser(1400, 900) as page:
                    page.open(f"{server.ui}{address}", text)
                    time.sleep(15)  # the graph is drawn on a canvas: there is no text to wait for
                    if press:
                        page.evaluate(PRESS % press)
                        page.wait_for("Carry out the plan")
                    page.picture(IMAGES / f"prefect-{name}.png")
                print(f"{name}: {os.stat(IMAGES / f'prefect-{name}.png').st_size} bytes")


def scenes(plant: Plant) -> dict[str, tuple[str, str, str]]:
    """Pages worth a picture, by name: the address, a text that is there when all is, a button to press."""
    plant.pipeline(STEPS)
    plant.fill(10)
    plant.deploy()
    plant.work()
    monthly = plant.start("monthly")
    plant.wait(monthly, "Completed")
    for number in range(8):
        plant.a.delete(f"e{number}")
    team = plant.start("team")
    plant.wait(team, "Suspended")
    return {
        "pipeline": (f"/runs/flow-run/{monthly}", "sending", ""),
        "approval": (f"/runs/flow-run/{team}", "Suspended", "Resume"),
    }


if __name__ == "__main__":
    main()
