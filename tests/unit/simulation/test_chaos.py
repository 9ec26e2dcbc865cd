"""A run with a fault anywhere leaves the same state as one without: nothing missing, nothing twice.

`python -m benchmarks.chaos` tests every boundary; here, faults that kill strike at every 24th, others at every 60th.
"""

import copy

import pytest

from usher_local.simulation.chaos import FAULTS, SMALL_PARTS, Fault, boundaries, disturbed
from usher_local.simulation.stack import Boundary, Stack

pytestmark = pytest.mark.exhaustive


PARTS = 3
CALLS_OF_A_CHECK = 4


@pytest.fixture(scope="module")
def alone(stack: Stack) -> tuple[list[Boundary], str]:
    return boundaries(stack)


@pytest.fixture(scope="module")
def alone_in_parts(stack: Stack) -> tuple[list[Boundary], str]:
    return boundaries(stack, SMALL_PARTS)


def test_runs_that_are_left_alone_are_alike(stack: Stack, alone: tuple[list[Boundary], str]) -> None:
    assert boundaries(stack) == alone
    assert '"Campaign", "arn:aws:personalize:us-east-1:123456789012:campaign/films-popular-' in alone[1]


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("fault", FAULTS.values(), ids=lambda fault: fault.name)
def test_a_disturbed_run_leaves_the_same_world(
    stack: Stack, alone: tuple[list[Boundary], str], fault: Fault, part: int
) -> None:
    found, world = alone
    moments = fault.distinct(found)[:: 24 if fault.deadly else 60]
    assert len(moments) >= PARTS
    assert [moment for moment in moments[part::PARTS] if disturbed(stack, fault, moment) != world] == []


@pytest.mark.parametrize("fault", FAULTS.values(), ids=lambda fault: fault.name)
def test_a_run_that_is_disturbed_while_parts_are_checked_leaves_the_same_world(
    stack: Stack, alone_in_parts: tuple[list[Boundary], str], fault: Fault
) -> None:
    found, world = alone_in_parts
    checking = [boundary.number for boundary in found if "Check" in boundary.name]
    moments = [one for one in fault.distinct(found) if checking[0] <= one.number < checking[-1] + CALLS_OF_A_CHECK]
    assert len(checking) == 2 * PARTS
    moments = moments[:: 2 if fault.deadly else 4]
    assert len(moments) >= PARTS
    assert [moment for moment in moments if disturbed(stack, fault, moment, SMALL_PARTS) != world] == []


def test_a_pipeline_that_does_not_retry_would_not_survive(
    stack: Stack, alone: tuple[list[Boundary], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    definition = copy.deepcopy(stack.definitions["Pipeline"])
    for state in definition["States"].values():
        state.pop("Retry", None)
    monkeypatch.setitem(stack.definitions, "Pipeline", definition)
    fault = FAULTS["crash before"]
    assert disturbed(stack, fault, fault.distinct(alone[0])[5]) != alone[1]


def test_a_fault_that_does_not_strike_is_noticed(stack: Stack) -> None:
    with pytest.raises(AssertionError, match="did not reach"):
        disturbed(stack, FAULTS["throttle"], Boundary(-1, "call", "s3:GetObject", "before"))
