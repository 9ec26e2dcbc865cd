"""Actions on runs: run now, train, pause and resume."""

from usher.aws import now
from usher.errors import InputError, UsherError
from usher.runs.pauses import pause as write_pause
from usher.runs.pauses import pause_note, pause_of
from usher.runs.pauses import resume as end_pause

from usher_cli.actions.action import Action, Done, PlanView, Progress, caller, in_sentences, plan_view, started
from usher_cli.costs import account_cost, sums
from usher_cli.deployed_stack import DeployedStack
from usher_cli.drafts import draft_of

PAUSE = (
    "Until usher resume {group}, nothing is imported, trained or exported. A run in progress continues to its end.",
    "Serving continues: {costs} To end it: usher remove {group}. usher promote and usher rollback still work. "
    "Personalize's automatic training continues if it is on.",
)


def run_now(stack: DeployedStack, group: str) -> Action:
    """Start a run, as if a file had been dropped."""

    def plan() -> PlanView:
        require_no_pause(stack, group)
        return plan_view(draft_of(stack, group, stack.bucket))

    return Action(
        f"Run {group}",
        plan,
        lambda _: started(stack.start(group=group), group),
    )


def retrain(stack: DeployedStack, group: str, solution: str) -> Action:
    """Train a solution on the existing data."""
    tasks = {f"retrain#{solution}": {"at": now().isoformat(), "solution": solution}}

    def plan() -> PlanView:
        require_no_pause(stack, group)
        return plan_view(draft_of(stack, group, stack.bucket, tasks=tasks))

    return Action(
        f"Retrain {solution}",
        plan,
        lambda _: started(stack.start(group=group, task="retrain", solution=solution), group),
    )


def pause(stack: DeployedStack, group: str, why: str) -> Action:
    """Pause a group: no run starts until it is resumed."""

    def plan() -> PlanView:
        require_reason(why)
        costs = account_cost(stack, group)["now"]
        return in_sentences(*(one.format(group=group, costs=sums(costs)) for one in PAUSE))

    def carry_out(_: Progress) -> Done:
        write_pause(stack.table, group, now().isoformat(timespec="seconds"), caller(), why)
        return Done(f"{group} is paused.")

    return Action(f"Pause {group}", plan, carry_out)


def resume(stack: DeployedStack, group: str) -> Action:
    """End a pause, and start a run."""

    def plan() -> PlanView:
        if not pause_of(stack.table, group):
            raise UsherError(f"{group} is not paused.{stack.suggestion_for(group)}")
        try:
            return {**plan_view(draft_of(stack, group, stack.bucket)), "isWork": True}
        except InputError as error:
            return in_sentences("The run makes nothing until these problems are mended:", *map(str, error.problems))

    def carry_out(_: Progress) -> Done:
        end_pause(stack.table, group)
        return started(stack.start(group=group), group)

    return Action(f"Resume {group}", plan, carry_out)


def require_no_pause(stack: DeployedStack, group: str) -> None:
    """Raise UsherError if a group is paused: a run would do nothing."""
    if found := pause_of(stack.table, group):
        raise UsherError(pause_note(group, found))


def require_reason(why: str) -> None:
    """Raise UsherError without a reason."""
    if not why.strip():
        raise UsherError("Give the reason: others will see it.")
