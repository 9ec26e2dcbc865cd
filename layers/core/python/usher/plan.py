"""From what is wanted to the resources that must be there. Pure: no call leaves this module.

Immutable resources carry a digest of what they are made from in their name. A changed schema, filter or solution is
thus another resource, made beside the old one, and the serving map switches when it is live.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from usher.aws import digest
from usher.config import Config, Solution
from usher.errors import InputError, Problem
from usher.resources import KINDS, Resource
from usher.schemas import Schema
from usher.serving import ROUTES

SUFFIX = 6
"""Characters of a digest in a name."""


@dataclass(frozen=True, slots=True)
class Data:
    """One dataset's data that is ready to be imported."""

    location: str
    """s3:// address of the file or the folder."""
    digest: str
    schema: Schema = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a plan is for."""

    group: str
    run: str
    arn_prefix: str
    """arn:aws:personalize:<region>:<account>"""
    role_arn: str


def resources(setting: Setting, config: Config, data: Mapping[str, Data]) -> list[Resource]:
    """Every resource that config and data ask for, each after what it needs."""
    return [*_data_resources(setting, data), *_model_resources(setting, config, data)]


def _data_resources(at: Setting, data: Mapping[str, Data]) -> Iterator[Resource]:
    yield _resource(at, "import", "dataset_group", at.group, {"name": at.group})
    for dataset, given in data.items():
        schema = {"name": f"{at.group}-{dataset}-{digest(given.schema, SUFFIX)}", "schema": json.dumps(given.schema)}
        yield _resource(at, "import", "schema", dataset, schema)
        yield _resource(
            at, "import", "dataset", dataset,
            {"name": f"{at.group}-{dataset}", "datasetType": dataset.upper()},
            refs={"datasetGroupArn": f"dataset_group/{at.group}", "schemaArn": f"schema/{dataset}"},
        )  # fmt: skip
        yield _resource(
            at, "import", "dataset_import_job", dataset,
            {
                "jobName": _job_name(at, dataset),
                "dataSource": {"dataLocation": given.location},
                "roleArn": at.role_arn,
                "importMode": "FULL",
            },
            refs={"datasetArn": f"dataset/{dataset}"},
            inputs=_import_inputs(given),
        )  # fmt: skip


def _model_resources(at: Setting, config: Config, data: Mapping[str, Data]) -> Iterator[Resource]:
    group = {"datasetGroupArn": f"dataset_group/{at.group}"}
    datasets = [f"dataset/{name}" for name in data]
    imports = [f"dataset_import_job/{name}" for name in data]
    yield _resource(
        at, "train", "event_tracker", at.group, {"name": at.group}, refs=group, after=["dataset/interactions"]
    )
    for name, expression in config.filters.items():
        unique = f"{at.group}-{name}-{digest([at.group, expression], SUFFIX)}"
        yield _resource(
            at, "train", "filter", name, {"name": unique, "filterExpression": expression}, refs=group, after=datasets
        )
    for solution in config.solutions:
        made_from = _solution_params(at, solution)
        unique = f"{at.group}-{solution.name}-{digest([at.group, made_from], SUFFIX)}"
        yield _resource(
            at, "train", "solution", solution.name, {"name": unique, **made_from}, refs=group, after=datasets
        )
        yield _resource(
            at, "train", "solution_version", solution.name, {},
            refs={"solutionArn": f"solution/{solution.name}"},
            after=imports,
            inputs=digest([unique, *map(_import_inputs, data.values())]),
        )  # fmt: skip
        if solution.campaign is not None:
            yield _resource(
                at, "train", "campaign", solution.name, {"name": unique, **solution.campaign},
                refs={"solutionVersionArn": f"solution_version/{solution.name}"},
            )  # fmt: skip


def _solution_params(at: Setting, solution: Solution) -> dict[str, Any]:
    """CreateSolution's members. Training on a timer, the service's default, costs money nobody asked for: off."""
    return {"recipeArn": recipe_arn(at, solution.recipe), "performAutoTraining": False, **solution.settings}


def recipe_arn(at: Setting, recipe: str) -> str:
    """A recipe's ARN: the service owns them, so there is no region or account in it."""
    return f"{at.arn_prefix.split(':personalize:')[0]}:personalize:::recipe/{recipe}"


def _import_inputs(data: Data) -> str:
    return digest([data.digest, data.schema])


def _job_name(at: Setting, dataset: str) -> str:
    """Jobs can't be deleted, so their names are never free again: the run makes them unique."""
    return f"{at.group[: 61 - len(dataset) - len(at.run)]}-{dataset}-{at.run}"


def _resource(at: Setting, stage: str, kind: str, name: str, params: Mapping[str, Any], **more: Any) -> Resource:
    tail = KINDS[kind].arn.format(group=at.group, **params) if KINDS[kind].arn else ""
    return Resource(f"{kind}/{name}", kind, stage, params, arn=tail and f"{at.arn_prefix}:{tail}", **more)


def serving_wishes(config: Config, types: Mapping[str, str]) -> dict[str, Any]:
    """What the serving map is to hold once all is live. `types`: each solution's recipe type.

    Raises InputError for an export that can't be: there is a line for each user in it.
    """
    able = [name for name, kind in types.items() if kind in ROUTES["recommendations"].types]
    export = {"solution": None} if config.export is None else {"solution": next(iter(able), None), **config.export}
    if export["solution"] and export["solution"] not in able:
        said = f"names {export['solution']}, whose recipe does not recommend to users."
        remedy = f"Use one of: {', '.join(able) or 'none is defined'}."
        raise InputError([Problem("usher.yaml: export.solution", said, remedy)])
    return {
        "solutions": {
            one.name: {"type": types[one.name], "campaign": one.campaign is not None} for one in config.solutions
        },
        "filters": list(config.filters),
        "export": export,
    }
