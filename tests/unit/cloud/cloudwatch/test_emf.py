import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usher_local.cloud.cloudwatch.emf import DIMENSIONS, METRICS, measured

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GOOD = {"Namespace": "Usher", "Dimensions": [["service"], ["Group", "service"]], "Metrics": [{"Name": "Rows"}]}


def line(directive: Any = GOOD, time: datetime = NOW, **members: Any) -> str:
    head = {"_aws": {"Timestamp": int(time.timestamp() * 1000), "CloudWatchMetrics": [directive]}}
    return json.dumps(head | {"service": "usher", "Group": "films", "Rows": 3} | members)


def test_a_line_measures_each_metric_under_each_set_of_dimensions() -> None:
    found = list(measured(line(), NOW))
    assert [dict(one.dimensions) for one in found] == [{"service": "usher"}, {"Group": "films", "service": "usher"}]
    assert {(one.namespace, one.name, tuple(one.values), one.unit, one.time) for one in found} == {
        ("Usher", "Rows", (3.0,), "None", NOW)
    }


def test_a_list_of_values_is_several_values() -> None:
    assert [one.values for one in measured(line(Rows=[1, 2.5]), NOW)] == [[1.0, 2.5]] * 2


@pytest.mark.parametrize(
    "message",
    [
        'a line that mentions "_aws" and is not JSON',
        '["_aws"]',
        '{"_aws": {"Timestamp": 1}}',
        '{"_aws": {"Timestamp": "today", "CloudWatchMetrics": []}}',
        line("text"),
        line(GOOD | {"Namespace": ""}),
        line(GOOD | {"Metrics": [{"Name": "Missing"}]}),
        line(GOOD | {"Metrics": [{"Name": "Rows", "Unit": "Furlongs"}]}),
        line(GOOD | {"Metrics": [{"Name": "Rows"}] * (METRICS + 1)}),
        line(GOOD | {"Dimensions": [["Missing"]]}),
        line(GOOD | {"Dimensions": [["service"] * (DIMENSIONS + 1)]}),
        line(Rows="3"),
        line(Rows=True),
        line(Rows=[1] * (METRICS + 1)),
        line(service=1, Group=2),
        line(time=NOW - timedelta(days=15)),
        line(time=NOW + timedelta(hours=3)),
    ],
)
def test_events_that_break_a_rule_of_the_format_measure_nothing(message: str) -> None:
    assert not list(measured(message, NOW))


def test_a_broken_set_of_dimensions_leaves_the_others() -> None:
    found = measured(line(GOOD | {"Dimensions": [["Missing"], []]}), NOW)
    assert [dict(one.dimensions) for one in found] == [{}]


JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda some: st.lists(some) | st.dictionaries(
    st.sampled_from(["Namespace", "Dimensions", "Metrics", "Name", "Unit", "x"]), some))  # fmt: skip


@given(JSON)
def test_no_directive_makes_it_fail(directive: Any) -> None:
    list(measured(line(directive), NOW))
