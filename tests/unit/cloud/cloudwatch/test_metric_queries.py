from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from usher_local.cloud.cloudwatch.metric_queries import answered

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def cloudwatch() -> Iterator[Any]:
    with mock_aws(), answered():
        yield boto3.client("cloudwatch", region_name="us-east-1")


def put(cloudwatch: Any, name: str, *values: float | None, namespace: str = "N", **dimensions: str) -> None:
    """One value for each minute from START on."""
    named = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    for minute, value in enumerate(values):
        if value is not None:
            datum = {"MetricName": name, "Value": value, "Dimensions": named}
            time = START + timedelta(minutes=minute, seconds=20)
            cloudwatch.put_metric_data(Namespace=namespace, MetricData=[datum | {"Timestamp": time}])


def stat(name: str, identity: str, stat: str = "Sum", namespace: str = "N", period: int = 60, **dimensions: str) -> Any:
    named = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    metric = {"Namespace": namespace, "MetricName": name, "Dimensions": named}
    return {"Id": identity, "ReturnData": False, "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}}


def evaluated(cloudwatch: Any, expression: str, *queries: Any) -> dict[str, list[float]]:
    """Values by label, oldest first, of three minutes."""
    all_queries = [*queries, {"Id": "e", "Expression": expression}]
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=all_queries,
        StartTime=START,
        EndTime=START + timedelta(minutes=3),
        ScanBy="TimestampAscending",
    )
    return {one["Label"]: one["Values"] for one in answer["MetricDataResults"]}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("failed", [1, 2]),
        ("failed + late", [6]),
        ("FILL(failed, 0) + FILL(late, 0)", [1, 6, 5]),
        ("FILL(failed, 0) + FILL(never, 0)", [1, 2, 0]),
        ("SUM([failed, late])", [1, 6, 5]),
        ("SUM(METRICS())", [1, 6, 5]),
        ('SUM(METRICS("ate"))', [4, 5]),
        ('SUM(FILL(METRICS("e"), 0))', [1, 6, 5]),
        ("MAX([failed, late])", [1, 4, 5]),
        ("100 * failed / (failed + late)", [100 / 3]),
        ("failed / zero", []),
        ("FILL(failed, 0) > 1", [0, 1, 0]),
        ("-failed", [-1, -2]),
    ],
)
def test_metric_math_has_a_value_where_all_its_metrics_have_one(
    cloudwatch: Any, expression: str, expected: list[float]
) -> None:
    put(cloudwatch, "Failed", 1, 2)
    put(cloudwatch, "Late", None, 4, 5)
    put(cloudwatch, "Zero", 0, 0)
    queries = [stat("Failed", "failed"), stat("Late", "late"), stat("Zero", "zero"), stat("Never", "never")]
    (values,) = evaluated(cloudwatch, expression, *queries).values()
    assert values == pytest.approx(expected)


@pytest.mark.parametrize(
    "expression",
    ["RATE(failed)", "failed ^ 2", "failed +", "other", "FILL(failed, REPEAT)", "1 + 1", "__import__('os')"],
)
def test_an_expression_that_is_not_known_is_refused(cloudwatch: Any, expression: str) -> None:
    with pytest.raises(ClientError, match=r"can't evaluate|no query has|is a number"):
        evaluated(cloudwatch, expression, stat("Failed", "failed"))


def test_a_metric_of_other_dimensions_or_another_namespace_is_another_metric(cloudwatch: Any) -> None:
    put(cloudwatch, "Rows", 1, a="1", b="2")
    put(cloudwatch, "Rows", 10, a="1")
    put(cloudwatch, "Rows", 100, namespace="Other", a="1", b="2")
    assert evaluated(cloudwatch, "m", stat("Rows", "m", a="1", b="2")) == {"Rows": [1]}
    statistics = cloudwatch.get_metric_statistics(
        Namespace="N",
        MetricName="Rows",
        Dimensions=[{"Name": "a", "Value": "1"}],
        StartTime=START,
        EndTime=START + timedelta(hours=1),
        Period=300,
        Statistics=["Sum"],
    )
    assert [one["Sum"] for one in statistics["Datapoints"]] == [10]


def test_a_metric_with_several_dimensions_is_listed_once(cloudwatch: Any) -> None:
    put(cloudwatch, "Rows", 1, 2, a="1", b="2")
    assert len(cloudwatch.list_metrics(Namespace="N")["Metrics"]) == 1


def test_periods_begin_at_multiples_of_their_length(cloudwatch: Any) -> None:
    put(cloudwatch, "Rows", 1, 2, 3)
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=[{**stat("Rows", "m", period=300), "ReturnData": True}],
        StartTime=START + timedelta(seconds=30),
        EndTime=START + timedelta(minutes=5),
    )
    (found,) = answer["MetricDataResults"]
    assert (found["Timestamps"], found["Values"]) == ([START], [6])


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ('{N,Group,service} Group="films" MetricName="Rows"', {"films usher Rows": [1], "films other Rows": [3]}),
        ('{N,Group,service} service="usher" AND MetricName="Rows"', {"films usher Rows": [1], "books usher Rows": [2]}),
        ('{N,service,Group} Group="films" service="other"', {"films other Rows": [3]}),
        ('{N,Group} MetricName=("Rows" OR "Runs")', {"films Rows": [4], "films Runs": [5]}),
        ('{N,Group,Solution} MetricName="Rows"', {}),
    ],
)  # fmt: skip
def test_a_search_finds_metrics_of_exactly_its_dimensions(
    cloudwatch: Any, search: str, expected: dict[str, list[float]]
) -> None:
    put(cloudwatch, "Rows", 1, Group="films", service="usher")
    put(cloudwatch, "Rows", 2, Group="books", service="usher")
    put(cloudwatch, "Rows", 3, Group="films", service="other")
    put(cloudwatch, "Rows", 4, Group="films")
    put(cloudwatch, "Runs", 5, Group="films")
    assert evaluated(cloudwatch, f"SEARCH('{search}', 'Sum', 60)") == expected


@pytest.mark.parametrize("search", ['MetricName="Rows"', "{N,Group} Rows", '{N,Group} NOT MetricName="Rows"'])
def test_a_search_that_is_not_known_is_refused(cloudwatch: Any, search: str) -> None:
    with pytest.raises(ClientError, match="can't evaluate SEARCH"):
        evaluated(cloudwatch, f"SEARCH('{search}', 'Sum', 60)")
