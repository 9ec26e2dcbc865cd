"""The first step of an evaluation: its plan, the findings for its record, and its estimate."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from usher.costs import calculation
from usher.costs.ceilings import AboveCeilingError, Ceilings, Estimate
from usher.costs.ledger import Past
from usher.datasets.byte_ranges import is_plain_csv
from usher.datasets.profile_cache import ProfileCache
from usher.errors import InputError, Problem
from usher.evaluation.files import SOURCE, SOURCE_ITEMS, EvaluationFiles
from usher.evaluation.options import Options
from usher.evaluation.plan import Evaluation
from usher.planning.input_copies import copy_source
from usher.planning.inputs import Inputs, load_inputs
from usher.resources.inventory import Inventory
from usher.resources.plan import Plan
from usher.resources.states import State
from usher.resources.target import Target
from usher.run_record import RunRecord
from usher.storage.bucket import Bucket
from usher.storage.layout import dataset_of


def prepare_evaluation(
    bucket: Bucket,
    at: Target,
    personalize: Any,
    serving: Mapping[str, Any],
    options: Options,
    ceilings: Ceilings,
    past: Past,
) -> tuple[Plan, dict[str, Any], Estimate]:
    """Plan an evaluation; return its plan, what the run's record gets, and the cost.

    `at`: the group; `serving`: its serving map; `past`: what it has ordered. Raises InputError where the group has
    nothing to evaluate with, or the evaluation costs too much.
    """
    inputs = load_inputs(bucket, at.group, Inventory({"personalize": personalize}, at.stack_arn), at.arn_prefix)
    if inputs is None:
        raise InputError([Problem(f"{at.group}/", "has no interactions.", "Drop interactions.csv first.")])
    files = EvaluationFiles(bucket, at.group, at.run)
    _write_sources(files, inputs)
    evaluation = Evaluation.of(files, at, personalize, inputs, options, serving.get("solutions", {}))
    plan = evaluation.plan()
    states = [State(one.id, "create", "PLANNED", reason="It is compared.") for one in plan.resources]
    size = calculation.size_of(inputs.report, {})
    size = replace(size, lines=evaluation.max_lines(size))
    estimated = calculation.estimate_plan(plan.resources, states, size, inputs.config.prices, {})
    by_id = {one.id: one for one in plan.resources}
    estimate = Estimate.beside(
        past, {id_: calculation.max_cost(one, calculation.solution_of(one, by_id), size) for id_, one in by_id.items()}
    )
    if above := [*ceilings.check(inputs.config), *ceilings.check_estimate(at.group, estimate)]:
        raise AboveCeilingError(above, inputs.report)
    findings = {"notes": evaluation.left_out, "data": inputs.report, "resources": states, "estimate": estimated}
    return plan, findings | {"ceilings": ceilings.facts(estimate)}, estimate


def _write_sources(files: EvaluationFiles, inputs: Inputs) -> None:
    """Write the interactions and the items as CSVs that Personalize takes, where the group's are not so."""
    profiles = ProfileCache(files.bucket)
    for dataset, folder in (("interactions", SOURCE), ("items", SOURCE_ITEMS)):
        sources = [source for source in inputs.sources.values() if dataset_of(source.files[0].key) == dataset]
        if all(is_plain_csv(file.key, source.reading) for source in sources for file in source.files):
            continue
        for number, source in enumerate(sources):
            copy_source(files.bucket, source, files.key(f"{folder}/{number:05}/"), profiles, tag="")


def is_deleted(plan: Plan, record: RunRecord) -> bool:
    """Whether everything that an evaluation may have made is deleted, as far as its record says. Pure."""
    deleted = [state for state in record.get("deletions", []) if state["status"] == "DELETED"]
    return len(deleted) >= len(plan.to_delete)
