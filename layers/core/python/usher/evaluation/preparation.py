"""Evaluations: what models recommend that know only a part of a group's history, held against the other part.

<group>/out/evaluation/<run>/train/*.csv               what is learnt from
<group>/out/evaluation/<run>/holdout/*.csv             what is held back
<group>/out/evaluation/<run>/input/<kind>/*.json       what models are asked: users, items or rankings, in parts
<group>/out/evaluation/<run>/output/<contender>/*.out  what they answer, as batch inference jobs write it
<group>/out/evaluation/<run>/report.json               the scores; report.html and the pictures show them
<group>/out/evaluation/latest.json                     the newest report

Models are trained in a dataset group of their own, which is gone afterwards (evaluation_plan.py).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from usher.costs import prices
from usher.costs.ceilings import AboveCeilingError, Ceilings, Estimate
from usher.costs.ledger import Past
from usher.errors import InputError, Problem, UsherError
from usher.evaluation.plan import Evaluation, Home
from usher.evaluation.splits import SPLITS
from usher.planning.inputs import load_inputs
from usher.resources.inventory import Inventory
from usher.resources.states import State
from usher.resources.target import Target
from usher.storage.bucket import Bucket

Rule = tuple[Callable[[Any], bool], str]
"""Whether a value is as it must be, and how."""
USAGE = 'Start the evaluation with {"group": "<a folder of the bucket>"} and the options of docs/evaluation.md.'


@dataclass(frozen=True, slots=True)
class Options:
    """What an evaluation is asked to do."""

    split: str = "last-tenth"
    share: float = 0.1
    """Of each user's events, or of all, that is held back."""
    cut: float | None = None
    """Unix seconds from which on everything is held back; then `share` says nothing."""
    recipes: Sequence[str] = ()
    """What to compare, with default settings; without any, the solutions of the group's config."""
    live: bool = True
    """Whether the versions that serve are compared, too."""
    requestsPerSecond: float = 10  # noqa: N815 - as it stands in the input
    """How fast a campaign is asked."""

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Options":
        """From an execution's input, which names the group, too. Raises UsherError where it says something wrong."""
        names = {one.name for one in fields(cls)}
        wrong = [f"{name} is no option" for name in sorted(given.keys() - names - {"group"})]
        if not isinstance(given.get("group"), str):
            wrong.append("group is missing")
        options = cls(**{name: value for name, value in given.items() if name in names})
        wrong += [
            f"{name} is {getattr(options, name)!r}, and must be {said}"
            for name, (fits, said) in RULES.items()
            if not fits(getattr(options, name))
        ]
        if options.cut is not None and options.split != "global":
            wrong.append("cut is for the split global only")
        if wrong:
            raise UsherError(f"{'; '.join(wrong)}. {USAGE}")
        return options


def _between(least: float, most: float) -> Rule:
    def fits(value: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most

    return fits, f"a number from {least:g} to {most:g}"


RULES: Mapping[str, Rule] = {
    "split": (lambda value: isinstance(value, str) and value in SPLITS, f"one of {', '.join(SPLITS)}"),
    "share": _between(0.01, 0.5),
    "cut": (lambda value: value is None or _between(0, 10**11)[0](value), "Unix seconds"),
    "recipes": (
        lambda value: isinstance(value, list | tuple) and all(isinstance(one, str) for one in value),
        'a list of names, or ["all"]',
    ),
    "live": (lambda value: isinstance(value, bool), "true or false"),
    "requestsPerSecond": _between(0.1, 1000),
}
"""What each option must be."""


def prepare(
    bucket: Bucket,
    at: Target,
    personalize: Any,
    serving: Mapping[str, Any],
    options: Options,
    ceilings: Ceilings,
    past: Past,
) -> tuple[dict[str, Any], dict[str, Any], Estimate]:
    """Plan an evaluation; return what plan.json is to hold, what the run's record is to tell, and what it costs.

    Raises InputError where the group has nothing to evaluate with, or it costs too much. `at`: of the group; `serving`:
    its serving map; `past`: what it has ordered.
    """
    intake = load_inputs(bucket, at.group, Inventory({"personalize": personalize}, at.stack_arn), at.arn_prefix)
    if intake is None:
        raise InputError([Problem(f"{at.group}/", "has no interactions.", "Drop interactions.csv first.")])
    live = serving.get("solutions", {}) if options.live else {}
    evaluation = Evaluation.of(Home(bucket, at.group, at.run), at, personalize, intake, options.recipes, live)
    plan = evaluation.plan() | {"options": asdict(options)}
    states = [State(one.id, "create", "PLANNED", reason="It is compared.") for one in plan["resources"]]
    size = prices.size_of(intake.report, {})
    size = replace(size, lines=evaluation.most_lines(size))
    estimated = prices.estimate_plan(plan["resources"], states, size, intake.config.prices, {})
    by_id = {one.id: one for one in plan["resources"]}
    estimate = Estimate.beside(
        past, {id_: prices.max_cost(one, prices.solution_of(one, by_id), size) for id_, one in by_id.items()}
    )
    if above := [*ceilings.check(intake.config), *ceilings.check_estimate(at.group, estimate)]:
        raise AboveCeilingError(above, intake.report)
    findings = {"notes": evaluation.left_out, "data": intake.report, "resources": states, "estimate": estimated}
    return plan, findings | {"ceilings": ceilings.facts(estimate)}, estimate


def is_left(plan: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    """Whether something that an evaluation may have made is still there, as far as its record tells. Pure."""
    gone = [state for state in record.get("deletions", []) if state["status"] == "DELETED"]
    return len(gone) < len(plan.get("to_delete", []))
