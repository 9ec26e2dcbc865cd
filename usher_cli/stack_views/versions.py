"""The versions of a group's solutions: their metrics over time, the serving one, and the gate's verdict."""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict, cast

from usher.resources.gate import judge
from usher.resources.kinds import KINDS, Resource
from usher.resources.kinds import Gate as PlannedGate
from usher.resources.lookup import summaries
from usher.resources.versions import report_version
from usher.run_record import LiveModel, VersionRecord

from usher_cli.deployed_stack import DeployedStack
from usher_cli.parallel import in_parallel
from usher_cli.stack_views.overview import live_in


class SolutionVersion(TypedDict):
    """A version of a solution."""

    arn: str
    status: str
    """Personalize's status."""
    trainedAt: str
    """ISO time at which its training began."""
    automatic: bool
    """Whether it comes from automatic training."""
    failure: str
    """The reason why its training failed; else empty."""
    live: bool
    liveSince: str
    """ISO time; empty: it does not serve, or the time is not known."""
    chosenBy: str
    """The person who has put it live, and the reason; empty if there is none."""
    trainingHours: float | None
    """The hours that were billed."""
    metrics: Mapping[str, Any]
    """Offline metrics by name; empty: it is not trained."""


class Gate(TypedDict):
    """The gate of a solution, and its verdict on the newest version."""

    metric: str
    atLeast: NotRequired[float]
    versusLive: NotRequired[float]
    versusPopularity: NotRequired[float]
    verdict: str
    """The verdict; empty: there is nothing to judge, or a person has decided."""
    passes: bool


class Solution(TypedDict):
    """A solution with its versions."""

    name: str
    arn: str
    versions: list[SolutionVersion]
    """The versions, oldest first."""
    gate: Gate | None


def solutions_of(stack: DeployedStack, group: str) -> list[Solution]:
    """The solutions of a group, by name: those of its last plan, and serving ones."""
    planned = _planned(stack, group)
    live = {one["version"]: one for one in live_in(stack, [group])[group] if ":solution/" in one["version"]}
    arns = {one.id.partition("/")[2]: one.arn for one in planned if one.kind == "solution"}
    arns |= {one["name"]: arn.rpartition("/")[0] for arn, one in live.items()}
    listed = dict(zip(arns, in_parallel(lambda arn: _listed(stack, arn), arns.values()), strict=True))
    reports = _reports(stack, {one["solutionVersionArn"]: name for name, some in listed.items() for one in some})
    versions = {name: [_version(one, live, reports) for one in some] for name, some in listed.items()}
    gates = {one.id.partition("/")[2]: one.gate for one in planned if one.gate}
    return [
        {"name": name, "arn": arns[name], "versions": versions[name], "gate": gate_of(gates.get(name), name, versions)}
        for name in sorted(arns)
    ]


def gate_of(planned: PlannedGate | None, name: str, versions: Mapping[str, Sequence[SolutionVersion]]) -> Gate | None:
    """A solution's gate, and its verdict on the newest trained version, unless a person has chosen another. Pure.

    `planned`: a Resource's gate; None or without a rule: there is none; `versions`: of the solution, oldest first.
    """
    if not planned or not planned.rule:
        return None
    newest, live = _newest(versions[name]), next((one for one in versions[name] if one["live"]), None)
    popularity = _newest(versions.get(planned.popularity.partition("/")[2], ()))
    is_superseded = newest is not None and newest["arn"] == planned.supersedes
    if newest is None or newest is live or is_superseded:
        return cast(Gate, {**planned.rule, "verdict": "", "passes": True})
    verdict = judge(planned.rule, *(one["metrics"] if one else {} for one in (newest, live, popularity)))
    return cast(Gate, {**planned.rule, "verdict": verdict.reason, "passes": verdict.passes})


def _newest(versions: Sequence[SolutionVersion]) -> SolutionVersion | None:
    return next((one for one in reversed(versions) if one["metrics"]), None)


def _planned(stack: DeployedStack, group: str) -> Sequence[Resource]:
    """The resources of the last plan of a group's pipeline."""
    plans = (run.plan_or_none() for run in reversed(stack.runs(group)))
    return next((plan.resources for plan in plans if plan and plan.resources), ())


def _listed(stack: DeployedStack, solution_arn: str) -> list[dict[str, Any]]:
    """Personalize's summaries of a solution's versions, oldest first; none if there is no such solution."""
    personalize = stack.clients["personalize"]
    try:
        found = summaries(stack.clients, KINDS["solution_version"], {"solutionArn": solution_arn})
    except personalize.exceptions.ResourceNotFoundException:
        return []
    return sorted(found, key=lambda one: one["creationDateTime"])


def _reports(stack: DeployedStack, names: Mapping[str, str]) -> Mapping[str, VersionRecord]:
    """The reports on versions, by their ARNs, each read once: they never change. `names`: of their solutions."""
    known, personalize = stack.version_reports, stack.clients["personalize"]
    new = [arn for arn in names if arn not in known]
    for report in in_parallel(lambda arn: report_version(personalize, names[arn], arn, live=False), new):
        if report and report["metrics"]:
            known[report["arn"]] = report
    return known


def _version(
    summary: Mapping[str, Any], live: Mapping[str, LiveModel], reports: Mapping[str, VersionRecord]
) -> SolutionVersion:
    arn = str(summary["solutionVersionArn"])
    report, serving = reports.get(arn), live.get(arn)
    return {
        "arn": arn,
        "status": str(summary["status"]),
        "trainedAt": summary["creationDateTime"].isoformat(),
        "automatic": summary.get("trainingType") == "AUTOMATIC",
        "failure": str(summary.get("failureReason", "")),
        "live": serving is not None,
        "liveSince": serving["since"] if serving else "",
        "chosenBy": f"{serving['by']}: {serving['why']}" if serving and serving["by"] else "",
        "trainingHours": report["trainingHours"] if report else None,
        "metrics": report["metrics"] if report else {},
    }
