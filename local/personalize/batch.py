"""Batch jobs: JSON Lines in, one answer per line out."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from local.personalize import attributes
from local.personalize.exceptions import InvalidInputError, JobFailedError
from local.personalize.filters import parse
from local.personalize.recipes import RANKING
from local.personalize.requests import Entry, Filter, Request, Settings
from local.personalize.storage import Location

if TYPE_CHECKING:
    from local.personalize.datasets import GroupData
    from local.personalize.models import PersonalizeBackend
    from local.personalize.resources import Resource
    from local.personalize.serving import Model

MAX_FILES = 1000
SEGMENT_LINES = {"aws-item-affinity": 500, "aws-item-attribute-affinity": 10}
Line = dict[str, Any]
Ask = Callable[["Model", "GroupData", Line, Request], Line]
"""Answers one line: what becomes its `output`."""


def run(backend: "PersonalizeBackend", job: "Resource") -> None:
    """The work of a batch inference job. A line that cannot be answered carries its error and stops nothing."""
    _run(backend, job, _recommended)


def run_segments(backend: "PersonalizeBackend", job: "Resource") -> None:
    """The work of a batch segment job, likewise."""
    _run(backend, job, _segment)


def _run(backend: "PersonalizeBackend", job: "Resource", ask: Ask) -> None:
    version = backend.get("SolutionVersion", job.values["solutionVersionArn"])
    model, data = backend.models.of(backend, version), backend.data(version)
    role = backend.account_id, backend.partition, job.values["roleArn"]
    source = Location(*role, job.values["jobInput"]["s3DataSource"]["path"])
    target = Location(*role, job.values["jobOutput"]["s3DataDestination"]["path"])
    expression = None
    if "filterArn" in job.values:
        expression = parse(backend.get("Filter", job.values["filterArn"]).values["filterExpression"])
    settings = Settings.of(job.values.get("batchInferenceJobConfig", {}))

    def request(line: Line) -> Request:
        for name in ("userId", "itemId", "itemAttributes"):
            if not isinstance(line.get(name, ""), str):
                raise InvalidInputError(f"{name} must be a string")
        filtered = Filter(expression, line.get("filterValues", {})) if expression else None
        return Request(line.get("userId"), line.get("itemId"), job.values["numResults"], filtered, None, settings)

    files = source.read()
    if len(files) > MAX_FILES:
        raise JobFailedError(f"The input has more than {MAX_FILES} files.")
    lines = {key: [line for line in _text(content).splitlines() if line.strip()] for key, content in files.items()}
    most = SEGMENT_LINES.get(model.recipe.name)
    if most and sum(map(len, lines.values())) > most:
        raise JobFailedError(f"The input has more than {most} lines.")
    for key, some in lines.items():
        answers = _answers(some, lambda line: ask(model, data, line, request(line)))
        target.write(f"{key.rsplit('/', 1)[-1]}.out", "".join(answers).encode())
    target.write("_CHECK", b"")


def _text(content: bytes) -> str:
    return content.decode("utf-8-sig", "replace")


def _answers(lines: Sequence[str], ask: Callable[[Line], Line]) -> Iterator[str]:
    for line in lines:
        asked: Any = line
        output, problem = None, None
        try:
            asked = json.loads(line)
            output = ask(asked)
        except InvalidInputError as error:
            problem = error.message
        except (ValueError, TypeError, AttributeError) as error:
            problem = f"Invalid input line: {error}"
        yield json.dumps({"input": asked, "output": output, "error": problem}, separators=(",", ":")) + "\n"


def _recommended(model: "Model", data: "GroupData", line: Line, request: Request) -> Line:
    items = line.get("itemList")
    if model.recipe.type != RANKING:
        return _listed(model, model.recommend(data, request))
    if not request.user or not isinstance(items, list):
        raise InvalidInputError("userId and itemList are required")
    return _listed(model, model.rank(data, request, items))


def _listed(model: "Model", entries: Sequence[Entry]) -> Line:
    output: Line = {"recommendedItems": [entry.id for entry in entries]}
    if model.recipe.scored:
        output["scores"] = [entry.score for entry in entries]
    if any(entry.reason for entry in entries):
        output["reasons"] = [[entry.reason] if entry.reason else [] for entry in entries]
    return output


def _segment(model: "Model", data: "GroupData", line: Line, request: Request) -> Line:
    if "attribute" in model.recipe.name:
        if "itemAttributes" not in line:
            raise InvalidInputError("itemAttributes is required")
        items = attributes.matching(data.items.table, attributes.parse(line["itemAttributes"]))
    else:
        if not request.item:
            raise InvalidInputError("itemId is required")
        items = [request.item]
    return {"usersList": model.segment(data, items, request.results, request.filter)}
