"""CloudWatch's alarms: they evaluate their metrics, and notify topics and EventBridge when their state changes.

Gaps upstream (moto 5.2.5): alarms evaluate no metric, begin as OK, lose their state when they are put again, and notify
nobody when SetAlarmState changes them.

On AWS, an alarm is evaluated every minute, over periods that end with that minute; here it is evaluated at any time,
over periods that end at that time.
"""

import json
import logging
import operator
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import wraps
from types import MappingProxyType
from typing import Any

from moto.cloudwatch.models import (
    Alarm,
    CloudWatchBackend,
    Metric,
    MetricDataQuery,
    MetricStat,
    cloudwatch_backends,
)
from moto.sns.models import sns_backends

from usher_local.cloud.cloudwatch.metric_queries import Data, Grouped, evaluate
from usher_local.cloud.core import backends
from usher_local.cloud.core.patching import replaced
from usher_local.cloud.eventbridge import sources
from usher_local.cloud.eventbridge.targets import Sender, deliver

log = logging.getLogger(__name__)

TICK_SECONDS = 10.0
EXTRA_PERIODS = 2
"""An alarm evaluates more than its periods, as in the examples of the guide: 5 for 3."""
OK, ALARM, UNKNOWN = "OK", "ALARM", "INSUFFICIENT_DATA"

COMPARISONS: Mapping[str, Callable[[float, float], bool]] = MappingProxyType(
    {
        "GreaterThanOrEqualToThreshold": operator.ge,
        "GreaterThanThreshold": operator.gt,
        "LessThanThreshold": operator.lt,
        "LessThanOrEqualToThreshold": operator.le,
    }
)
ACTIONS = MappingProxyType({ALARM: "alarm_actions", OK: "ok_actions", UNKNOWN: "insufficient_data_actions"})


def state_of(breaching: Sequence[bool | None], periods: int, enough: int, missing: str, current: str) -> str:
    """The state of an alarm. Pure.

    `breaching`: for each data point of the evaluation range, oldest first, whether it breaches the threshold, or None
    if it is missing; `periods`, `enough`: EvaluationPeriods and DatapointsToAlarm; `missing`: TreatMissingData;
    `current`: the current state.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
    """
    real = [one for one in breaching if one is not None][-periods:]
    bad, lacking = sum(real), periods - len(real)
    if bad >= enough:
        return ALARM
    if not lacking or missing == "notBreaching":
        return OK
    if missing == "breaching":
        return ALARM if bad + lacking >= enough else OK
    if real and not all(real):
        return OK
    if missing == "ignore":
        return current
    # Only breaching points, but fewer than enough: an alarm, if the others have had time to arrive after the oldest.
    return ALARM if real and len(breaching) - breaching.index(True) >= enough else UNKNOWN


class Alarms:
    """Evaluates every alarm of the account at each `tick`. `now` returns the time. Thread-safe."""

    def __init__(self, now: Callable[[], datetime], collect: Callable[[], None] = lambda: None) -> None:
        self._now = now
        self._collect = collect
        self._grouped: dict[tuple[str, str], Grouped] = {}
        self._lock = threading.Lock()

    def tick(self) -> None:
        """Collect the gauges, and evaluate every alarm."""
        with self._lock:
            self._collect()
            end = self._now().astimezone(UTC).replace(tzinfo=None)
            for account, region, backend in backends.every(cloudwatch_backends):
                data = self._data(account, region, backend)
                for alarm in list(backend.alarms.values()):
                    try:
                        update_alarm(alarm, data, end)
                    except Exception:
                        log.exception("alarm %s could not be evaluated", alarm.name)

    def _data(self, account: str, region: str, backend: CloudWatchBackend) -> Data:
        grouped = self._grouped.get((account, region))
        if grouped is None or grouped.data is not backend.metric_data:
            grouped = self._grouped[account, region] = Grouped(backend.metric_data)
        return grouped.by_metric()


