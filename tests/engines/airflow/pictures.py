"""Makes the pictures of docs/images anew, by Chromium, from the screen of a real Airflow.

.venv-airflow/bin/python -m tests.engines.airflow.pictures
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from urllib.parse import quote

from tests.engines.airflow.office import ROOT, Office
from tests.engines.airflow.test_server import EVERY_FEATURE
from tests.support.airflow_server import Airflow
from tests.support.browser import Browser
from tests.support.servers import Radicale

IMAGES = Path(ROOT) / "docs" / "images"


def log_in(page: Browser, airflow: Airflow) -> None:
    """The page is an administrator's from now on."""
    page.ask("Network.setCookie", name="_token", value=airflow.token(), url=airflow.url)
    # What Airflow keeps in the browser: the graph and not the grid.
    page.open(airflow.url, "Airflow")
    page.evaluate("localStorage.setItem('default_dag_view', JSON.stringify('graph'))")


def show_graph(page: Browser, airflow: Airflow, dag: str, run: str, *texts: str) -> None:
    """The graph of a DAG run, with all of these to be seen."""
    key = f"dag_view-{dag}"
    page.evaluate(f"localStorage.setItem({key!r}, JSON.stringify('graph'))")
    page.open(f"{airflow.url}/dags/{dag}/runs/{quote(run, safe='')}", texts[0])
    for one in texts[1:]:
        page.wait_for(one)


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, Radicale() as radicale, Airflow() as airflow:
        office = Office(Path(folder), radicale)
        office.prefix = ""
        office.fill(12)
        office.write(EVERY_FEATURE)
        office.deploy(airflow, "nightly", "weekly", "team")
        run = airflow.trigger("nightly")
        airflow.wait_run("nightly", run, seconds=600)
        for uid in [f"server-{at:02}" for at in range(10)]:
            office.laptop.delete(uid)
        asked = airflow.trigger("team")
        airflow.wait_for(lambda: airflow.task_states("team", asked).get("approve") == "deferred", "the question")
        with Browser(1500, 900) as page:
            log_in(page, airflow)
            show_graph(page, airflow, "nightly", run, "send", "when_alarm")
            page.picture(IMAGES / "airflow-graph.png")
            page.open(
                f"{airflow.url}/dags/team/runs/{quote(asked, safe='')}/tasks/approve/required_actions", "max_delete"
            )
            page.picture(IMAGES / "airflow-approval.png")
        office.close()


if __name__ == "__main__":
    main()
