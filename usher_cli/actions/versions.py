"""The version of a solution that serves: an earlier one, or one that the gate holds back."""

from usher.aws import now
from usher.errors import InputError, UsherError
from usher.planning.promotions_and_rollbacks import Pin, choose_version, live_versions
from usher.resources.versions import usable_versions
from usher.runs.pauses import pause_of

from usher_cli.actions.action import Action, PlanView, caller, plan_view, started, tail, told
from usher_cli.actions.runs import require_reason
from usher_cli.deployed_stack import DeployedStack
from usher_cli.drafts import draft_of


def serve(stack: DeployedStack, group: str, solution: str, version: str, why: str) -> Action:
    """Serving another version of a solution, whatever its gate says. `version`: an ARN, `latest` or `previous`."""

    def plan() -> PlanView:
        require_reason(why)
        live = _live(stack, group, solution)
        versions = usable_versions(stack.clients["personalize"], live.rpartition("/")[0])
        chosen = choose_version(version, versions, live)
        if not chosen:
            known = ", ".join(versions) or "none"
            raise UsherError(f"{solution} has no version {version} to serve; available: {known}.")
        instead = "" if chosen == live else f" instead of {tail(live)}"
        said = f"{tail(chosen)} serves{instead}, until a newer version passes the gate."
        rest = _rest(stack, group, solution, Pin(chosen, caller(), why, now().isoformat(), versions[0]))
        return {**rest, "told": [said, *rest["told"]], "isWork": True}

    return Action(
        f"Serve {tail(version)} of {solution}",
        plan,
        lambda _: started(stack.start(group=group, solution=solution, version=version, who=caller(), why=why), group),
    )


def _live(stack: DeployedStack, group: str, solution: str) -> str:
    """The ARN of the version that serves. Raises UsherError if the solution serves nothing."""
    if group not in stack.serving.groups():
        known = ", ".join(stack.serving.groups()) or "none yet"
        raise UsherError(f"{group} serves nothing yet. Groups that serve: {known}.")
    live = live_versions(stack.serving.read(group))
    if solution not in live:
        raise UsherError(f"{group} serves no solution {solution}; it serves: {', '.join(live)}.")
    return live[solution]


def _rest(stack: DeployedStack, group: str, solution: str, pin: Pin) -> PlanView:
    """What the run does that lets a version serve."""
    if pause_of(stack.table, group):
        return told(f"{group} is paused: nothing else is done.")
    try:
        return plan_view(draft_of(stack, group, stack.bucket, pinned={solution: pin}))
    except InputError as error:
        return told("Nothing else is done, as the files in the bucket have problems:", *map(str, error.problems))