def update_alarm(alarm: Alarm, data: Any, end: datetime) -> None:
    """Set an alarm's state by its metrics up to `end`."""
    requested = queries(alarm)
    seconds = int(next(one["MetricStat"]["Period"] for one in requested if "MetricStat" in one))
    periods = int(alarm.evaluation_periods)
    start = end - timedelta(seconds=seconds) * (periods + EXTRA_PERIODS)
    found = evaluate(requested, data, end, lambda _: start)
    (watched,) = (series for one in requested if one.get("ReturnData", True) for series in found[one["Id"]])
    compare, threshold = COMPARISONS[alarm.comparison_operator], float(alarm.threshold)
    breaching = [compare(watched.values[time], threshold) if time in watched.values else None for time in watched.times]
    enough = int(alarm.datapoints_to_alarm or periods)
    state = state_of(breaching, periods, enough, alarm.treat_missing_data or "missing", alarm.state_value)
    if state != alarm.state_value:
        recent = [watched.values[time] for time in watched.times if time in watched.values][-periods:]
        reason_data = {"version": "1.0", "period": seconds, "recentDatapoints": recent, "threshold": threshold}
        alarm.update_state(reason(alarm, recent, state), json.dumps(reason_data), state)


def reason(alarm: Alarm, recent: Sequence[float], state: str) -> str:
    """The reason of an alarm's state, in CloudWatch's style."""
    if state == UNKNOWN:
        return f"Insufficient Data: {alarm.evaluation_periods} datapoints were unknown."
    if not recent:
        treated = f"missing ones were treated as [{alarm.treat_missing_data}]"
        return f"Threshold Crossed: no datapoints were received and {treated}."
    met = "met" if state == ALARM else "did not meet"
    condition = f"{alarm.comparison_operator} ({float(alarm.threshold)})"
    return f"Threshold Crossed: the datapoints {list(recent)} {met} {condition}."


def queries(alarm: Alarm) -> list[dict[str, Any]]:
    """The metrics of an alarm, as queries of GetMetricData."""
    if not alarm.metric_data_queries:
        metric = Metric(alarm.metric_name, alarm.namespace, alarm.dimensions)
        stat = MetricStat(metric, str(alarm.period), alarm.statistic or alarm.extended_statistic or "", "")
        return [query_of(MetricDataQuery("m1", alarm.metric_name, "", "true", None, stat))]
    return [query_of(one) for one in alarm.metric_data_queries]


def query_of(one: MetricDataQuery) -> dict[str, Any]:
    """A query of moto's alarm in the form of GetMetricData."""
    query: dict[str, Any] = {"Id": one.id, "Label": one.label, "ReturnData": str(one.return_data).lower() != "false"}
    if one.metric_stat is None:
        return query | {"Expression": one.expression}
    metric = one.metric_stat.metric
    identity = {
        "Namespace": metric.namespace,
        "MetricName": metric.metric_name,
        "Dimensions": [{"Name": each.name, "Value": each.value} for each in metric.dimensions],
    }
    return query | {"MetricStat": {"Metric": identity, "Period": one.metric_stat.period, "Stat": one.metric_stat.stat}}


@contextmanager
def acting() -> Iterator[None]:
    """Report every change of state, and let states begin and last as on AWS."""
    with ExitStack() as stack:
        stack.enter_context(replaced(Alarm, "update_state", notifying(Alarm.update_state)))
        stack.enter_context(
            replaced(CloudWatchBackend, "put_metric_alarm", keeping_state(CloudWatchBackend.put_metric_alarm))
        )
        yield


def keeping_state(put_metric_alarm: Any) -> Any:
    """PutMetricAlarm: a new alarm has INSUFFICIENT_DATA, a changed one keeps its state."""

    @wraps(put_metric_alarm)
    def put(backend: Any, name: str, **settings: Any) -> Alarm:
        before = backend.alarms.get(name)
        made: Alarm = put_metric_alarm(backend, name, **settings)
        if settings.get("rule") is None:
            made.state_value = before.state_value if before else UNKNOWN
        return made

    return put


