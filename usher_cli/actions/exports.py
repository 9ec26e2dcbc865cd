"""The action that exports a solution's recommendations."""

from collections.abc import Iterator

from usher.costs.ledger import Spending
from usher.costs.recurring import export_id
from usher.dollars import dollars
from usher.errors import InputError
from usher.exports.documents import ExportPlan
from usher.exports.export_job import job_dollars, live_export
from usher.runs.naming import EXPORT

from usher_cli.actions.action import Action, PlanView, execute, in_sentences, tail
from usher_cli.actions.runs import require_no_pause
from usher_cli.deployed_stack import DeployedStack
from usher_cli.drafts import draft_of


def export(stack: DeployedStack, group: str, solution: str) -> Action:
    """Export a solution, with its live version."""

    def plan() -> PlanView:
        require_no_pause(stack, group)
        return in_sentences(*_sentences(stack, group, solution))

    return Action(
        f"Export {solution}",
        plan,
        lambda _: execute(stack, "ExportArn", f"{solution}: has begun.", group=group, solution=solution),
    )


def _sentences(stack: DeployedStack, group: str, solution: str) -> Iterator[str]:
    serving, past = stack.serving.read(group), Spending(stack.table).of(group)
    spec, served, shape = live_export(group, solution, serving)
    version = tail(served["solutionVersionArn"])
    yield f"A batch job of Personalize makes recommendations of {solution} with its live version, {version}."
    try:
        lines = draft_of(stack, group, stack.bucket).size.lines.get(export_id(solution, spec["recipe"]), 0)
    except InputError:  # the files in the bucket have problems, which the next run reports
        lines = 0
    if lines:
        most = dollars(job_dollars(shape, spec, lines, past.users))
        yield f"It has {lines:,d} lines at most, and costs {most} at most."
    else:
        yield "Its cost is known once its lines are counted."
    yield _last_export(stack, group, solution)
    yield f"If it costs more than {dollars(stack.ceilings.run_dollars)}, it is refused before its job is made."


def _last_export(stack: DeployedStack, group: str, solution: str) -> str:
    """A sentence on the last export of a solution; empty if there was none."""
    for run in reversed(stack.runs(group, others=True)):
        if run.name.endswith(f"-{solution}{EXPORT}") and (plan := run.plan_or_none()):
            last = ExportPlan.of(plan, group, run.name)
            return f"The last one had {last.input.lines:,d} lines and cost {dollars(last.dollars)} at most."
    return ""
