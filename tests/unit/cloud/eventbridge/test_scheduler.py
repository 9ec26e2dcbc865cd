from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from tests.unit.cloud.roles import make_role
from usher_local.clock import Clock
from usher_local.cloud.eventbridge.scheduler import Scheduler, checking, next_after
from usher_local.cloud.eventbridge.targets import Deliveries

ORIGIN = datetime(2026, 1, 1, tzinfo=UTC)
BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("expression", "zone", "moment", "expected"),
    [
        ("rate(1 minute)", "UTC", "2026-01-01T00:00:00+00:00", "2026-01-01T00:01:00+00:00"),
        ("rate(2 hours)", "UTC", "2026-01-02T03:30:00+00:00", "2026-01-02T04:00:00+00:00"),
        ("rate(7 days)", "UTC", "2025-12-01T00:00:00+00:00", "2026-01-08T00:00:00+00:00"),
        ("cron(0 3 * * ? *)", "UTC", "2026-03-28T03:00:00+00:00", "2026-03-29T03:00:00+00:00"),
        ("cron(0 3 * * ? *)", BERLIN, "2026-03-28T02:30:00+00:00", "2026-03-29T01:00:00+00:00"),
        ("cron(0 8 ? * MON#1 *)", BERLIN, "2026-07-01T00:00:00+00:00", "2026-07-06T06:00:00+00:00"),
        ("cron(0 0 1 1 ? 2020)", "UTC", "2026-01-01T00:00:00+00:00", None),
        ("at(2026-07-01T09:00:00)", BERLIN, "2026-07-01T06:59:59+00:00", "2026-07-01T07:00:00+00:00"),
        ("at(2026-07-01T09:00:00)", BERLIN, "2026-07-01T07:00:00+00:00", None),
    ],
)
def test_a_schedule_is_due_next(expression: str, zone: str, moment: str, expected: str | None) -> None:
    due = next_after(expression, datetime.fromisoformat(moment), ZoneInfo(zone), ORIGIN)
    assert due == (expected and datetime.fromisoformat(expected))


@pytest.mark.parametrize(
    "expression", ["every day", "rate(1 fortnight)", "rate(0 days)", "cron", "cron(0 3 * * ? *", "at(2026-07-01)"]
)
def test_an_invalid_schedule_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="is not a schedule"):
        next_after(expression, ORIGIN, ZoneInfo("UTC"), ORIGIN)


@given(st.integers(1, 90), st.sampled_from(["minute", "hour", "day"]), st.integers(-(10**7), 10**7))
def test_a_rate_is_due_within_one_step_after_any_moment_past_its_origin(count: int, unit: str, seconds: int) -> None:
    moment = ORIGIN + timedelta(seconds=seconds)
    due = next_after(f"rate({count} {unit}s)", moment, ZoneInfo("UTC"), ORIGIN)
    step = timedelta(**{f"{unit}s": count})
    assert due is not None
    assert max(moment, ORIGIN) < due <= max(moment, ORIGIN) + step


@pytest.fixture
def queue() -> Iterator[Any]:
    """A function that creates a schedule with the given settings, and returns the bodies that arrived."""
    with mock_aws():
        sqs: Any = boto3.client("sqs", region_name="us-east-1")
        schedules: Any = boto3.client("scheduler", region_name="us-east-1")
        url = sqs.create_queue(QueueName="seen")["QueueUrl"]
        role = make_role("scheduler.amazonaws.com", "sqs:SendMessage")

        def create(arn: str = "arn:aws:sqs:us-east-1:123456789012:seen", name: str = "s", **settings: Any) -> Any:
            target = {
                "Arn": arn,
                "RoleArn": role,
                "Input": "<aws.scheduler.attempt-number>",
            }
            schedules.create_schedule(Name=name, FlexibleTimeWindow={"Mode": "OFF"}, Target=target, **settings)
            return lambda: [
                message["Body"]
                for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
            ]

        yield create


@pytest.mark.parametrize(("state", "fired"), [("ENABLED", ["1"]), ("DISABLED", [])])
def test_a_missed_schedule_fires_once_and_only_while_enabled(queue: Any, state: str, fired: list[str]) -> None:
    seen = queue(ScheduleExpression="cron(0 3 * * ? *)", State=state)
    moments = iter([ORIGIN, ORIGIN + timedelta(days=3), ORIGIN + timedelta(days=3, hours=1)])
    scheduler = Scheduler(Deliveries(Clock()), lambda: next(moments))
    assert scheduler.tick() == len(fired)
    assert scheduler.tick() == 0
    assert seen() == fired


