"""Batch inference: JSON Lines in, one answer per line out."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from local.personalize.datasets import GroupData
from local.personalize.exceptions import InvalidInputError, JobFailedError
from local.personalize.filters import Expression, parse
from local.personalize.recipes import BY_ARN, RANKING
from local.personalize.serving import Answer, Filter, Model
from local.personalize.storage import Location

if TYPE_CHECKING:
    from local.personalize.models import PersonalizeBackend
    from local.personalize.resources import Resource

MAX_FILES = 1000


def run(backend: "PersonalizeBackend", job: "Resource") -> None:
    """The work of a batch inference job. A line that cannot be answered carries its error and stops nothing."""
    version = backend.get("SolutionVersion", job.values["solutionVersionArn"])
    model = backend.models.of(version, BY_ARN[version.values["recipeArn"]])
    expression = None
    if "filterArn" in job.values:
        expression = parse(backend.get("Filter", job.values["filterArn"]).values["filterExpression"])
    role = backend.account_id, backend.partition, job.values["roleArn"]
    source = Location(*role, job.values["jobInput"]["s3DataSource"]["path"])
    target = Location(*role, job.values["jobOutput"]["s3DataDestination"]["path"])
    files = source.read()
    if len(files) > MAX_FILES:
        raise JobFailedError(f"The input has more than {MAX_FILES} files.")
    for key, content in files.items():
        lines = _answers(model, backend.data(version), content, job.values["numResults"], expression)
        target.write(f"{key.rsplit('/', 1)[-1]}.out", "".join(lines).encode())
    target.write("_CHECK", b"")


def _answers(
    model: Model, data: GroupData, content: bytes, results: int, expression: Expression | None
) -> Iterator[str]:
    for line in content.decode("utf-8-sig", "replace").splitlines():
        if line.strip():
            yield json.dumps(_answered(model, data, line, results, expression), separators=(",", ":")) + "\n"


def _answered(model: Model, data: GroupData, line: str, results: int, expression: Expression | None) -> dict[str, Any]:
    asked: Any = line
    try:
        asked = json.loads(line)
        answer = _ask(model, data, asked, results, expression)
    except InvalidInputError as error:
        return {"input": asked, "output": None, "error": error.message}
    except (ValueError, TypeError, AttributeError) as error:
        return {"input": asked, "output": None, "error": f"Invalid input line: {error}"}
    scores = {} if answer.scores is None else {"scores": answer.scores}
    return {"input": asked, "output": {"recommendedItems": answer.items, **scores}, "error": None}


def _ask(model: Model, data: GroupData, asked: dict[str, Any], results: int, expression: Expression | None) -> Answer:
    filtered = Filter(expression, asked.get("filterValues", {})) if expression else None
    user, item, items = (asked.get(name) for name in ("userId", "itemId", "itemList"))
    for name in ("userId", "itemId"):
        if not isinstance(asked.get(name, ""), str):
            raise InvalidInputError(f"{name} must be a string")
    if model.recipe.type == RANKING:
        if not user or not isinstance(items, list):
            raise InvalidInputError("userId and itemList are required")
        return model.rank(data, user, items, filtered)
    return model.recommend(data, user, item, results, filtered)
