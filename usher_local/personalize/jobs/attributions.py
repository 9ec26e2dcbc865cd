"""Metric attributions: sums and counts over events to report, and their destination."""

import re

from usher_local.personalize.core import request_checks, schemas
from usher_local.personalize.core.access import ATTRIBUTE, may_report
from usher_local.personalize.core.errors import InvalidInputError, ResourceAlreadyExistsError
from usher_local.personalize.core.resources import Backend, Resource, Values
from usher_local.personalize.core.storage import Location

MAX_METRICS = 10
EXPRESSION = re.compile(r"SAMPLECOUNT\(\)|SUM\((?P<dataset>Interactions|Items)\.(?P<field>\w+)\)", re.IGNORECASE)


def check(backend: Backend, values: Values) -> None:
    """Check the role, that names are unique, and that expressions are sums of numeric fields or counts."""
    request_checks.role(backend, values["metricsOutputConfig"]["roleArn"])
    _check_metrics(backend, values["datasetGroupArn"], values["metrics"])


def check_update(backend: Backend, resource: Resource, values: Values) -> None:
    """Remove metrics by name, then add the new ones; the others remain."""
    if "metricsOutputConfig" in values:
        request_checks.role(backend, values["metricsOutputConfig"]["roleArn"])
    held = {metric["metricName"]: metric for metric in resource.values["metrics"]}
    for name in values.pop("removeMetrics", []):
        if name not in held:
            raise InvalidInputError(f"There is no metric {name}")
        del held[name]
    metrics = [*held.values(), *values.pop("addMetrics", [])]
    _check_metrics(backend, resource.values["datasetGroupArn"], metrics)
    values["metrics"] = metrics


def run(backend: Backend, resource: Resource) -> None:
    """The work: check that the role may write reports and put metrics."""
    config = resource.values["metricsOutputConfig"]
    may_report(backend.account_id, backend.partition, config["roleArn"])
    if "s3DataDestination" in config:
        Location.of(backend, config["roleArn"], config["s3DataDestination"]["path"]).check(ATTRIBUTE)


def _check_metrics(backend: Backend, group: str, metrics: list[Values]) -> None:
    names = [metric["metricName"] for metric in metrics]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ResourceAlreadyExistsError(f"There is already a metric {twice}.")
    if not 0 < len(metrics) <= MAX_METRICS:
        raise InvalidInputError(f"A metric attribution must have 1 to {MAX_METRICS} metrics, not {len(metrics)}")
    known = request_checks.schemas_of(backend, group)
    for metric in metrics:
        _check_expression(metric["expression"], known)


def _check_expression(text: str, known: dict[str, schemas.Schema]) -> None:
    found = EXPRESSION.fullmatch(text.replace(" ", ""))
    if found is None:
        raise InvalidInputError(f"Invalid expression {text}: expected SUM(Interactions|Items.FIELD) or SAMPLECOUNT()")
    if found["field"]:
        schema = known.get(found["dataset"].upper())
        field = schema and schema.field(found["field"])
        if not field or not field.numeric:
            raise InvalidInputError(f"Invalid expression {text}: there is no such numeric field")
