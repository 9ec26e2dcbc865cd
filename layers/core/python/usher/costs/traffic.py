"""The requests to campaigns, by Personalize's own metrics, and advice on settings that follows from them.

Metrics: service guide, "CloudWatch metrics for Amazon Personalize". They count the requests of all senders. The guide
names no dimension for recommenders, so their requests are not measured.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypedDict

from usher.clients import CloudWatchClient, MetricDataQueryTypeDef
from usher.costs.calculation import is_v2, provisioned_month
from usher.dollars import dollars
from usher.errors import Problem
from usher.prices import PRICES
from usher.resources.billed import Billed

METRICS = ("GetRecommendations", "GetPersonalizedRanking")
"""The metrics of a campaign's successful requests, by its recipe's operation."""
HOUR = 3600
WINDOW = timedelta(days=14)
MAX_QUERIES = 500
"""The most queries of a GetMetricData request [API]."""
ByHour = Mapping[datetime, float]
"""Requests by the beginning of the hour, without hours that have none."""


class Traffic(TypedDict):
    """The traffic of a campaign."""

    since: str
    """The beginning of the measurement (ISO 8601): WINDOW ago, or the campaign's creation."""
    until: str
    requests: float
    busiestHour: float
    """The number of requests in the busiest hour."""


def requests_by_hour(
    cloudwatch: CloudWatchClient, arns: Sequence[str], since: datetime, until: datetime
) -> dict[str, ByHour]:
    """The requests by hour, by campaign."""
    found: dict[str, dict[datetime, float]] = {arn: {} for arn in arns}
    queries = [(arn, _query(place, arn, metric)) for place, (arn, metric) in enumerate(_arns_and_metrics(arns))]
    for start in range(0, len(queries), MAX_QUERIES):
        part = queries[start : start + MAX_QUERIES]
        by_id = {query["Id"]: arn for arn, query in part}
        pages = cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=[query for _, query in part], StartTime=since, EndTime=until
        )
        for result in (one for page in pages for one in page["MetricDataResults"]):
            hours = found[by_id[result["Id"]]]
            for time, value in zip(result["Timestamps"], result["Values"], strict=True):
                hours[time] = hours.get(time, 0) + value
    return dict(found)


def _arns_and_metrics(arns: Iterable[str]) -> Iterator[tuple[str, str]]:
    return ((arn, metric) for arn in arns for metric in METRICS)


def _query(place: int, arn: str, metric: str) -> MetricDataQueryTypeDef:
    return {
        "Id": f"q{place}",
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/Personalize",
                "MetricName": metric,
                "Dimensions": [{"Name": "CampaignArn", "Value": arn}],
            },
            "Period": HOUR,
            "Stat": "Sum",
        },
    }


def traffic(campaign: Billed, hours: ByHour, until: datetime) -> Traffic:
    """The traffic of a campaign within WINDOW. Pure."""
    since = max(until - WINDOW, campaign.members["creationDateTime"])
    within = [number for time, number in hours.items() if time >= since - timedelta(hours=1)]
    return {
        "since": since.isoformat(),
        "until": until.isoformat(),
        "requests": sum(within),
        "busiestHour": max(within, default=0.0),
    }


def is_idle(measured: Traffic) -> bool:
    """Whether a campaign had no request within WINDOW. Pure."""
    since, until = (datetime.fromisoformat(time) for time in (measured["since"], measured["until"]))
    return until - since >= WINDOW and not measured["requests"]


def advice(campaign: Billed, id_: str, place: str, measured: Traffic) -> Problem | None:
    """Advice on a campaign's settings that follows from its traffic; None if there is none. Pure.

    `id_`: the campaign's; `place`: of its settings, such as `usher.yaml: solutions.similar.campaign`.
    """
    since, until = (datetime.fromisoformat(time) for time in (measured["since"], measured["until"]))
    if until - since < WINDOW:
        return None
    provisioned = int(campaign.members.get("minProvisionedTPS", 1))
    is_known = not is_v2(campaign.solution)
    price = PRICES["requestThousand" if is_known else "requestThousandV2"]
    most = "" if is_known else "at most "
    if is_idle(measured):
        cost = provisioned_month(provisioned, price)
        message = f"{id_} has had no request in {WINDOW.days} days, and costs {most}{dollars(cost)} a month."
        return Problem(place, message, "If nobody needs it, write campaign: false; an export with table: true answers.")
    busiest = measured["busiestHour"] / HOUR
    enough = max(1, math.ceil(busiest))
    if enough >= provisioned:
        return None
    saved = provisioned_month(provisioned - enough, price)
    message = (
        f"minProvisionedTPS is {provisioned}, and the busiest hour of {WINDOW.days} days had {busiest:.2g} requests "
        f"per second. {enough} saves {most}{dollars(saved)} a month."
    )
    return Problem(place, message, f"Write minProvisionedTPS: {enough}; Personalize adds capacity by itself.")
