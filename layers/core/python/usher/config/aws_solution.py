"""The AWS Solution's `config.json`, as the content of an `usher.yaml`. Pure.

"Maintaining Personalized Experiences with Machine Learning" keeps a file per dataset group, `train/<name>/config.json`,
beside its CSVs. The desired state is the same here, and the resources that the Solution has created are adopted. Shape:
the README of aws-solutions/maintaining-personalized-experiences-with-machine-learning, version 1.4.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from usher.errors import InputError, Problem
from usher.formats import documents
from usher.names import short_name
from usher.storage.layout import DATASETS, SOLUTION_JOBS_FOLDER

SERVICE: dict[Any, Any] = {
    "serviceConfig": {
        "name": str,
        "recipeArn": str,
        "filterArn": str,
        "schema": dict,
        "solutionVersion": {"name": str, "trainingMode": str, "tags": list},
        ...: object,
    }
}
DATASET = {"dataset": SERVICE, "schema": SERVICE}
JOBS = [SERVICE | {"workflowConfig": {"schedule": str, "maxAge": str}}]
SHAPE: dict[Any, Any] = {
    "tags": list,
    "datasetGroup": SERVICE | {"workflowConfig": {"schedules": {"import": str}, "maxAge": str}},
    "datasets": SERVICE | {"interactions": DATASET, "items": DATASET, "users": DATASET},
    "eventTracker": SERVICE,
    "filters": [SERVICE],
    "recommenders": [SERVICE],
    "solutions": [
        SERVICE
        | {
            "workflowConfig": {"schedules": {"full": str, "update": str}, "maxAge": str},
            "campaigns": [SERVICE],
            "batchInferenceJobs": JOBS,
            "batchSegmentJobs": JOBS,
        }
    ],
}
"""The structure of the file: an object with these members (`...`: and others of Personalize), a list, or a type."""
WORDS: dict[type, str] = {dict: "an object", list: "a list", str: "a text"}

NO_SCHEDULE = "delete"
SECTIONS = {"batchInferenceJobs": "batch", "batchSegmentJobs": "segments"}

NOTES: tuple[tuple[str, str, str], ...] = (
    (
        r"datasets\.serviceConfig\.importMode=(?!FULL).*",
        "has no effect: imports are FULL, as they were in the Solution.",
        "To add rows, put files into <group>/<dataset>/incremental/.",
    ),
    (
        r"datasets\.serviceConfig\.publishAttributionMetricsToS3=.*",
        "is left out.",
        "Set metricAttribution in an usher.yaml.",
    ),
    (
        r".*\.maxAge=.*",
        "is left out: Usher imports and trains when data has changed, whatever its age.",
        "To train less often, set retrain in an usher.yaml.",
    ),
    (r".*\.performAutoML=.*", "is left out, as in the Solution.", "Name a recipe."),
    (
        r"(datasets|eventTracker)\..*\.tags=.*|.*\.solutionVersion\.tags=.*",
        "is left out.",
        "Put them under tags at the top level, for everything without tags of its own.",
    ),
    (
        r"solutions\[\d+]\.campaigns\[[1-9]\d*]=.*",
        "is left as it is: here, a solution has one campaign, the first.",
        "Delete it in Personalize if nothing uses it.",
    ),
)
"""Settings that are not translated: a pattern of `path=value`, the message and the remedy."""

Content = Mapping[str, Any]


def translate(content: bytes, file: str, group: str) -> tuple[dict[str, Any], list[Problem]]:
    """The equivalent `usher.yaml`, and notes on settings that it leaves out, each with a remedy.

    Raises InputError with every problem of the file's own structure; members for Personalize are not checked.
    """
    config = documents.read_document(content, file)
    problems = list(_misfits(config, SHAPE, "")) or list(_unusable(config))
    if problems:
        raise InputError([_placed(file, *problem) for problem in problems])
    return _document(config, group), [_placed(file, *note) for note in _notes(config)]


def _placed(file: str, path: str, message: str, remedy: str) -> Problem:
    return Problem(f"{file}: {path}" if path else file, message, remedy)


def _misfits(value: Any, shape: Any, path: str) -> Iterator[tuple[str, str, str]]:
    """The path, message and remedy of every value that does not fit the shape."""
    kind: type = shape if isinstance(shape, type) else type(shape)
    fits = isinstance(value, kind)
    if not fits:
        yield path, f"is {str(value)[:99]}.", f"Make it {WORDS[kind]}."
    elif isinstance(shape, list):
        for index, part in enumerate(value):
            yield from _misfits(part, shape[0], f"{path}[{index}]")
    elif isinstance(shape, dict):
        for name, part in value.items():
            inner = f"{path}.{name}".lstrip(".")
            if name in shape or ... in shape:
                yield from _misfits(part, shape.get(name, object), inner)
            else:
                yield inner, "is unknown.", f"Use one of: {', '.join(shape)}."


def _unusable(content: Content) -> Iterator[tuple[str, str, str]]:
    """The path, message and remedy of every name or section that is missing or duplicate."""
    if not _service(content.get("datasetGroup")).get("name"):
        yield "datasetGroup.serviceConfig.name", "is missing.", "Name the dataset group."
    datasets = content.get("datasets", {})
    if datasets and "interactions" not in datasets:
        yield "datasets.interactions", "is missing.", "Declare the interactions dataset and its schema."
    for dataset in (name for name in DATASETS if name in datasets):
        if "schema" not in _service(datasets[dataset].get("schema")):
            yield f"datasets.{dataset}.schema.serviceConfig.schema", "is missing.", "Write the Avro schema there."
    for section in ("filters", "recommenders", "solutions"):
        yield from _names(section, content.get(section, []))
    campaigns = [one for solution in content.get("solutions", []) for one in solution.get("campaigns", [])]
    yield from _names("campaigns", campaigns)


def _names(section: str, blocks: list[Content]) -> Iterator[tuple[str, str, str]]:
    for name, times in Counter(str(_service(block).get("name", "")) for block in blocks).items():
        if not name:
            yield section, "has an entry without serviceConfig.name.", "Name it."
        elif times > 1:
            yield section, f"names {name} twice.", "Rename one of them."


def _document(content: Content, group: str) -> dict[str, Any]:
    datasets = content.get("datasets", {})
    schemas = {name: _service(datasets[name]["schema"]) for name in DATASETS if name in datasets}
    filters, recommenders = (_by_key(content, section) for section in ("filters", "recommenders"))
    solutions = _by_key(content, "solutions")
    campaigns = {key: one["campaigns"][0] for key, one in solutions.items() if one.get("campaigns")}
    sections: dict[str, Any] = {
        "group": _without(_service(content["datasetGroup"]), "name"),
        "tags": content.get("tags"),
        "schemas": {name: schema["schema"] for name, schema in schemas.items()},
        "filters": {key: _without(_service(one), "name") for key, one in filters.items()},
        "recommenders": {key: _with_recipe(_service(one)) for key, one in recommenders.items()},
        **{section: _jobs(solutions, member, group) for member, section in SECTIONS.items()},
        "schedules": _schedules(content["datasetGroup"], {"import": "import"}),
    }
    named: dict[str, Mapping[str, Any]] = {
        "schema": {name: {"serviceConfig": one} for name, one in schemas.items()},
        "filter": filters,
        "recommender": recommenders,
        "solution": solutions,
        "campaign": campaigns,
        "dataset_group": {group: content["datasetGroup"]},
    }
    return {name: content for name, content in sections.items() if content} | {
        "solutions": {key: _solution(one) for key, one in solutions.items()},
        "exports": False,
        "adopt": {
            f"{kind}/{key}": _service(one)["name"]
            for kind, blocks in named.items()
            for key, one in blocks.items()
            if "name" in _service(one)
        },
    }


def _by_key(content: Content, section: str) -> dict[str, Content]:
    return {short_name(_service(block)["name"]): block for block in content.get(section, [])}


def _solution(solution: Content) -> dict[str, Any]:
    """A solution's block. It has a campaign if the Solution had one; Personalize no longer picks recipes."""
    service = _service(solution)
    block = _with_recipe(_without(service, "solutionVersion", "performAutoML"))
    mode = service.get("solutionVersion", {}).get("trainingMode")
    schedules = _schedules(solution, {"full": "FULL", "update": "UPDATE"})
    campaigns = solution.get("campaigns", [])
    return {
        **block,
        **({"trainingMode": mode} if mode else {}),
        **({"schedules": schedules} if schedules else {}),
        "campaign": _without(_service(campaigns[0]), "name") if campaigns else False,
    }


