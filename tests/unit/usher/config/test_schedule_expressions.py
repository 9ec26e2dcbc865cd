"""The frequency of schedules."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usher.config.schedule_expressions import DAY_MINUTES, MONTH_DAYS, next_start, starts

from usher_local.cloud.eventbridge.scheduler import next_after

MINUTE = timedelta(minutes=1)
UTC_ZONE = ZoneInfo("UTC")


@pytest.mark.parametrize(
    ("expression", "shortest", "a_month"),
    [
        ("rate(1 minute)", 1, 43_200),
        ("rate(12 hours)", 720, 60),
        ("rate(7 days)", 1440, 30 / 7),
        ("at(2030-01-31T03:00:00)", 1440, 1),
        ("cron(0 3 * * ? *)", 1440, 30),
        ("cron(* * * * ? *)", 1, 43_200),
        ("cron(0/15 * * * ? *)", 15, 2880),
        ("cron(0,59 * * * ? *)", 1, 1440),
        ("cron(30 8-18/2 ? * MON-FRI *)", 120, 6 * 5 * 30 / 7),
        ("cron(0 0,23 * * ? *)", 60, 60),
        ("cron(0 2 ? * SUN *)", 1440, 30 / 7),
        ("cron(0 2 ? * FRI-MON *)", 1440, 4 * 30 / 7),
        ("cron(0 2 L * ? *)", 1440, 1),
        ("cron(0 2 15W JAN-MAR ? 2026-2030)", 1440, 1),
        ("cron(0 2 ? * 6#1,6L *)", 1440, 2),
        ("cron(0 2 ? * MON#1 *)", 1440, 1),
        ("cron(0 2 ? * FRIL *)", 1440, 1),
        ("cron(0 2 ? * L *)", 1440, 30 / 7),
        ("cron(0 2 1,15 * ? *)", 1440, 2),
    ],
)
def test_a_schedule_starts_so_often(expression: str, shortest: float, a_month: float) -> None:
    schedule = starts(expression)
    assert schedule.shortest == shortest
    assert schedule.a_month == pytest.approx(a_month)


@pytest.mark.parametrize(
    "expression",
    [
        "", "every day", "rate(0 minutes)", "rate(1 fortnight)", f"rate({'9' * 5000} days)", "rate(-1 days)",
        "cron(0 3 * * ?)", "cron(99 3 * * ? *)", "cron(0 24 * * ? *)", "cron(0 3 * 13 ? *)", "cron(0 3 ? * 8 *)",
        "cron(*/0 * * * ? *)", "cron(x 3 * * ? *)", "cron(0 3 * * ? 1)", "rate(nan days)", "rate(1e3 days)",
        "cron(0 * * * * *)", "cron(0 3 ? * ? *)", "cron(? 3 * * ? *)",
        "cron(0 3 32 * ? *)", "cron(0 3 99W * ? *)", "cron(0 3 6L * ? *)", "cron(0 3 L-32 * ? *)", "cron(0 3 ? * 9L *)",
        "cron(0 3 ? * 2#9 *)", "cron(0 3 ? * 15W *)", "at(2030-02-30T03:00:00)", "at(2030-01-01T25:00:00)",
    ],
)  # fmt: skip
def test_an_invalid_schedule_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        starts(expression)


fields = {
    "minute": st.sampled_from(["0", "0,30", "*/20", "5-10", "59", "10/25"]),
    "hour": st.sampled_from(["*", "0", "0,23", "8-18/3", "*/7", "22"]),
    "days": st.sampled_from(["* * ?", "? * MON", "? * SAT,SUN", "? * FRI-MON", "1 * ?", "L * ?", "1-7 * ?", "? * 2#1"]),
}


@settings(deadline=None, max_examples=25)
@given(*fields.values())
def test_no_schedule_starts_more_often_than_computed(minute: str, hour: str, days: str) -> None:
    """Against the local scheduler, from a Thursday in November on."""
    expression = f"cron({minute} {hour} {days} *)"
    schedule, begun = starts(expression), datetime(2026, 11, 26, tzinfo=UTC)
    moment, seen = begun, list[datetime]()
    while (found := next_after(expression, moment, UTC_ZONE, begun)) and found < begun + timedelta(days=MONTH_DAYS):
        seen.append(found)
        moment = found
        if len(seen) > schedule.a_month + MONTH_DAYS:
            break
    gaps = [(later - earlier) / MINUTE for earlier, later in pairwise(seen)]
    assert schedule.shortest <= min([*gaps, DAY_MINUTES])
    assert len(seen) <= schedule.a_month * 1.2 + 1  # a weekday may be there five times in 30 days


DAYS = ["* * ?", "? * MON", "? * FRI-MON", "1 * ?", "L * ?", "L-3 * ?", "15W * ?", "1W * ?", "31W * ?"]
DAYS += ["1-7/2 2,12 ?", "? 3 6#5", "? * FRIL", "29 2 ?", "? JAN-MAR TUE"]
moments = st.datetimes(datetime(2024, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - zoned there


@settings(deadline=None, max_examples=60)
@given(fields["minute"], fields["hour"], st.sampled_from(DAYS), moments, st.sampled_from(["UTC", "Asia/Tokyo"]))
def test_the_next_start_is_the_local_schedulers(minute: str, hour: str, days: str, after: datetime, zone: str) -> None:
    """The local scheduler reads expressions with aws-croniter. Hours that a clock skips are not compared."""
    expression, where = f"cron({minute} {hour} {days} *)", ZoneInfo(zone)
    assert next_start(expression, after, where) == next_after(expression, after, where, after)


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("rate(3 days)", "2026-11-29T12:00:00+00:00"),
        ("at(2026-12-01T03:00:00)", "2026-12-01T02:00:00+00:00"),
        ("at(2026-11-01T03:00:00)", None),
        ("cron(0 3 * * ? 2020)", None),
        ("cron(0 3 * * ? *)", "2026-11-28T02:00:00+00:00"),
        ("cron(0 3 LW * ? *)", "2026-11-30T02:00:00+00:00"),
        ("cron(0 3 LW 2 ? 2027)", "2027-02-26T02:00:00+00:00"),
        ("cron(0 3 ? 3 2#1,6#5 *)", "2027-03-01T02:00:00+00:00"),
        ("cron(0 3 ? * L *)", "2026-11-28T02:00:00+00:00"),
    ],
)
def test_a_rate_counts_from_its_creation_and_other_schedules_by_their_zones_clock_and_calendar(
    expression: str, found: str | None
) -> None:
    after, begun = datetime(2026, 11, 27, 12, tzinfo=UTC), datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert next_start(expression, after, ZoneInfo("Europe/Berlin"), begun) == (found and datetime.fromisoformat(found))


def test_the_next_start_of_a_rate_without_a_creation_time_is_unknown() -> None:
    assert next_start("rate(3 days)", datetime(2026, 11, 27, tzinfo=UTC)) is None
