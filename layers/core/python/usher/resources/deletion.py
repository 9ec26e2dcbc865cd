"""One pass over a run's deletions: deletes the resources that can be deleted now."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from usher.aws import error_code
from usher.resources.inventory import Inventory
from usher.resources.kinds import KINDS
from usher.resources.lookup import is_being_deleted
from usher.resources.polling import Pending, seconds_until_next_pass
from usher.resources.reconcile import NOT_YET
from usher.resources.states import State
from usher.resources.unmanaged import NOT_OWN, Unmanaged

LEFT = "Delete the resources that still use it, and request the removal again."
SERVING = "It serves until everything in the config does."
CORRECT = "Correct what failed, and drop the file again."
TAKE_OVER = "Delete it, or take it over (usher import --adopt), and request the removal again."
EXPECTED_SECONDS = 60.0
"""The usual duration of a deletion."""
MAX_WAIT_SECONDS = 1800
"""The seconds after which a resource that can't be deleted yet is left to the next run."""
IN_TRAINING = {"CREATE PENDING", "CREATE IN_PROGRESS"}


def delete_unmanaged(
    inventory: Inventory,
    to_delete: Sequence[Unmanaged],
    serving: Collection[str],
    before: Sequence[Mapping[str, Any]],
    elapsed: float,
) -> tuple[list[State], int | None]:
    """Delete the resources that can be deleted now. Returns the states, and the seconds until the next pass; None: all
    is done.

    `serving`: the ARNs that the serving map names; `before`: the states after the last pass; `elapsed`: the seconds
    since then.
    """
    last = {state["id"]: state for state in before}
    states = []
    for unmanaged in to_delete:
        state = _delete(inventory, unmanaged, serving)
        earlier = last.get(state.id, {})
        if state.status == "PENDING" and earlier.get("status") == "PENDING":
            state = replace(state, waited=earlier.get("waited", 0) + elapsed)
        if state.waited >= MAX_WAIT_SECONDS:
            state = replace(state, status="SKIPPED")
        states.append(replace(state, remedy=state.remedy or LEFT) if state.status == "SKIPPED" else state)
    pending = [Pending(state.waited, EXPECTED_SECONDS) for state in states if state.status == "PENDING"]
    return states, seconds_until_next_pass([pending]) if pending else None


def _delete(inventory: Inventory, unmanaged: Unmanaged, serving: Collection[str]) -> State:
    kind, arn = KINDS[unmanaged.kind], unmanaged.arn
    state = State(f"{kind.name}/{arn.rpartition('/')[2]}", "delete", "PENDING", arn, unmanaged.reason)
    kept = replace(state, action="keep", status="SKIPPED")
    if any(name == arn or name.startswith(f"{arn}/") for name in serving):
        return replace(kept, reason=SERVING, remedy=CORRECT)
    if not unmanaged.delete:
        return replace(kept, remedy=TAKE_OVER if unmanaged.reason == NOT_OWN else LEFT)
    try:
        details = inventory.describe(kind, arn)
        if details and not is_being_deleted(details):
            if not inventory.owns(kind, arn):
                return replace(kept, reason=NOT_OWN, remedy=TAKE_OVER)
            if kind.stop_before_delete:
                _stop_trainings(inventory, arn)
            inventory.delete(kind, arn)
            details = {} if kind.minutes == 0 else details
    except inventory.clients[kind.service].exceptions.ClientError as error:
        reason = str(error.response["Error"]["Message"])
        return replace(state, reason=reason, status="PENDING" if error_code(error) in NOT_YET else "SKIPPED")
    return state if details else replace(state, status="DELETED")


def _stop_trainings(inventory: Inventory, solution_arn: str) -> None:
    """Stop the trainings of a solution: they cost money, and a solution in training can't be deleted."""
    for version in inventory.summaries(KINDS["solution_version"], {"solutionArn": solution_arn}):
        if version["status"] in IN_TRAINING:
            inventory.clients["personalize"].stop_solution_version_creation(
                solutionVersionArn=version["solutionVersionArn"]
            )
