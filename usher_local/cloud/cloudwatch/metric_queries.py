"""CloudWatch's queries: statistics of a metric, metric math and SEARCH.

Gaps upstream (moto 5.2.5): GetMetricData reads an expression only as the ID of another query, begins periods at
StartTime and forgets the namespace; GetMetricStatistics adds up metrics of other dimension sets; `are_dimensions_same`
never finds two sets of several dimensions to be equal, so that ListMetrics repeats them.
"""

import ast
import operator
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from types import MappingProxyType
from typing import Any, NamedTuple

from moto.cloudwatch import models
from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.models import CloudWatchBackend, MetricDatumBase, Statistics

from usher_local.cloud.core.patching import replaced
from usher_local.python_parser import PARSER

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - moto's times are in UTC, without a time zone
STATISTICS = ("Average", "Maximum", "Minimum", "SampleCount", "Sum")


class Metric(NamedTuple):
    """The identity of a metric."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]


Data = Mapping[Metric, Sequence[MetricDatumBase]]


@dataclass(frozen=True, slots=True)
class Series:
    """Values by the beginning of their period. `times` are all periods, with or without a value."""

    label: str
    times: tuple[datetime, ...]
    values: Mapping[datetime, float]


Value = float | Series | list[Series]


@contextmanager
def answered() -> Iterator[None]:
    """Make moto's CloudWatch answer queries as AWS does."""
    with ExitStack() as stack:
        for owner, name, value in (
            (CloudWatchBackend, "get_metric_data", get_metric_data),
            (CloudWatchBackend, "get_metric_statistics", get_metric_statistics),
            (models, "are_dimensions_same", lambda one, other: pairs(one) == pairs(other)),
        ):
            stack.enter_context(replaced(owner, name, value))
        yield


def get_metric_data(
    backend: CloudWatchBackend,
    queries: list[dict[str, Any]],
    start_time: datetime,
    end_time: datetime,
    scan_by: str = "TimestampDescending",
) -> list[dict[str, Any]]:
    """The results of GetMetricData. Replaces moto's method."""
    if start_time >= end_time:
        raise ValidationError("The parameter EndTime must be greater than StartTime.")
    found = evaluate(queries, by_metric(backend.get_all_metrics()), end_time, lambda period: floor(start_time, period))
    return [
        {
            "id": query["Id"],
            "label": series.label,
            "timestamps": times,
            "values": [series.values[time] for time in times],
            "status_code": "Complete",
        }
        for query in queries
        if query.get("ReturnData", True)
        for series in found[query["Id"]]
        for times in [sorted(series.values, reverse=scan_by == "TimestampDescending")]
    ]


def get_metric_statistics(
    backend: CloudWatchBackend,
    namespace: str,
    metric_name: str,
    start_time: datetime,
    end_time: datetime,
    period: int,
    stats: list[str],
    dimensions: list[dict[str, str]],
    unit: str | None = None,
) -> list[Statistics]:
    """The data points of GetMetricStatistics. Replaces moto's method."""
    metric = Metric(namespace, metric_name, frozenset((one["Name"], one["Value"]) for one in dimensions))
    data = [one for one in by_metric(backend.get_all_metrics()).get(metric, ()) if unit in (None, one.unit)]
    step = timedelta(seconds=period)
    found = []
    for time, some in in_periods(data, step, floor(start_time, step), end_time).items():
        point = Statistics(stats, time, some[0].unit)
        point.metric_data = some
        found.append(point)
    return found


def evaluate(
    queries: Iterable[Mapping[str, Any]],
    data: Data,
    end: datetime,
    start: Callable[[timedelta], datetime],
) -> dict[str, list[Series]]:
    """The series of each query, by its ID. `start` returns the beginning of the first period of a given length.

    ValidationError for an expression that CloudWatch, or this implementation, does not support.
    """
    found: dict[str, list[Series]] = {}
    metrics: list[str] = []
    expressions: dict[str, Mapping[str, Any]] = {}
    for query in queries:
        if "MetricStat" not in query:
            expressions[query["Id"]] = query
            continue
        stat = query["MetricStat"]
        wanted = frozenset((one["Name"], one["Value"]) for one in stat["Metric"].get("Dimensions", ()))
        metric = Metric(stat["Metric"]["Namespace"], stat["Metric"]["MetricName"], wanted)
        step = timedelta(seconds=int(stat["Period"]))
        label = query.get("Label") or metric.name
        found[query["Id"]] = [series(label, data.get(metric, ()), stat["Stat"], step, start(step), end)]
        metrics.append(query["Id"])

    def search(expression: str, statistic: str, seconds: float) -> list[Series]:
        step = timedelta(seconds=seconds)
        return [
            series(label_of(metric), data[metric], statistic, step, start(step), end)
            for metric in matching(expression, data)
        ]

    def named(name: str) -> Value:
        if name not in found and name in expressions:
            query = expressions.pop(name)
            lines = as_list(Expression(named, metrics, search).value(query["Expression"]))
            label = query.get("Label")
            found[name] = [replace(lines[0], label=label)] if label and len(lines) == 1 else lines
        if name not in found:
            raise ValidationError(f"The expression names {name}, but no query has this Id.")
        return found[name][0] if len(found[name]) == 1 else found[name]

    for name in list(expressions):
        named(name)
    return found


