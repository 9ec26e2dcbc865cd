"""A hostile drop ends in a record and a notification, and soon, in the local cloud as in the simulation.

A sample of the cases in tests/unit/usher/runs/test_hostile_files.py, and folders with names that services treat
specially.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from usher.runs.naming import group_of_input

from tests.integration.conftest import Site, wait_until
from tests.unit.fuzz.corpus import CONFIGS, TABLES
from tests.unit.usher.runs.test_hostile_files import FEW, SECONDS

pytestmark = pytest.mark.exhaustive


FOLDERS = ("été", "a b+c%2B", "x\u202ey", "-dash", "quote'\"<b>", "l" * 36, "é" * 400)
CASES: Mapping[str, Mapping[str, str | bytes]] = {
    **{f"hostile{n}": {"interactions.csv": FEW, "usher.yaml": one} for n, (_, one) in enumerate(CONFIGS[:105:21])},
    **{f"hostile{n}t": {"interactions.csv": one} for n, (_, one) in enumerate(TABLES[::12]) if len(one) < 5000},
    **{folder: {"interactions.csv": FEW} for folder in FOLDERS},
}
"""Files by folder."""


def test_hostile_drops_end_in_records_and_notifications_within_half_a_minute(
    site: Site, inbox: Callable[[], list[str]]
) -> None:
    notifications, runs = list[str](), dict[tuple[str, str], str]()
    for folder, files in CASES.items():
        for name, content in files.items():
            site.drop(f"{folder}/{name}", content)
        wait_until(lambda folder=folder: bool(ended(site, folder)))  # type: ignore[misc]
        for record in ended(site, folder):
            execution = site.stepfunctions.describe_execution(executionArn=record["execution"])
            assert (execution["stopDate"] - execution["startDate"]).total_seconds() < SECONDS
            assert record["outcome"] == execution["status"] == "FAILED", (record, execution)
            # An execution that repeats its pass, and finds the same problems, notifies once.
            runs.setdefault((record["execution"], record["problems"][0]["place"]), record["run"])
        notifications += inbox()
    assert len(runs) >= len(CASES)

    def are_notified() -> bool:
        notifications.extend(inbox())
        return all(any(run in one and place in one for one in notifications) for (_, place), run in runs.items())

    wait_until(are_notified)


@pytest.mark.parametrize("request_", [{"gruop": "hostile"}, {"group": "hostileask", "task": "drop"}])
def test_a_wrong_request_fails_at_once_and_is_reported(
    site: Site, inbox: Callable[[], list[str]], request_: dict[str, str]
) -> None:
    execution = site.stepfunctions.start_execution(
        stateMachineArn=site.cloud.outputs["PipelineArn"], input=json.dumps(request_)
    )["executionArn"]
    notifications = list[str]()

    def is_notified() -> bool:
        notifications.extend(inbox())
        return any("broke off" in one and execution[-4:] in one for one in notifications)

    wait_until(is_notified)
    described = site.stepfunctions.describe_execution(executionArn=execution)
    assert described["status"] == "FAILED"
    assert "start" in described["cause"].lower()
    assert (described["stopDate"] - described["startDate"]).total_seconds() < SECONDS
    history = site.stepfunctions.get_execution_history(executionArn=execution)["events"]
    assert sum(event["type"] == "TaskScheduled" for event in history) == 1, "it is not tried again"


def ended(site: Site, folder: str) -> list[dict[str, Any]]:
    """The records of a folder's runs, after all of them have ended."""
    keys = site.keys(f"{group_of_input({'group': folder})}/out/runs/")
    records = [site.read_json(key) for key in keys if key.endswith("/run.json")]
    over = all(
        site.stepfunctions.describe_execution(executionArn=one["execution"])["status"] != "RUNNING" for one in records
    )
    return records if over else []
