"""EventBridge Scheduler, which fires schedules.

Gaps upstream (moto 5.2.5): schedules are stored with any expression, time zone and state, and never fire. An update
without a `State` removes it; AWS enables the schedule.
"""

import logging
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo, available_timezones

from aws_croniter import AwsCroniter
from moto.scheduler.exceptions import ValidationException
from moto.scheduler.models import EventBridgeSchedulerBackend, scheduler_backends

from usher_local.cloud.core import backends
from usher_local.cloud.core.patching import replaced
from usher_local.cloud.eventbridge.targets import Deliveries, Delivery, Sender, error_code

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
FOREVER = datetime.max.replace(tzinfo=UTC)
EXPRESSION = re.compile(r"(at|rate|cron)\((.+)\)")
AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
RATE = re.compile(r"([1-9]\d*) (minute|hour|day)s?")
STATES = ("ENABLED", "DISABLED")


def utc_now() -> datetime:
    """The real time."""
    return datetime.now(UTC)


@contextmanager
def checking() -> Iterator[None]:
    """Make CreateSchedule and UpdateSchedule refuse the requests that EventBridge Scheduler refuses."""
    with ExitStack() as stack:
        for name in ("create_schedule", "update_schedule"):
            act = checked(vars(EventBridgeSchedulerBackend)[name])
            stack.enter_context(replaced(EventBridgeSchedulerBackend, name, act))
        yield


def checked(act: Any) -> Any:
    """An action that raises ValidationException for an invalid expression, time zone or state.

    The words for an expression are AWS's as localstack/localstack#9284 quotes them; those for a time zone are ours.
    https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
    """

    @wraps(act)
    def check(backend: Any, **given: Any) -> Any:
        expression, zone = given["schedule_expression"], given["schedule_expression_timezone"] or "UTC"
        if (given["state"] or "ENABLED") not in STATES:
            raise ValidationException(
                "1 validation error detected: Value at 'state' failed to satisfy constraint: Member must satisfy "
                f"enum value set: [{', '.join(STATES)}]"
            )
        if zone not in available_timezones():
            raise ValidationException(f"Invalid ScheduleExpressionTimezone {zone}.")
        try:
            next_after(expression, utc_now(), ZoneInfo(zone), utc_now())
        except (ValueError, OverflowError) as error:
            raise ValidationException(f"Invalid Schedule Expression {expression}.") from error
        return act(backend, **given)

    return check


class Scheduler:
    """Fires due schedules with `deliveries` at each `tick`. `now` returns the time. Thread-safe."""

    def __init__(self, deliveries: Deliveries, now: Callable[[], datetime] = utc_now) -> None:
        self.deliveries = deliveries
        self._now = now
        self._last_tick = now()
        self._lock = threading.Lock()
        self._failing: set[str] = set()

    def tick(self) -> int:
        """Fire every enabled schedule that became due since the last tick, once each. Returns their number.

        A failing schedule is logged once, and does not prevent the others.
        """
        with self._lock:
            since, self._last_tick = self._last_tick, self._now()
            until = self._last_tick
        fired = 0
        for schedule, group in enabled():
            try:
                fired += self._fire(schedule, group, since, until)
            except Exception:
                if schedule.arn not in self._failing:
                    log.exception("the scheduler can't check %s", schedule.arn)
                self._failing.add(schedule.arn)
            else:
                self._failing.discard(schedule.arn)
        return fired

    def _fire(self, schedule: Any, group: Any, since: datetime, until: datetime) -> bool:
        """Fire a schedule if it is due. Returns whether it was."""
        moment = due_at(schedule, since, until)
        if moment is None:
            return False
        self.deliveries.send(delivery(schedule, moment))
        if schedule.action_after_completion == "DELETE" and not due_at(schedule, until, FOREVER):
            group.delete_schedule(schedule.name)
        return True


def enabled() -> list[tuple[Any, Any]]:
    """Every enabled schedule, with its group."""
    return [
        (schedule, group)
        for _, _, backend in backends.every(scheduler_backends)
        for group in list(backend.schedule_groups.values())
        for schedule in list(group.schedules.values())
        if schedule.state != "DISABLED"
    ]


def due_at(schedule: Any, since: datetime, until: datetime) -> datetime | None:
    """The first time in (since, until] at which a schedule is due, or None."""
    if schedule.start_date and moment_of(schedule.start_date) > since:
        since = moment_of(schedule.start_date) - timedelta(seconds=1)
    moment = next_after(
        schedule.schedule_expression,
        since,
        ZoneInfo(schedule.schedule_expression_timezone),
        moment_of(schedule.start_date or schedule.creation_date),
    )
    if moment is None or moment > until or (schedule.end_date and moment > moment_of(schedule.end_date)):
        return None
    return moment


def next_after(expression: str, moment: datetime, zone: ZoneInfo, origin: datetime) -> datetime | None:
    """The first time after `moment` at which `at(...)`, `rate(...)` or `cron(...)` is due, or None.

    `at` and `cron` are in the time zone `zone`; rates count from `origin`. ValueError for anything else.
    https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
    """
    form = EXPRESSION.fullmatch(expression)
    kind, body = form.groups() if form else ("", "")
    if kind == "at" and AT.fullmatch(body):
        once = datetime.fromisoformat(body).replace(tzinfo=zone)
        return once if once > moment else None
    if kind == "rate" and (match := RATE.fullmatch(body)):
        step = timedelta(**{f"{match[2]}s": int(match[1])})
        return origin + step * max(1, (moment - origin) // step + 1)
    if kind == "cron":
        # aws-croniter accepts only UTC: it gets the zone's wall time, labelled as UTC.
        wall = moment.astimezone(zone).replace(tzinfo=UTC)
        (found,) = AwsCroniter(body).get_next(wall)
        return found.replace(tzinfo=zone) if found else None
    raise ValueError(f"{expression} is not a schedule: at(...), rate(...) or cron(...)")


def moment_of(date: Any) -> datetime:
    """A date in moto's forms: seconds of the Unix epoch, or ISO 8601 text."""
    if isinstance(date, datetime):
        return date if date.tzinfo else date.replace(tzinfo=UTC)
    if isinstance(date, str):
        return datetime.fromisoformat(date)
    return datetime.fromtimestamp(date, UTC)


def delivery(schedule: Any, moment: datetime) -> Delivery:
    """The delivery of a schedule's input to its target, or to the dead-letter queue."""
    at, execution = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), str(uuid4())

    def payload(attempt: int) -> str:
        # https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
        attributes = {
            "<aws.scheduler.schedule-arn>": schedule.arn,
            "<aws.scheduler.scheduled-time>": at,
            "<aws.scheduler.execution-id>": execution,
            "<aws.scheduler.attempt-number>": str(attempt),
        }
        text: str = schedule.target.get("Input") or "{}"
        for name, value in attributes.items():
            text = text.replace(name, value)
        return text

    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
    reasons = {
        "SCHEDULE_ARN": schedule.arn,
        "SCHEDULED_TIME": at,
        "EXECUTION_ID": execution,
        "IS_PAYLOAD_TRUNCATED": "false",
    }
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
    group = schedule.arn.replace(":schedule/", ":schedule-group/").rpartition("/")[0]
    sender = Sender("scheduler.amazonaws.com", group, schedule.target["RoleArn"])
    label = f"schedule {schedule.name}"
    return Delivery(label, schedule.target, payload, payload(1), reasons, error_code, sender)
