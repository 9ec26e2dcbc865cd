"""Interrupted runs: another drop of the file ends in the same resources, none twice."""

import os
import signal
from contextlib import suppress

import pytest

from tests.integration.conftest import Site, interactions, slowed, wait_until
from tests.integration.test_pipeline import ALL_KINDS_ONCE, counts

pytestmark = pytest.mark.exhaustive


def kill_workers(site: Site) -> int:
    """Kill every process of the stack's functions. Returns their number."""
    workers = list(site.cloud.functions._workers)
    for worker in workers:
        with suppress(ProcessLookupError):
            os.kill(worker._process.pid, signal.SIGKILL)
    return len(workers)


def test_a_stopped_execution_is_resumed_by_the_next_drop(site: Site, group: str) -> None:
    """At every other moment: `tests/unit/simulation/test_chaos.py`."""
    with slowed():
        site.drop(f"{group}/interactions.csv", interactions())
        wait_until(lambda: bool(site.arns(group, "solution_version")))
        running = [one["executionArn"] for one in site.executions(group) if one["status"] == "RUNNING"]
        for arn in running:
            site.stepfunctions.stop_execution(executionArn=arn, error="Test", cause="cut")
    site.drop(f"{group}/interactions.csv", interactions())
    statuses = {one["executionArn"]: one["status"] for one in site.settle(group)}
    assert running
    assert {statuses.pop(arn) for arn in running} == {"ABORTED"}
    assert set(statuses.values()) == {"SUCCEEDED"}
    assert counts(site, group) == ALL_KINDS_ONCE
    assert len(site.api.get(f"/{group}/recommendations/u1")["itemList"]) == 25


def test_killed_workers_do_no_lasting_harm(site: Site, group: str) -> None:
    site.drop(f"{group}/interactions.csv", interactions())
    killed = 0
    for kind in ("dataset_group", "dataset_import_job", "solution", "solution_version", "campaign"):
        wait_until(lambda kind=kind: bool(site.arns(group, kind)))  # type: ignore[misc]
        killed += kill_workers(site)
    assert killed
    site.settle(group)
    site.drop(f"{group}/interactions.csv", interactions())
    assert site.settle(group)[0]["status"] == "SUCCEEDED"
    assert counts(site, group) == ALL_KINDS_ONCE