@dataclass(frozen=True, slots=True)
class Expression:
    """Evaluates metric math, whose supported part has Python's syntax.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
    """

    named: Callable[[str], Value]
    metrics: Sequence[str]
    search: Callable[[str, str, float], list[Series]]

    def value(self, text: str) -> Value:
        """The value of an expression."""
        try:
            with PARSER:
                tree = ast.parse(text.strip(), mode="eval")  # noqa: TID251
            return self._of(tree.body)
        except (SyntaxError, TypeError) as error:
            raise unknown(text) from error

    def _of(self, node: ast.expr) -> Value:
        match node:
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.Name(id=name):
                return self.named(name)
            case ast.List(elts=parts):
                return [line for part in parts for line in as_list(self._of(part))]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return combined(operator.sub, 0.0, self._of(operand))
            case ast.BinOp(left=left, op=sign, right=right) if type(sign) in OPERATORS:
                return combined(OPERATORS[type(sign)], self._of(left), self._of(right))
            case ast.Compare(left=left, ops=[sign], comparators=[right]) if type(sign) in OPERATORS:
                return combined(OPERATORS[type(sign)], self._of(left), self._of(right))
            case ast.Call(func=ast.Name(id="METRICS"), args=[] | [ast.Constant(value=str())] as part):
                text = "".join(str(one.value) for one in part if isinstance(one, ast.Constant))
                return [line for name in self.metrics if text in name for line in as_list(self.named(name))]
            case ast.Call(
                func=ast.Name(id="SEARCH"),
                args=[ast.Constant(value=str(text)), ast.Constant(value=str(stat)), ast.Constant(value=int(period))],
            ):
                return self.search(text, stat, period)
            case ast.Call(func=ast.Name(id=name), args=arguments) if name in FUNCTIONS:
                return FUNCTIONS[name](*map(self._of, arguments))
        raise unknown(ast.unparse(node))


def combined(function: Callable[[float, float], float], one: Value, other: Value) -> Value:
    """Two values combined in each period in which both have one; a quotient by 0 has no value."""
    if isinstance(one, list):
        return [line for part in one for line in as_list(combined(function, part, other))]
    if isinstance(other, list):
        return [line for part in other for line in as_list(combined(function, one, part))]
    if isinstance(one, float) and isinstance(other, float):
        return float(function(one, other))
    base = next(side for side in (one, other) if isinstance(side, Series))
    values = {}
    for time in base.times:
        left, right = (side if isinstance(side, float) else side.values.get(time) for side in (one, other))
        if left is None or right is None or (function is operator.truediv and not right):
            continue
        values[time] = float(function(left, right))
    return replace(base, values=values)


def fill(value: Value, filler: Value) -> Value:
    """FILL with a number, which replaces missing values."""
    if not isinstance(filler, float):
        raise unknown("FILL with anything but a number")
    filled = [replace(one, values={time: one.values.get(time, filler) for time in one.times}) for one in as_list(value)]
    return filled if isinstance(value, list) else filled[0]


def aggregate(function: Callable[[Sequence[float]], float]) -> Callable[[Value], Value]:
    """A function that aggregates several series period by period, or all values of a single series to a number."""

    def aggregated(value: Value) -> Value:
        if isinstance(value, Series):
            return float(function(list(value.values.values()) or [0.0]))
        lines = as_list(value)
        if not lines:
            return []
        by_time = {time: [one.values[time] for one in lines if time in one.values] for time in lines[0].times}
        return replace(lines[0], values={time: float(function(some)) for time, some in by_time.items() if some})

    return aggregated


OPERATORS: Mapping[type[ast.AST], Callable[[float, float], float]] = MappingProxyType(
    {
        ast.Add: operator.add,
        ast.Sub: operator.sub,
        ast.Mult: operator.mul,
        ast.Div: operator.truediv,
        ast.Gt: operator.gt,
        ast.GtE: operator.ge,
        ast.Lt: operator.lt,
        ast.LtE: operator.le,
        ast.Eq: operator.eq,
        ast.NotEq: operator.ne,
    }
)
FUNCTIONS: Mapping[str, Callable[..., Value]] = MappingProxyType(
    {
        "FILL": fill,
        "SUM": aggregate(sum),
        "MAX": aggregate(max),
        "MIN": aggregate(min),
        "AVG": aggregate(lambda some: sum(some) / len(some)),
    }
)


