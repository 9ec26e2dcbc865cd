"""The gate: whether a newly trained version may take over from the one that is live.

    gate: {metric: precision_at_10, atLeast: 0.05, versusLive: 0.95, versusPopularity: 1}

`atLeast` is a floor; `versusLive` and `versusPopularity` are shares of what the live version and the popularity
solution reach: 1 means at least as good, 0.95 at least 95 % of it. Metrics are those that Personalize tells by
GetSolutionMetrics.

It sits on what decides which version serves: the campaign, or the version itself of a solution without one, which
lives on exports and jobs.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from usher.resources.inventory import Found
from usher.resources.kinds import Resource
from usher.resources.versions import metrics_of

TOLERANCE = 1e-9
"""Metrics come with four decimals; what floating point adds to a share of one decides nothing."""
REMEDY = (
    "What was served before is served on. Compare the metrics in the run's page; promote the version to use it anyway."
)

Metrics = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a version may go live, and why."""

    passes: bool
    why: str


def judge(rule: Mapping[str, Any], candidate: Metrics, live: Metrics, popularity: Metrics) -> Verdict:
    """Compare a version's offline metrics with what its rule asks. Pure.

    `live`: those of the version that is served now; empty where there is none, and then nothing is compared with it.
    What can't be compared holds the version: a rule that nobody can check has not been met.
    """
    metric = rule.get("metric", "")
    others = {"atLeast": ("the floor", {metric: 1.0}), "versusPopularity": ("the popularity solution", popularity)}
    if live:
        others["versusLive"] = ("the live version", live)
    passed = []
    for name, (who, metrics) in others.items():
        if name not in rule:
            continue
        if metric not in candidate or metric not in metrics:
            lacking = "this version" if metric not in candidate else who
            has = candidate if metric not in candidate else metrics
            return Verdict(False, f"{lacking} has no metric {metric}; it has: {', '.join(sorted(has)) or 'none'}")
        bar = rule[name] * metrics[metric]
        share = "" if name == "atLeast" else f" ({rule[name]:g} of {metrics[metric]:.4f})"
        compared = f"{bar:.4f}, {name}: {who}{share}"
        if not candidate[metric] >= bar - TOLERANCE:
            return Verdict(False, f"{metric} is {candidate[metric]:.4f}, below {compared}")
        passed.append(compared)
    return Verdict(True, f"{metric} is {candidate[metric]:.4f}, at least {'; '.join(passed)}" if passed else "no rule")


def keepers(wanted: Sequence[Resource]) -> dict[str, str]:
    """By solution, the id of what a gate sits on: its campaign, or its version where it has none. Pure."""
    kinds = ("solution_version", "campaign")
    return {one.id.partition("/")[2]: one.id for kind in kinds for one in wanted if one.kind == kind}


def guarded(
    wanted: Sequence[Resource], rules: Mapping[str, Any], live: Mapping[str, str], popular: str
) -> list[Resource]:
    """All resources, what serves with its solution's rule, if it has one; each still after what it needs. Pure.

    Jobs of a solution whose newest version a rule or a person may hold back work with the one that serves. `rules` and
    `live`: each solution's gate, and the ARN of its version that is served now; `popular`: the name of the popularity
    solution.
    """
    kept = keepers(wanted)
    guards = [_guard(one, rules, live, popular) if one.id in kept.values() else one for one in wanted]
    gated = {one.id for one in guards if one.gate}
    guards = [_following(one, kept, gated) for one in guards]
    late: set[str] = set()
    for one in guards:
        if one.gate.get("popularity") or not late.isdisjoint(one.needs):
            late.add(one.id)
    return sorted(guards, key=lambda one: one.id in late)


def _following(resource: Resource, kept: Mapping[str, str], gated: Collection[str]) -> Resource:
    keeper = kept.get(resource.refs.get("solutionVersionArn", "").partition("/")[2], "")
    if keeper not in gated or not resource.kind.startswith("batch_"):
        return resource
    return replace(resource, refs={**resource.refs, "solutionVersionArn": keeper})


def _guard(resource: Resource, rules: Mapping[str, Any], live: Mapping[str, str], popular: str) -> Resource:
    name = resource.id.partition("/")[2]
    rule = rules.get(name, {})
    if not rule and not resource.gate:
        return resource
    popularity = f"solution_version/{popular}" if "versusPopularity" in rule else ""
    after = [*resource.after, popularity] if popularity else resource.after
    rule = {**rule, "live": live.get(name, ""), "popularity": popularity}
    return replace(resource, after=after, gate={**resource.gate, **rule})


def version_to_serve(
    personalize: Any, resource: Resource, found: Found | None, candidate: str, arns: Mapping[str, str]
) -> tuple[str, str]:
    """The version that is to serve, and why it is not the candidate if the gate holds that back.

    A person's choice comes before the rule. `found`: the campaign as it is; without one, the version that is served
    under its name until now counts as live. `arns`: of other resources, by id.
    """
    gate = resource.gate
    if candidate and candidate == gate.get("pin", {}).get("supersedes"):
        return gate["pin"]["version"], ""
    live = found.details["solutionVersionArn"] if found else gate.get("live", "")
    if not gate or not candidate or candidate == live:
        return candidate, ""
    popularity = arns.get(gate.get("popularity", ""), "")
    verdict = judge(gate, *(metrics_of(personalize, arn) for arn in (candidate, live, popularity)))
    return (candidate, "") if verdict.passes else (live, verdict.why)
