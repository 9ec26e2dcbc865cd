"""The AWS Solution's `config.json`, as the content of an `usher.yaml`. Pure.

"Maintaining Personalized Experiences with Machine Learning" keeps a file per dataset group, `train/<name>/config.json`,
beside its CSVs. What that wants is wanted here, and what the Solution has made of it in Personalize is adopted. Shape:
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
"""What may be where: an object with these members (`...`: and others, which are Personalize's), a list, or a type."""
WORDS: dict[type, str] = {dict: "an object", list: "a list", str: "a text"}

NO_SCHEDULE = "delete"
SECTIONS = {"batchInferenceJobs": "batch", "batchSegmentJobs": "segments"}

LEFT_BEHIND: tuple[tuple[str, str, str], ...] = (
    (
        r"datasets\.serviceConfig\.importMode=(?!FULL).*",
        "was FULL all the same in the Solution, and is here.",
        "Put what is to be added into <group>/<dataset>/incremental/ instead.",
    ),
    (
        r"datasets\.serviceConfig\.publishAttributionMetricsToS3=.*",
        "is left out.",
        "Say metricAttribution in an usher.yaml instead.",
    ),
    (
        r".*\.maxAge=.*",
        "is left out: what has changed is imported and trained on, however young the last is; what has not, is not.",
        "To train less often, say retrain in an usher.yaml instead.",
    ),
    (r".*\.performAutoML=.*", "is left out, as in the Solution.", "Name a recipe."),
    (
        r"(datasets|eventTracker)\..*\.tags=.*|.*\.solutionVersion\.tags=.*",
        "is left out.",
        "Put them under tags at the top, which are for everything without tags of its own.",
    ),
    (
        r"solutions\[\d+]\.campaigns\[[1-9]\d*]=.*",
        "is left as it is: here, a solution has one campaign, the first.",
        "Delete it in Personalize if nothing asks it.",
    ),
)
"""What the translation does without: a pattern of `path=value`, what is said about it, and what to do."""

Content = Mapping[str, Any]


def translate(content: bytes, file: str, group: str) -> tuple[dict[str, Any], list[Problem]]:
    """The `usher.yaml` that says the same, and notes on what it does not carry over, each with what to do about it.

    Raises InputError with every problem of the file's own structure; what it holds for Personalize is not looked at.
    """
    given = documents.read(content, file)
    problems = list(_misfits(given, SHAPE, "")) or list(_unusable(given))
    if problems:
        raise InputError([_placed(file, *problem) for problem in problems])
    return _document(given, group), [_placed(file, *note) for note in _left_behind(given)]


def _placed(file: str, path: str, message: str, remedy: str) -> Problem:
    return Problem(f"{file}: {path}" if path else file, message, remedy)


def _misfits(value: Any, shape: Any, path: str) -> Iterator[tuple[str, str, str]]:
    """Path, message and remedy of everything that is not where the shape has it."""
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


def _unusable(given: Content) -> Iterator[tuple[str, str, str]]:
    """What fits the shape and still says too little, or something twice."""
    if not _service(given.get("datasetGroup")).get("name"):
        yield "datasetGroup.serviceConfig.name", "is missing.", "Name the dataset group."
    datasets = given.get("datasets", {})
    if datasets and "interactions" not in datasets:
        yield "datasets.interactions", "is missing.", "Declare the interactions dataset and its schema."
    for dataset in (name for name in DATASETS if name in datasets):
        if "schema" not in _service(datasets[dataset].get("schema")):
            yield f"datasets.{dataset}.schema.serviceConfig.schema", "is missing.", "Write the Avro schema there."
    for section in ("filters", "recommenders", "solutions"):
        yield from _names(section, given.get(section, []))
    campaigns = [one for solution in given.get("solutions", []) for one in solution.get("campaigns", [])]
    yield from _names("campaigns", campaigns)


def _names(section: str, blocks: list[Content]) -> Iterator[tuple[str, str, str]]:
    for name, times in Counter(str(_service(block).get("name", "")) for block in blocks).items():
        if not name:
            yield section, "has an entry without serviceConfig.name.", "Name it."
        elif times > 1:
            yield section, f"names {name} twice.", "Rename one of them."


def _document(given: Content, group: str) -> dict[str, Any]:
    datasets = given.get("datasets", {})
    schemas = {name: _service(datasets[name]["schema"]) for name in DATASETS if name in datasets}
    filters, recommenders = (_by_key(given, section) for section in ("filters", "recommenders"))
    solutions = _by_key(given, "solutions")
    campaigns = {key: one["campaigns"][0] for key, one in solutions.items() if one.get("campaigns")}
    sections: dict[str, Any] = {
        "group": _without(_service(given["datasetGroup"]), "name"),
        "tags": given.get("tags"),
        "schemas": {name: schema["schema"] for name, schema in schemas.items()},
        "filters": {key: _without(_service(one), "name") for key, one in filters.items()},
        "recommenders": {key: _with_recipe(_service(one)) for key, one in recommenders.items()},
        **{section: _jobs(solutions, member, group) for member, section in SECTIONS.items()},
        "schedules": _schedules(given["datasetGroup"], {"import": "import"}),
    }
    named: dict[str, Mapping[str, Any]] = {
        "schema": {name: {"serviceConfig": one} for name, one in schemas.items()},
        "filter": filters,
        "recommender": recommenders,
        "solution": solutions,
        "campaign": campaigns,
        "dataset_group": {group: given["datasetGroup"]},
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


def _by_key(given: Content, section: str) -> dict[str, Content]:
    return {short_name(_service(block)["name"]): block for block in given.get(section, [])}


def _solution(solution: Content) -> dict[str, Any]:
    """A solution's block. Without campaigns there, there is none here; and Personalize no longer picks recipes."""
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
    """Jobs have no names in the Solution; here, they have their solution's, and a number if they are several.

    Their input stays where it is, and where there is none, nothing is done, as there.
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


def _left_behind(given: Content) -> Iterator[tuple[str, str, str]]:
    for path, value in _walk(given, ""):
        for pattern, message, remedy in LEFT_BEHIND:
            if re.fullmatch(pattern, f"{path}={value}", re.DOTALL):
                yield path, message, remedy


def _walk(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Everything inside of a value, with its path; schemas are left closed."""
    parts: Mapping[str, Any] = {}
    if isinstance(value, dict) and not path.endswith(".schema.serviceConfig"):
        parts = {f".{name}": part for name, part in value.items()}
    if isinstance(value, list):
        parts = {f"[{index}]": part for index, part in enumerate(value)}
    for name, part in parts.items():
        inner = f"{path}{name}".lstrip(".")
        yield inner, part
        yield from _walk(part, inner)


def _service(block: Content | None) -> Content:
    service: Content = (block or {}).get("serviceConfig", {})
    return service


def _schedules(block: Content, names: Mapping[str, str]) -> dict[str, str]:
    given = block.get("workflowConfig", {}).get("schedules", {})
    return {names[name]: schedule for name, schedule in given.items() if schedule != NO_SCHEDULE}


def _with_recipe(service: Content) -> dict[str, Any]:
    return {"recipe": service.get("recipeArn", ""), **_without(service, "name", "recipeArn")}


def _without(block: Content, *names: str) -> dict[str, Any]:
    return {name: value for name, value in block.items() if name not in names}