def notifying(update_state: Any) -> Any:
    """A change of an alarm's state, reported to EventBridge and to the targets of the alarm's actions."""

    @wraps(update_state)
    def update(alarm: Alarm, reason: str, reason_data: str, state_value: str) -> None:
        before = state_shown(alarm)
        update_state(alarm, reason, reason_data, state_value)
        if state_value == before["value"]:
            return
        if ALARM in (state_value, before["value"]):
            log.info("alarm %s: %s: %s", alarm.name, state_value, reason)
        sources.offer(event_of(alarm, before))
        if not alarm.actions_enabled:
            return
        subject = f'{state_value}: "{alarm.name}" in {alarm.region_name}'
        for arn in getattr(alarm, ACTIONS[state_value]) or ():
            try:
                act(alarm.alarm_arn, arn, subject, json.dumps(notification(alarm, before["value"])))
            except Exception:
                log.exception("alarm %s could not reach %s", alarm.name, arn)

    return update


def act(alarm: str, arn: str, subject: str, message: str) -> None:
    """Do an action of an alarm (an ARN)."""
    _, _, service, region, account, _ = arn.split(":", 5)
    if service == "sns":
        sns_backends[account][region].publish(message, arn=arn, subject=subject[:100])
    else:
        deliver(arn, message, Sender("lambda.alarms.cloudwatch.amazonaws.com", alarm, None))


def event_of(alarm: Alarm, before: Mapping[str, Any]) -> dict[str, Any]:
    """The event that EventBridge gets when an alarm's state has changed.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
    """
    configuration = {"description": alarm.description, "metrics": [configured(one) for one in queries(alarm)]}
    detail = {
        "alarmName": alarm.name,
        "state": state_shown(alarm),
        "previousState": before,
        "configuration": configuration,
    }
    account = alarm.alarm_arn.split(":")[4]
    kind = "CloudWatch Alarm State Change"
    return sources.envelope("aws.cloudwatch", kind, account, alarm.region_name, alarm.alarm_arn, detail)


def state_shown(alarm: Alarm) -> dict[str, Any]:
    """An alarm's state in the form of an event."""
    return {
        "value": alarm.state_value,
        "reason": alarm.state_reason,
        "reasonData": alarm.state_reason_data,
        "timestamp": iso(alarm.state_updated_timestamp),
    }


def configured(query: Mapping[str, Any]) -> dict[str, Any]:
    """A query of an alarm in the form of an event."""
    member = {"id": query["Id"], "label": query["Label"], "returnData": query["ReturnData"]}
    if "Expression" in query:
        return member | {"expression": query["Expression"]}
    metric = query["MetricStat"]["Metric"]
    dimensions = {one["Name"]: one["Value"] for one in metric["Dimensions"]}
    named = {"namespace": metric["Namespace"], "name": metric["MetricName"], "dimensions": dimensions}
    return member | {
        "metricStat": {
            "metric": named,
            "period": int(query["MetricStat"]["Period"]),
            "stat": query["MetricStat"]["Stat"],
        }
    }


def notification(alarm: Alarm, before: str) -> dict[str, Any]:
    """The message to a topic.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
    """
    trigger: dict[str, Any] = {
        "EvaluationPeriods": int(alarm.evaluation_periods),
        "DatapointsToAlarm": int(alarm.datapoints_to_alarm or alarm.evaluation_periods),
        "ComparisonOperator": alarm.comparison_operator,
        "Threshold": float(alarm.threshold),
        "TreatMissingData": alarm.treat_missing_data or "missing",
    }
    if alarm.metric_data_queries:
        trigger["Metrics"] = queries(alarm)
    else:
        trigger |= {
            "MetricName": alarm.metric_name,
            "Namespace": alarm.namespace,
            "Statistic": alarm.statistic,
            "Period": int(alarm.period),
            "Dimensions": [{"name": one.name, "value": one.value} for one in alarm.dimensions],
        }
    return {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": alarm.alarm_arn.split(":")[4],
        "AlarmConfigurationUpdatedTimestamp": iso(alarm.configuration_updated_timestamp),
        "NewStateValue": alarm.state_value,
        "NewStateReason": alarm.state_reason,
        "StateChangeTime": iso(alarm.state_updated_timestamp),
        "Region": alarm.region_name,
        "AlarmArn": alarm.alarm_arn,
        "OldStateValue": before,
        "OKActions": alarm.ok_actions,
        "AlarmActions": alarm.alarm_actions,
        "InsufficientDataActions": alarm.insufficient_data_actions,
        "Trigger": trigger,
    }


def iso(time: datetime) -> str:
    """A time in CloudWatch's format."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}+0000"
