"""Batch jobs: a line of output for each line of input, in JSON Lines."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Never, TypeVar

from usher_local.personalize.core.errors import InvalidInputError, JobFailedError
from usher_local.personalize.core.recipes import RANKING
from usher_local.personalize.core.resources import Resource
from usher_local.personalize.core.storage import Location
from usher_local.personalize.data.datasets import GroupData
from usher_local.personalize.filters.checks import parse_attributes, parse_filter
from usher_local.personalize.filters.evaluation import matching
from usher_local.personalize.modelling import item_lists, user_segments
from usher_local.personalize.modelling.model import Model, Question
from usher_local.personalize.modelling.model_store import ModelBackend
from usher_local.personalize.modelling.queries import Entry, Filter, Request, Settings

MAX_FILES = 1000
SEGMENT_LINES = {"aws-item-affinity": 500, "aws-item-attribute-affinity": 10}
Line = dict[str, Any]
S = TypeVar("S")
T = TypeVar("T")
Ask = Callable[[Model, GroupData, Line, Request], Question]
Shown = Callable[[Model, Sequence[Entry]], Line]
"""Makes the `output` of a line."""
LINES = 256
"""The lines of a block: enough for fast models, and few enough that the block's scores take tens of megabytes."""


@dataclass(frozen=True, slots=True)
class Problem:
    """The error of a line without an answer."""

    text: str


def run(backend: ModelBackend, job: Resource) -> None:
    """The work of a batch inference job. A line that fails gets its error as output, and the job goes on."""
    _run(backend, job, _recommended, _listed)


def run_segments(backend: ModelBackend, job: Resource) -> None:
    """The work of a batch segment job; lines that fail get their errors as output."""
    _run(backend, job, _segment, lambda _, entries: {"usersList": [entry.id for entry in entries]})


def _run(backend: ModelBackend, job: Resource, ask: Ask, shown: Shown) -> None:
    version = backend.get("SolutionVersion", job.values["solutionVersionArn"])
    model, data = backend.models.of(backend, version), backend.data(version)
    role = job.values["roleArn"]
    source = Location.of(backend, role, job.values["jobInput"]["s3DataSource"]["path"])
    target = Location.of(backend, role, job.values["jobOutput"]["s3DataDestination"]["path"])
    expression = None
    if "filterArn" in job.values:
        expression = parse_filter(backend.get("Filter", job.values["filterArn"]).values["filterExpression"])
    settings = Settings.of(job.values.get("batchInferenceJobConfig", {}))

    def request(line: Line) -> Request:
        _check_line(line)
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
        answers = _answers(some, model, lambda line: ask(model, data, line, request(line)), shown)
        target.write(f"{key.rsplit('/', 1)[-1]}.out", "".join(answers).encode())
    target.write("_CHECK", b"")


def _check_line(line: Any) -> None:
    """Raise InvalidInputError for a line whose members have other types than the service's guide says."""
    if not isinstance(line, dict):
        raise InvalidInputError("Invalid input line: expected a JSON object")
    for name in ("userId", "itemId", "itemAttributes"):
        if not isinstance(line.get(name, ""), str):
            raise InvalidInputError(f"{name} must be a string")
    values, items = line.get("filterValues", {}), line.get("itemList", [])
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise InvalidInputError("filterValues must be an object of strings")
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise InvalidInputError("itemList must be a list of strings")


def _text(content: bytes) -> str:
    return content.decode("utf-8-sig", "replace")


def _answers(lines: Sequence[str], model: Model, ask: Callable[[Line], Question], shown: Shown) -> Iterator[str]:
    for start in range(0, len(lines), LINES):
        block = lines[start : start + LINES]
        read = [_read(line) for line in block]
        prepared = [said if isinstance(said, Problem) else _attempt(ask, said) for said in read]
        questions = [question for question in prepared if isinstance(question, Question)]
        scores = iter(model.scores(questions) if questions else ())
        for line, said, question in zip(block, read, prepared, strict=True):
            answered = question if isinstance(question, Problem) else _attempt(question.answer, next(scores))
            output, problem = (None, answered.text) if isinstance(answered, Problem) else (shown(model, answered), None)
            answer = {"input": line if isinstance(said, Problem) else said, "output": output, "error": problem}
            yield json.dumps(answer, separators=(",", ":")) + "\n"


def _attempt(work: Callable[[S], T], given: S) -> T | Problem:
    try:
        return work(given)
    except InvalidInputError as error:
        return Problem(error.message)


def _read(line: str) -> Any:
    """The value of a line, or a Problem if it is not JSON."""
    try:
        return json.loads(line, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return Problem("Invalid input line: it is not JSON")


def _no_json(name: str) -> Never:
    raise ValueError(name)


def _recommended(model: Model, data: GroupData, line: Line, request: Request) -> Question:
    items = line.get("itemList")
    if model.recipe.type != RANKING:
        return item_lists.recommend(model, data, request)
    if not request.user or not items:
        raise InvalidInputError("userId and itemList are required")
    return item_lists.rank(model, data, request, items)


def _listed(model: Model, entries: Sequence[Entry]) -> Line:
    output: Line = {"recommendedItems": [entry.id for entry in entries]}
    if model.recipe.scored:
        output["scores"] = [entry.score for entry in entries]
    if any(entry.reason for entry in entries):
        output["reasons"] = [[entry.reason] if entry.reason else [] for entry in entries]
    return output


def _segment(model: Model, data: GroupData, line: Line, request: Request) -> Question:
    if "attribute" in model.recipe.name:
        if "itemAttributes" not in line:
            raise InvalidInputError("itemAttributes is required")
        items = matching(data.items.table, parse_attributes(line["itemAttributes"]))
    else:
        if not request.item:
            raise InvalidInputError("itemId is required")
        items = [request.item]
    return user_segments.segment(model, data, items, request.results, request.filter)
