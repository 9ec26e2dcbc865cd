"""The gate: decides whether a newly trained version may replace the live one.

    gate: {metric: precision_at_10, atLeast: 0.05, versusLive: 0.95, versusPopularity: 1}

`atLeast` is a floor; `versusLive` and `versusPopularity` are shares of the metric of the live version and of the
popularity solution: 1 means at least as good, 0.95 at least 95 % of it. Metrics are those of GetSolutionMetrics.

The gate's target is the resource that selects the serving version: the campaign or, for a solution without one, whose
versions serve exports and jobs, the version itself.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from usher.clients import PersonalizeClient
from usher.resources.inventory import Existing
from usher.resources.kinds import KINDS, LIVE_VERSION, Gate, Resource
from usher.resources.versions import metrics_of

EPSILON = 1e-9
"""Metrics have four decimals; a share's rounding error must not decide."""
REMEDY = (
    "The previous version keeps serving. Compare the metrics on the run's page; promote the version to use it anyway."
)

Metrics = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a version may go live, and the reason."""

    passes: bool
    reason: str


def judge(rule: Mapping[str, Any], candidate: Metrics, live: Metrics, popularity: Metrics) -> Verdict:
    """Compare a version's offline metrics with its rule. Pure.

    `live`: the metrics of the version that serves now; empty if there is none, or it has no metrics: then no comparison
    with it is made. Any other comparison that can't be made blocks the version.
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
        if not candidate[metric] >= bar - EPSILON:
            return Verdict(False, f"{metric} is {candidate[metric]:.4f}, below {compared}")
        passed.append(compared)
    return Verdict(True, f"{metric} is {candidate[metric]:.4f}, at least {'; '.join(passed)}" if passed else "no rule")


def gate_targets(resources: Sequence[Resource]) -> dict[str, str]:
    """The id of each solution's gate target: its campaign, or its version if it has none. Pure."""
    kinds = ("solution_version", "campaign")
    return {one.id.partition("/")[2]: one.id for kind in kinds for one in resources if one.kind == kind}


def with_gates(
    resources: Sequence[Resource], rules: Mapping[str, Any], live: Mapping[str, str], popularity: str
) -> list[Resource]:
    """All resources, with their solution's rule in each gate target; each still after the resources that it needs.
    Pure.

    A batch job works with the live version if a rule or a person may hold the newest one back. `rules`, `live`: each
    solution's gate, and the ARN of its serving version; `popularity`: the name of the popularity solution.
    """
    targets = gate_targets(resources)
    gated = [
        _with_gate(resource, rules, live, popularity) if resource.id in targets.values() else resource
        for resource in resources
    ]
    gated_ids = {resource.id for resource in gated if resource.gate}
    gated = [_with_live_version(resource, targets, gated_ids) for resource in gated]
    late: set[str] = set()
    for resource in gated:
        if (resource.gate and resource.gate.popularity) or not late.isdisjoint(resource.needs):
            late.add(resource.id)
    return sorted(gated, key=lambda resource: resource.id in late)


def _with_live_version(resource: Resource, targets: Mapping[str, str], gated_ids: Collection[str]) -> Resource:
    """A batch job with its version from its solution's gate target; other resources are unchanged."""
    target = targets.get(resource.refs.get(LIVE_VERSION, "").partition("/")[2], "")
    if target not in gated_ids or not KINDS[resource.kind].job:
        return resource
    return replace(resource, refs={**resource.refs, LIVE_VERSION: target})


def _with_gate(resource: Resource, rules: Mapping[str, Any], live: Mapping[str, str], popularity: str) -> Resource:
    name = resource.id.partition("/")[2]
    rule = rules.get(name, {})
    if not rule and not resource.gate:
        return resource
    compared_with = f"solution_version/{popularity}" if "versusPopularity" in rule else ""
    after = [*resource.after, compared_with] if compared_with else resource.after
    gate = replace(resource.gate or Gate(), rule=rule, live=live.get(name, ""), popularity=compared_with)
    return replace(resource, after=after, gate=gate)


def version_to_serve(
    personalize: PersonalizeClient,
    gate: Gate,
    campaign: Existing | None,
    candidate: str,
    arns: Mapping[str, str],
) -> tuple[str, str]:
    """The ARN of the version that is to serve, and the reason if the gate blocks the candidate.

    A pinned version precedes the rule. `campaign`: the existing one; without one, the version that has served until now
    counts as live. `arns`: of other resources, by id.
    """
    if candidate and candidate == gate.supersedes:
        return gate.pinned, ""
    live = campaign.details[LIVE_VERSION] if campaign else gate.live
    if not gate.rule or not candidate or candidate == live:
        return candidate, ""
    popularity = arns.get(gate.popularity, "")
    verdict = judge(gate.rule, *(metrics_of(personalize, arn) for arn in (candidate, live, popularity)))
    return (candidate, "") if verdict.passes else (live, verdict.reason)