def test_a_schedule_that_is_complete_is_deleted_if_it_says_so(queue: Any) -> None:
    queue(ScheduleExpression="at(2026-01-01T01:00:00)", ActionAfterCompletion="DELETE")
    moments = iter([ORIGIN, ORIGIN + timedelta(days=1)])
    assert Scheduler(Deliveries(Clock()), lambda: next(moments)).tick() == 1
    assert boto3.client("scheduler", region_name="us-east-1").list_schedules()["Schedules"] == []


def test_a_schedule_that_is_updated_without_a_state_is_enabled(queue: Any) -> None:
    seen = queue(ScheduleExpression="cron(0 3 * * ? *)", State="DISABLED")
    client: Any = boto3.client("scheduler", region_name="us-east-1")
    kept = {name: client.get_schedule(Name="s")[name] for name in ("Name", "FlexibleTimeWindow", "Target")}
    client.update_schedule(ScheduleExpression="cron(0 4 * * ? *)", **kept)
    moments = iter([ORIGIN, ORIGIN + timedelta(days=1)])
    assert Scheduler(Deliveries(Clock()), lambda: next(moments)).tick() == 1
    assert seen() == ["1"]


def test_a_schedule_outside_its_dates_does_not_fire(queue: Any) -> None:
    queue(ScheduleExpression="cron(0 3 * * ? *)", EndDate=ORIGIN + timedelta(hours=2))
    moments = iter([ORIGIN, ORIGIN + timedelta(days=1)])
    assert Scheduler(Deliveries(Clock()), lambda: next(moments)).tick() == 0


def test_a_target_that_cannot_be_reached_is_logged(queue: Any, caplog: pytest.LogCaptureFixture) -> None:
    queue("arn:aws:kinesis:us-east-1:123456789012:stream/x", ScheduleExpression="at(2026-01-01T01:00:00)")
    moments = iter([ORIGIN, ORIGIN + timedelta(days=1)])
    assert Scheduler(Deliveries(Clock()), lambda: next(moments)).tick() == 1
    assert "cannot deliver to arn:aws:kinesis" in caplog.text


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"ScheduleExpression": "cron(0 * * * * *)"}, r"Invalid Schedule Expression cron\(0 \* \* \* \* \*\)\."),
        ({"ScheduleExpression": "rate(0 days)"}, "Invalid Schedule Expression"),
        ({"ScheduleExpression": f"rate({'9' * 20} days)"}, "Invalid Schedule Expression"),
        ({"ScheduleExpression": "at(2026-02-30T00:00:00)"}, "Invalid Schedule Expression"),
        ({"ScheduleExpressionTimezone": "Berlin"}, "Invalid ScheduleExpressionTimezone Berlin"),
        ({"ScheduleExpressionTimezone": "../../x"}, "Invalid ScheduleExpressionTimezone"),
        ({"ScheduleExpressionTimezone": "Europe"}, "Invalid ScheduleExpressionTimezone"),
        ({"State": "WEIRD"}, r"enum value set: \[ENABLED, DISABLED\]"),
    ],
)
def test_an_invalid_schedule_is_neither_created_nor_updated(queue: Any, settings: Any, complaint: str) -> None:
    client: Any = boto3.client("scheduler", region_name="us-east-1")
    settings = {"ScheduleExpression": "cron(0 3 * * ? *)", **settings}
    with checking():
        queue(ScheduleExpression="rate(1 day)", ScheduleExpressionTimezone=BERLIN)
        before = client.get_schedule(Name="s")
        kept = {name: before[name] for name in ("Name", "FlexibleTimeWindow", "Target")}
        with pytest.raises(ClientError, match=f"ValidationException.*{complaint}"):
            queue(name="other", **settings)
        with pytest.raises(ClientError, match=f"ValidationException.*{complaint}"):
            client.update_schedule(**kept, **settings)
    assert [one["Name"] for one in client.list_schedules()["Schedules"]] == ["s"]
    assert client.get_schedule(Name="s")["ScheduleExpression"] == before["ScheduleExpression"]


def test_a_failing_schedule_is_logged_once_and_does_not_stop_others(
    queue: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """These schedules are not validated at their creation."""
    queue(ScheduleExpression="rate(1 day)", ScheduleExpressionTimezone="Berlin")
    seen = queue(name="t", ScheduleExpression="cron(0 3 * * ? *)")
    moments = iter(ORIGIN + timedelta(days=day) for day in range(3))
    scheduler = Scheduler(Deliveries(Clock()), lambda: next(moments))
    assert [scheduler.tick(), scheduler.tick()] == [1, 1]
    assert seen() == ["1", "1"]
    assert [one.getMessage() for one in caplog.records if one.exc_info] == [
        "the scheduler can't check arn:aws:scheduler:us-east-1:123456789012:schedule/default/s"
    ]