def _jobs(solutions: Mapping[str, Content], member: str, group: str) -> dict[str, Any]:
    """Jobs, which have no names in the Solution: each gets its solution's name, and a number if the solution has
    several.

    Their input stays in place. A job without input is skipped, as in the Solution.
    """
    return {
        short_name(key if number == 1 else f"{key}-{number}"): {
            **_job(job, key),
            "input": f"{SOLUTION_JOBS_FOLDER}/{group}/{_service(solution)['name']}/job_config.json",
            "optional": True,
        }
        for key, solution in solutions.items()
        for number, job in enumerate(solution.get(member, []), 1)
    }


def _job(job: Content, solution: str) -> dict[str, Any]:
    service, schedule = _service(job), job.get("workflowConfig", {}).get("schedule", NO_SCHEDULE)
    named = {"filter": short_name(service["filterArn"].rpartition("/")[2])} if "filterArn" in service else {}
    timed = {} if schedule == NO_SCHEDULE else {"schedule": schedule}
    return {"solution": solution, **_without(service, "filterArn"), **named, **timed}


def _notes(content: Content) -> Iterator[tuple[str, str, str]]:
    for path, value in _nested_values(content, ""):
        for pattern, message, remedy in NOTES:
            if re.fullmatch(pattern, f"{path}={value}", re.DOTALL):
                yield path, message, remedy


def _nested_values(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """All nested values with their paths, except the fields of schemas."""
    parts: Mapping[str, Any] = {}
    if isinstance(value, dict) and not path.endswith(".schema.serviceConfig"):
        parts = {f".{name}": part for name, part in value.items()}
    if isinstance(value, list):
        parts = {f"[{index}]": part for index, part in enumerate(value)}
    for name, part in parts.items():
        inner = f"{path}{name}".lstrip(".")
        yield inner, part
        yield from _nested_values(part, inner)


def _service(block: Content | None) -> Content:
    service: Content = (block or {}).get("serviceConfig", {})
    return service


def _schedules(block: Content, names: Mapping[str, str]) -> dict[str, str]:
    schedules = block.get("workflowConfig", {}).get("schedules", {})
    return {names[name]: schedule for name, schedule in schedules.items() if schedule != NO_SCHEDULE}


def _with_recipe(service: Content) -> dict[str, Any]:
    return {"recipe": service.get("recipeArn", ""), **_without(service, "name", "recipeArn")}


def _without(block: Content, *names: str) -> dict[str, Any]:
    return {name: value for name, value in block.items() if name not in names}
