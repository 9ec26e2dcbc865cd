"""Events per minute by group, the reasons of refusals, and the queues in which events wait."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple, TypedDict

from usher.aws import client, now
from usher.clients import MetricDataQueryTypeDef
from usher.events.kept import folder_of, read_messages

from usher_cli.deployed_stack import DeployedStack
from usher_cli.parallel import in_parallel

NAMESPACE = "Usher"
COUNTS = ("EventsAccepted", "EventsQueued", "EventsRepeated", "UnknownItems", "EventsReplayed", "EventsRefused")
REFUSED_REQUESTS = "EventRequestsRefused"
QUEUES = {
    "Pending": "Events of users that wait for Personalize",
    "Kept": "Events of users that wait for the bucket",
    "RefusedEvents": "Events of users that Personalize refuses for good",
    "DeadLetterQueue": "Events of the stack that were not delivered",
}
"""The queues of template.yaml, and their contents."""
MAX_QUERIES = 500
"""The most queries of GetMetricData: API reference, "Request Parameters"."""
NEWEST_FILES = 20
"""The number of files of kept events that are searched for refused ones: a day may have thousands."""


class Rate(TypedDict):
    """A metric of a group, minute by minute."""

    group: str
    metric: str
    code: str
    """The API's error code, for refused requests; else empty."""
    minutes: list[tuple[str, float]]
    """The ISO time of each minute with a value, oldest first, and the value."""


class Queue(TypedDict):
    """A queue of the stack."""

    name: str
    holds: str
    """The content of the queue."""
    waiting: int
    inFlight: int


class Refusal(NamedTuple):
    """Kept events that Personalize refuses."""

    reason: str
    events: int


class _Metric(NamedTuple):
    group: str
    metric: str
    code: str = ""

    @property
    def dimensions(self) -> Mapping[str, str]:
        return {"Group": self.group, **({"Code": self.code} if self.code else {})}


def rates(stack: DeployedStack, groups: Sequence[str], hours: float) -> list[Rate]:
    """The rates of some groups in the last hours, without those that have no value.

    CloudWatch lists a new metric some minutes late, so that an error which is new to a group may be missing at first.
    """
    metrics = [_Metric(group, metric) for group in groups for metric in COUNTS]
    metrics += [one for one in _refused_requests(stack) if one.group in groups]
    parts = [metrics[start : start + MAX_QUERIES] for start in range(0, len(metrics), MAX_QUERIES)]
    return [rate for some in in_parallel(lambda part: _rates(stack, part, hours), parts) for rate in some]


def _refused_requests(stack: DeployedStack) -> list[_Metric]:
    """The metrics of refused requests with events, by group and error."""
    pages = (
        client("cloudwatch")
        .get_paginator("list_metrics")
        .paginate(
            Namespace=NAMESPACE, MetricName=REFUSED_REQUESTS, Dimensions=[{"Name": "service", "Value": stack.name}]
        )
    )
    listed = [{one["Name"]: one["Value"] for one in found["Dimensions"]} for page in pages for found in page["Metrics"]]
    return [_Metric(one["Group"], REFUSED_REQUESTS, one["Code"]) for one in listed if one.keys() >= {"Group", "Code"}]


def _rates(stack: DeployedStack, metrics: Sequence[_Metric], hours: float) -> list[Rate]:
    end = now() + timedelta(minutes=1)  # the last minute is not included
    queries: list[MetricDataQueryTypeDef] = [
        {
            "Id": f"m{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": NAMESPACE,
                    "MetricName": one.metric,
                    "Dimensions": [
                        {"Name": name, "Value": value}
                        for name, value in {"service": stack.name, **one.dimensions}.items()
                    ],
                },
                "Period": 60,
                "Stat": "Sum",
            },
        }
        for number, one in enumerate(metrics)
    ]
    minutes: dict[str, list[tuple[str, float]]] = {}
    pages = (
        client("cloudwatch")
        .get_paginator("get_metric_data")
        .paginate(
            MetricDataQueries=queries, StartTime=end - timedelta(hours=hours), EndTime=end, ScanBy="TimestampAscending"
        )
    )
    for found in (one for page in pages for one in page["MetricDataResults"]):
        times = (time.isoformat() for time in found["Timestamps"])
        minutes.setdefault(found["Id"], []).extend(zip(times, found["Values"], strict=True))
    return [
        {"group": one.group, "metric": one.metric, "code": one.code, "minutes": minutes[f"m{number}"]}
        for number, one in enumerate(metrics)
        if any(value for _, value in minutes.get(f"m{number}", ()))
    ]


def queues(stack: DeployedStack) -> list[Queue]:
    """The existing queues of the stack."""
    names: Final = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    urls = {name: stack.resources[name] for name in QUEUES if name in stack.resources}

    sqs = client("sqs")

    def attributes(url: str) -> Any:
        return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]

    return [
        {"name": name, "holds": QUEUES[name], "waiting": int(found[names[0]]), "inFlight": int(found[names[1]])}
        for name, found in zip(urls, in_parallel(attributes, urls.values()), strict=True)
    ]


def refusals(stack: DeployedStack, group: str) -> list[Refusal]:
    """The reasons why Personalize has refused today's events, from the newest files of kept events; the most frequent
    first.
    """
    list_objects = stack.bucket.s3.get_paginator("list_objects_v2").paginate
    pages = list_objects(Bucket=stack.bucket.name, Prefix=folder_of(group, now().date().isoformat()))
    files = sorted((one for page in pages for one in page.get("Contents", [])), key=lambda one: one["LastModified"])
    keys = [str(one["Key"]) for one in files[-NEWEST_FILES:]]
    events = (one for some in in_parallel(lambda key: list(read_messages(stack.bucket, key)), keys) for one in some)
    reasons = {(one["sessionId"], one["eventId"]): one["refused"] for one in events if "refused" in one}
    return [Refusal(*one) for one in Counter(reasons.values()).most_common()]
