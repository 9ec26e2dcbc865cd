"""The first step of an evaluation: its plan, the findings for its record, and its estimate."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from usher.clients import Clients
from usher.costs import calculation
from usher.costs.ceilings import AboveCeilingError, Ceilings, Estimate
from usher.costs.ledger import Past
from usher.costs.monthly import planned_costs
from usher.costs.months import priced_use
from usher.datasets.profile_cache import ProfileCache
from usher.datasets.read_limits import LIMITS, ReadLimits
from usher.datasets.reading import Source
from usher.errors import InputError, Problem
from usher.evaluation.files import EvaluationFiles
from usher.evaluation.options import Options
from usher.evaluation.plan import Evaluation
from usher.planning.input_copies import Sources, copy_files, copy_import
from usher.planning.inputs import load_inputs
from usher.planning.quota_check import count_in_region, with_room
from usher.prices import PRICES
from usher.resources.inventory import Inventory
from usher.resources.plan import Plan
from usher.resources.states import State
from usher.resources.target import Target
from usher.run_record import RunRecord
from usher.runs.record import Run
from usher.storage.bucket import Bucket


@dataclass(frozen=True, slots=True)
class PreparedEvaluation:
    """An evaluation that can be carried out."""

    plan: Plan
    findings: Mapping[str, Any]
    """Members of the run's record."""
    estimate: Estimate
    sources: Sources

    def plan_with_copies(self, run: Run, limits: ReadLimits = LIMITS) -> Plan:
        """The plan, with copies of the files that are split and imported, so that only checked content is compared.

        Raises S3's PreconditionFailed if a file is not the one that was checked.
        """
        profiles = ProfileCache(run.bucket, limits)
        read = {file.key: (file, source.reading) for source in self.sources.values() for file in source.files}
        resources = [
            copy_import(run, one, self.sources, profiles) if one.kind == "dataset_import_job" else one
            for one in self.plan.resources
        ]
        files = [read[key][0] for key in self.plan.files]
        split = copy_files(run, "split", Source(files, read[self.plan.files[0]][1]), profiles)
        return replace(self.plan, resources=resources, files=split)


def prepare_evaluation(
    bucket: Bucket,
    at: Target,
    clients: Clients,
    serving: Mapping[str, Any],
    options: Options,
    ceilings: Ceilings,
    past: Past,
    limits: ReadLimits = LIMITS,
) -> PreparedEvaluation:
    """Plan an evaluation.

    `at`: the group; `serving`: its serving map; `past`: its spending. Raises InputError if the group has nothing to
    evaluate with, or the evaluation exceeds the quotas or a ceiling.
    """
    inventory = Inventory(clients, at.stack_arn)
    inputs = load_inputs(bucket, at.group, inventory, at.arn_prefix, limits)
    if inputs is None:
        raise InputError([Problem(f"{at.group}/", "has no interactions.", "Drop interactions.csv first.")])
    files = EvaluationFiles(bucket, at.group, at.run)
    evaluation = Evaluation.of(files, at, clients["personalize"], inputs, options, serving.get("solutions", {}))
    plan = evaluation.plan()
    states = [State(one.id, "create", "PLANNED", reason="It is compared.") for one in plan.resources]
    with_room(inventory, plan, states, count_in_region(inventory), fewer="Compare {} fewer, by `recipes`")
    size = calculation.size_of(inputs.report, {})
    size = replace(size, lines=evaluation.max_lines(size))
    prices = inputs.config.prices
    monthly = planned_costs(plan.resources, states, size, {**PRICES, **prices})
    estimated = calculation.estimate_plan(plan.resources, states, size, prices, {}, monthly)
    by_id = {one.id: one for one in plan.resources}
    costs = {id_: calculation.max_cost(one, calculation.solution_of(one, by_id), size) for id_, one in by_id.items()}
    estimate = Estimate.without_resources(past, costs, {"evaluations": priced_use(1, math.fsum(costs.values()))})
    if above := [*ceilings.check(inputs.config), *ceilings.check_estimate(at.group, estimate)]:
        raise AboveCeilingError(above, inputs.report)
    findings = {
        "notes": evaluation.left_out,
        "data": inputs.report,
        "resources": states,
        "estimate": estimated,
        "ceilings": ceilings.facts(estimate),
    }
    return PreparedEvaluation(plan, findings, estimate, inputs.sources)


def is_deleted(plan: Plan, record: RunRecord) -> bool:
    """Whether all resources that an evaluation may have created are deleted, as far as its record shows. Pure."""
    deleted = [state for state in record.get("deletions", []) if state["status"] == "DELETED"]
    return len(deleted) >= len(plan.to_delete)
