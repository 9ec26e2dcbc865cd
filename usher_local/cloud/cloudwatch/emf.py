"""CloudWatch's embedded metric format: the metrics in a log event.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from moto.core.utils import get_service_model

METRICS = 100
"""The maximum of a directive's metrics, and of a metric's values."""
DIMENSIONS = 30
"""The maximum of a set's dimensions."""
TEXT = 1024
UNITS = frozenset(get_service_model("cloudwatch").shape_for("StandardUnit").enum)
OLDEST, NEWEST = timedelta(days=14), timedelta(hours=2)
"""The maximum distance of a data point's time before and after its arrival."""


class Measured(NamedTuple):
    """Values of one metric, under one set of dimensions."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    values: list[float]
    unit: str
    time: datetime


def measured(message: str, now: datetime) -> Iterator[Measured]:
    """The metrics in a log event; none for other events. Invalid parts are ignored, as on AWS."""
    if '"_aws"' not in message:
        return
    try:
        root = json.loads(message)
        time = datetime.fromtimestamp(root["_aws"]["Timestamp"] / 1000, UTC)
        directives = root["_aws"]["CloudWatchMetrics"]
    except (ValueError, TypeError, KeyError, OverflowError):
        return
    if not now - OLDEST <= time <= now + NEWEST or not isinstance(directives, list):
        return
    for directive in directives:
        if not isinstance(directive, Mapping) or not is_text(directive.get("Namespace")):
            continue
        metrics = [one for one in listed(directive.get("Metrics")) if isinstance(one, Mapping)]
        if len(metrics) > METRICS:
            continue
        sets = [
            found for names in listed(directive.get("Dimensions")) if (found := dimensions(names, root)) is not None
        ]
        for metric in metrics:
            name, unit = metric.get("Name"), metric.get("Unit", "None")
            values = numbers(root.get(name)) if is_text(name) else []
            if values and unit in UNITS:
                yield from (Measured(directive["Namespace"], str(name), one, values, unit, time) for one in sets)


def dimensions(names: Any, root: Mapping[str, Any]) -> dict[str, str] | None:
    """A set of dimensions with its values; None if it is invalid."""
    if not isinstance(names, list) or len(names) > DIMENSIONS:
        return None
    if not all(is_text(name) and is_text(root.get(name)) for name in names):
        return None
    return {name: root[name] for name in names}


def numbers(value: Any) -> list[float]:
    """The values of a metric: a number, or a list of at most 100; empty for other types."""
    values = value if isinstance(value, list) else [value]
    usable = all(isinstance(one, int | float) and not isinstance(one, bool) for one in values)
    return [float(one) for one in values] if usable and len(values) <= METRICS else []


def is_text(value: Any) -> bool:
    """Whether a value can be a name, or the value of a dimension."""
    return isinstance(value, str) and 0 < len(value) <= TEXT


def listed(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []
