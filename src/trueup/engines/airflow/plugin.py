"""What Airflow has to know of trueup beforehand: its timetable. Found by the entry point `airflow.plugins` of the package."""

from __future__ import annotations

from typing import ClassVar

from airflow.plugins_manager import AirflowPlugin

from trueup.engines.airflow.timetable import TrueupTimetable


class TrueupPlugin(AirflowPlugin):
    """See https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/plugins.html."""

    name = "trueup"
    timetables: ClassVar = [TrueupTimetable]