def unknown(what: str) -> ValidationError:
    """The error for an unsupported expression."""
    known = ", ".join(["METRICS", "SEARCH", *FUNCTIONS])
    return ValidationError(f"The local cloud can't evaluate {what}; it supports + - * /, comparisons, {known}.")


def as_list(value: Value) -> list[Series]:
    """A value's series. ValidationError for a number, which neither a graph nor an alarm can show."""
    if isinstance(value, float):
        raise ValidationError("The expression is a number; it must be a time series.")
    return value if isinstance(value, list) else [value]


TERM = re.compile(r'\s*(?:AND\s+)?(?P<key>[\w/.-]+|"[^"]+")\s*=\s*(?P<value>"[^"]*"|\((?:[^()"]|"[^"]*")*\))')


def matching(expression: str, data: Data) -> list[Metric]:
    """The metrics that a SEARCH finds, by a schema, `{Namespace,Dimension,...}`, and terms.

    A term is `Key="a"` or `Key=("a" OR "b")`; all must match.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
    """
    shape = re.match(r"\s*\{([^}]*)\}", expression)
    if shape is None:
        raise unknown(f"SEARCH without a schema: {expression}")
    namespace, *names = (part.strip().strip('"') for part in shape[1].split(","))
    terms: list[tuple[str, list[str]]] = []
    rest = expression[shape.end() :]
    while rest.strip():
        term = TERM.match(rest)
        if term is None:
            raise unknown(f"SEARCH with {rest.strip()}")
        terms.append((term["key"].strip('"'), re.findall(r'"([^"]*)"', term["value"])))
        rest = rest[term.end() :]
    found = []
    for metric in data:
        members = {"Namespace": metric.namespace, "MetricName": metric.name, **dict(metric.dimensions)}
        same = metric.namespace == namespace and {name for name, _ in metric.dimensions} == set(names)
        if same and all(members.get(key) in values for key, values in terms):
            found.append(metric)
    return sorted(found, key=label_of)


def label_of(metric: Metric) -> str:
    """The label of a metric that a SEARCH found."""
    return " ".join([*(value for _, value in sorted(metric.dimensions)), metric.name])


def by_metric(data: Iterable[MetricDatumBase]) -> Data:
    """The data points of each metric."""
    return Grouped(list(data)).by_metric()


@dataclass
class Grouped:
    """The data points of a growing list, by metric."""

    data: list[MetricDatumBase]
    _found: dict[Metric, list[MetricDatumBase]] = field(default_factory=dict)
    _count: int = 0

    def by_metric(self) -> Data:
        """All points by metric. Reads only those added since the last call."""
        count = len(self.data)
        for one in islice(self.data, self._count, count):
            self._found.setdefault(Metric(one.namespace, one.name, pairs(one.dimensions)), []).append(one)
        self._count = count
        return self._found


def pairs(dimensions: Iterable[Any]) -> frozenset[tuple[str, str]]:
    """The names and values of moto's dimensions, as a set."""
    return frozenset((one.name, one.value) for one in dimensions)


def series(
    label: str, data: Iterable[MetricDatumBase], stat: str, period: timedelta, start: datetime, end: datetime
) -> Series:
    """One statistic of a metric's data points."""
    if stat not in STATISTICS:
        raise ValidationError(f"The local cloud has no statistic {stat}; it has {', '.join(STATISTICS)}.")
    times = tuple(start + number * period for number in range(-((start - end) // period)))
    values = {}
    for time, some in in_periods(data, period, start, end).items():
        point = Statistics([stat], time)
        point.metric_data = some
        values[time] = float(point.get_statistics_for_type(stat) or 0)
    return Series(label, times, values)


def in_periods(
    data: Iterable[MetricDatumBase], period: timedelta, start: datetime, end: datetime
) -> dict[datetime, list[MetricDatumBase]]:
    """The data points in [start, end) by the beginning of their period, in order."""
    found: defaultdict[datetime, list[MetricDatumBase]] = defaultdict(list)
    for one in data:
        if start <= one.timestamp < end:
            found[start + (one.timestamp - start) // period * period].append(one)
    return dict(sorted(found.items()))


def floor(time: datetime, period: timedelta) -> datetime:
    """The beginning of the period that contains a time."""
    return EPOCH + (time - EPOCH) // period * period
