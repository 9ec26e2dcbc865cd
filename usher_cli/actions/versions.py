"""The action that selects the version of a solution that serves: an earlier one, or one that the gate blocks."""

from collections.abc import Sequence

from usher.aws import now
from usher.datasets.profile_cache import ProfileCache
from usher.datasets.read_limits import LIMITS
from usher.errors import InputError, UsherError
from usher.planning.config_file import load_readings
from usher.planning.pins import Pin, choose_version, live_versions
from usher.resources.versions import usable_versions
from usher.runs.pauses import pause_of

from usher_cli.actions.action import Action, PlanView, caller, in_sentences, plan_view, started, tail
from usher_cli.actions.runs import require_reason
from usher_cli.deployed_stack import DRAFT, DeployedStack
from usher_cli.drafts import draft_of

LABELS = {"previous": "Roll back {}", "latest": "Serve the newest version of {}"}
"""The label of the action, by the requested version."""


def serve_version(stack: DeployedStack, group: str, solution: str, version: str, why: str) -> Action:
    """Put another version of a solution into service, whatever its gate's verdict. `version`: an ARN, `latest` or
    `previous`.
    """

    def plan() -> PlanView:
        require_reason(why)
        live = _live(stack, group, solution)
        versions = usable_versions(stack.clients["personalize"], live.rpartition("/")[0])
        chosen = choose_version(version, versions, live)
        if not chosen:
            raise UsherError(_lacking(solution, version, [one for one in versions if one != live]))
        instead = "" if chosen == live else f" instead of {tail(live)}"
        sentence = f"{tail(chosen)} serves{instead}, until a newer version passes the gate."
        rest = _plan_of_run(stack, group, solution, Pin(chosen, caller(), why, now().isoformat(), versions[0]))
        return {**rest, "sentences": [sentence, *rest["sentences"]], "isWork": True}

    return Action(
        LABELS.get(version, "Serve {1} of {0}").format(solution, tail(version)),
        plan,
        lambda _: started(stack.start(group=group, solution=solution, version=version, who=caller(), why=why), group),
    )


def _live(stack: DeployedStack, group: str, solution: str) -> str:
    """The ARN of the serving version. Raises UsherError if the solution serves nothing."""
    if group not in stack.serving.groups():
        known = ", ".join(stack.serving.groups()) or "none yet"
        raise UsherError(f"{group} serves nothing yet. Groups that serve: {known}.")
    live = live_versions(stack.serving.read(group))
    if solution not in live:
        raise UsherError(f"{group} serves no solution {solution}; it serves: {', '.join(live)}.")
    return live[solution]


def _lacking(solution: str, version: str, others: Sequence[str]) -> str:
    """The message that there is no such version, with the available ones besides the serving one. Pure."""
    named = f"no version {version}" if version != "previous" else "no version older than the one that serves"
    known = f"Beside the one that serves there are: {', '.join(others)}." if others else "It has no other version."
    return f"{solution} has {named}. {known}"


def _plan_of_run(stack: DeployedStack, group: str, solution: str, pin: Pin) -> PlanView:
    """The plan of the run that puts a version into service."""
    if pause_of(stack.table, group):
        return in_sentences(f"{group} is paused: nothing else is done.")
    try:
        if ProfileCache(stack.bucket, LIMITS).missing_parts(group, DRAFT, load_readings(stack.bucket, group)):
            return in_sentences(f"Then the run processes the new files, which are large: usher plan {group} shows it.")
        return plan_view(draft_of(stack, group, stack.bucket, pinned={solution: pin}))
    except InputError as error:
        return in_sentences(
            "Nothing else is done, as the files in the bucket have problems:", *map(str, error.problems)
        )
