"""Makes the pictures of docs/images anew, by Chromium, from the screen of a real Airflow.

.venv-airflow/bin/python -m tests.engines.airflow.pictures
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from urllib.parse import quote

from tests.engines.airflow.office import ROOT, Office
from tests.support.airflow_server import Airflow
from tests.support.browser import Browser
from tests.support.servers import Radicale

IMAGES = Path(ROOT) / "docs" / "images"

PIPELINES = {
    "nightly": {
        "description": "Bring the calendars together, tell every office, and somebody where it went wrong",
        "steps": {
            "team": {"job": "team"},
            "offices": {"python": "rows", "needs": ["team"]},
            "send": {"python": "send", "for_each": "${steps.offices.output}", "with": {"x": "${item}"}},
            "alarm": {"python": "say", "needs": ["send"], "when": {"outcome": "failed"}},
            "weekly": {"pipeline": "weekly", "needs": ["offices"]},
        },
    },
    "weekly": {"steps": {"summary": {"python": "say"}}},
}


def scenes(airflow: Airflow, office: Office, folder: Path) -> None:
    """Runs a pipeline and a job that a guard stops, and takes pictures of both; raises where the screen does not show what it is to."""
    uids = office.fill(12)
    office.write(PIPELINES)
    office.deploy(airflow, "nightly", "weekly", "team")
    run = airflow.trigger(office.dag("nightly"))
    airflow.assert_success(office.dag("nightly"), run, seconds=600)
    for uid in uids[:10]:
        office.laptop.delete(uid)
    asked = airflow.trigger(office.dag())
    airflow.wait_for(lambda: airflow.task_states(office.dag(), asked).get("approve") == "deferred", "the question")
    with Browser(1500, 900) as page:
        page.ask("Network.setCookie", name="_token", value=airflow.token(), url=airflow.url)
        page.open(airflow.url, "Welcome")
        for dag in ("nightly", "team"):
            page.evaluate(f"localStorage.setItem('dag_view-{office.dag(dag)}', JSON.stringify('graph'))")
        page.evaluate("localStorage.setItem('default_dag_view', JSON.stringify('graph'))")
        page.open(f"{airflow.url}/dags/{office.dag('nightly')}/runs/{quote(run, safe='')}", "when_alarm")
        page.picture(folder / "airflow-graph.png")
        question = f"{airflow.url}/dags/{office.dag()}/runs/{quote(asked, safe='')}/tasks/approve/required_actions"
        page.open(question, "max_delete")
        page.picture(folder / "airflow-approval.png")


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, Radicale() as radicale, Airflow() as airflow:
        office = Office(Path(folder), radicale)
        office.prefix = ""
        scenes(airflow, office, IMAGES)
        office.close()


if __name__ == "__main__":
    main()
