"""A run that is disturbed anywhere leaves the same world as one that is left alone: nothing missing, nothing twice.

`python -m benchmarks.chaos` takes every boundary; here, faults that kill nothing strike at every fourth.
"""

import copy

import pytest

from local.simulation.chaos import FAULTS, Fault, boundaries, disturbed
from local.simulation.stack import Boundary, Stack

PARTS = 3


@pytest.fixture(scope="module")
def alone(stack: Stack) -> tuple[list[Boundary], str]:
    return boundaries(stack)


def test_runs_that_are_left_alone_are_alike(stack: Stack, alone: tuple[list[Boundary], str]) -> None:
    assert boundaries(stack) == alone
    assert '"Campaign", "arn:aws:personalize:us-east-1:123456789012:campaign/films-popular-' in alone[1]


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("fault", FAULTS.values(), ids=lambda fault: fault.name)
def test_a_disturbed_run_leaves_the_same_world(
    stack: Stack, alone: tuple[list[Boundary], str], fault: Fault, part: int
) -> None:
    found, world = alone
    moments = fault.moments(found)[:: 1 if fault.deadly else 4]
    assert len(moments) > 20
    assert [moment for moment in moments[part::PARTS] if disturbed(stack, fault, moment) != world] == []


def test_a_pipeline_that_does_not_retry_would_not_survive(
    stack: Stack, alone: tuple[list[Boundary], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    definition = copy.deepcopy(stack.definition)
    for state in definition["States"].values():
        state.pop("Retry", None)
    monkeypatch.setattr(stack, "definition", definition)
    fault = FAULTS["crash before"]
    assert disturbed(stack, fault, fault.moments(alone[0])[5]) != alone[1]


def test_a_fault_that_does_not_strike_is_noticed(stack: Stack) -> None:
    with pytest.raises(AssertionError, match="nothing was disturbed"):
        disturbed(stack, FAULTS["throttle"], Boundary(-1, "call", "s3:GetObject", "before"))
