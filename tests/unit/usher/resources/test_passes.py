"""The calls of Personalize in a pass: the whole stack, in process, on a clock of its own.

`python -m benchmarks.passes` tests a year of files; here, those of two months, which are more than the calls that a
pass may make.
"""

from collections.abc import Iterator

import pytest

from benchmarks.passes import SECONDS_A_CALL, rows
from benchmarks.report import Row
from tests.unit.stack.files import REPOSITORY, machine
from usher_local.simulation.deployment import deployed

INVOCATION = 900
"""The timeout of Plan and Reconcile in seconds (template.yaml)."""
MAX_CALLS = 60
FILES = 65
HOURS = machine(REPOSITORY / "statemachine" / "pipeline.asl.yaml")["TimeoutSeconds"] / 3600
"""The timeout of the pipeline's execution in seconds."""
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def measured() -> Iterator[list[Row]]:
    with deployed() as stack:
        yield list(rows(stack, (0, FILES)))


@pytest.mark.exhaustive
def test_no_pass_costs_more_calls_however_many_files_were_added(measured: list[Row]) -> None:
    assert {row["increments"] for row in measured} == {0, FILES}
    for row in measured:
        assert max(float(row["calls a pass, most"]), float(row["calls of Plan, most"])) <= MAX_CALLS, row
        assert MAX_CALLS * SECONDS_A_CALL < INVOCATION


def test_a_year_of_files_at_once_is_imported_five_at_a_time_within_the_executions_time(measured: list[Row]) -> None:
    (row,) = (row for row in measured if (row["increments"], row["run"]) == (FILES, "all at once"))
    assert FILES / 5 <= float(row["passes"]) < FILES / 3, "about one for each five, not one every minute"
    assert float(row["hours"]) * 365 / FILES < HOURS
