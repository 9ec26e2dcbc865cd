"""The frequency and the next start of EventBridge Scheduler's schedule expressions. Pure.

Expressions: EventBridge Scheduler's user guide, "Schedule types". A frequency that can't be counted exactly is rounded
up.
"""

import re
from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

MONTH_DAYS = 30
DAY_MINUTES = 24 * 60
DEFAULT_TRAINING_RATE = "rate(7 days)"
"""Personalize's default frequency of automatic training: API_AutoTrainingConfig."""
UNITS = {"minute": 1, "hour": 60, "day": DAY_MINUTES}
"""Minutes of each unit."""
RATE = re.compile(rf"rate\(([1-9]\d{{0,8}}) ({'|'.join(UNITS)})s?\)")
AT = re.compile(r"at\(([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})\)")
CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")
NUMBER = r"(\d{1,4})"
PART = re.compile(rf"(?:\*|{NUMBER}(?:-{NUMBER})?)(?:/{NUMBER})?")
DAY = "(?:0?[1-9]|[12][0-9]|3[01])"
OF_MONTH = re.compile(rf"L|LW|L-{DAY}|{DAY}W")
OF_WEEK = re.compile(r"[1-7]?L|[1-7]#[1-5]")
"""Values that match one day of a month: the last day, the weekday nearest to a day, the last or the second Friday."""
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MAX_DAYS = 8 * 366
"""The days within which the next start is searched: the 29th of February is at most eight years away."""
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


@dataclass(frozen=True, slots=True)
class Starts:
    """The frequency of a schedule."""

    shortest: float
    """The fewest minutes between two starts; at most a day."""
    a_month: float
    """The number of starts in 30 days."""


def starts(expression: str) -> Starts:
    """The frequency of an expression. Raises ValueError if it is not one of EventBridge Scheduler's."""
    if match := AT.fullmatch(expression):
        try:
            datetime.fromisoformat(match[1])
        except ValueError:
            raise ValueError(f"{expression} is not a schedule: there is no such time") from None
        return Starts(DAY_MINUTES, 1)
    if match := RATE.fullmatch(expression):
        apart = int(match[1]) * UNITS[match[2]]
        return Starts(min(apart, DAY_MINUTES), MONTH_DAYS * DAY_MINUTES / apart)
    if not (match := CRON.fullmatch(expression)):
        raise ValueError(f"{expression} is not a schedule")
    minutes, hours, days, months, weekdays, years = match.groups()
    if (days == "?") == (weekdays == "?"):
        raise ValueError(f"{expression} is not a schedule: one of its days of the month and of the week must be a ?")
    _values(months, 1, 12, MONTHS)
    _values(years, 1970, 2199)
    times = sorted(60 * hour + minute for hour in _values(hours, 0, 23) for minute in _values(minutes, 0, 59))
    gaps = [later - time for time, later in zip(times, [*times[1:], times[0] + DAY_MINUTES], strict=True)]
    per_month = min(
        _days(days, 31, OF_MONTH, 1),
        _days(weekdays, 7, OF_WEEK, MONTH_DAYS / 7, WEEKDAYS),
    )
    return Starts(min(gaps), len(times) * per_month)


def _days(field: str, last: int, one_day: re.Pattern[str], each: float, names: Sequence[str] = ()) -> float:
    """The number of days of a month that a field allows. `one_day`: the form of values that are one day of a month,
    such as the last one; `each`: the number of days of a month that any other value stands for.
    """
    if field in ("*", "?"):
        return MONTH_DAYS
    field = _numbered(field, 1, names)
    if names and field == "L":  # in this field, L is the last day of the week; elsewhere, of the month
        return each
    single = [part for part in field.split(",") if one_day.fullmatch(part)]
    other = [part for part in field.split(",") if part not in single]
    matches = _values(",".join(other), 1, last) if other else set()
    return min(MONTH_DAYS, len(single) + each * len(matches))


def _values(field: str, first: int, last: int, names: Sequence[str] = ()) -> set[int]:
    """The numbers that a field stands for. `names`: the names of its numbers, from `first` on."""
    values: set[int] = set()
    for part in _numbered(field, first, names).split(","):
        match = PART.fullmatch(part)
        begin, end, step = (int(one) if one else None for one in match.groups()) if match else (last + 1, None, None)
        low = first if begin is None else begin
        high = end if end is not None else last if begin is None or step else low
        if not (first <= low <= last and first <= high <= last and step != 0):
            raise ValueError(f"{field} is not part of a schedule")
        whole = range(low, high + 1) if low <= high else [*range(low, last + 1), *range(first, high + 1)]
        values.update(list(whole)[:: step or 1])
    return values


def _numbered(field: str, first: int, names: Sequence[str]) -> str:
    for number, name in enumerate(names, start=first):
        field = field.replace(name, str(number))
    return field


def next_start(expression: str, after: datetime, zone: tzinfo = UTC, origin: datetime | None = None) -> datetime | None:
    """The first start of a schedule after a moment; None if it never starts, or for a rate without `origin`.

    `zone`: of the expression, for at and cron; `origin`: the schedule's creation, from which a rate counts. Raises
    ValueError if the expression is not one of EventBridge Scheduler's. Source: user guide, "Schedule types".
    """
    starts(expression)
    if match := AT.fullmatch(expression):
        once = datetime.fromisoformat(match[1]).replace(tzinfo=zone)
        return once if once > after else None
    if match := RATE.fullmatch(expression):
        apart = timedelta(minutes=int(match[1]) * UNITS[match[2]])
        return origin + apart * max(1, (after - origin) // apart + 1) if origin else None
    return next(_cron_starts(expression, after, zone), None)


def _cron_starts(expression: str, after: datetime, zone: tzinfo) -> Iterator[datetime]:
    """The starts of a cron expression after a moment, within MAX_DAYS."""
    minutes, hours, days, months, weekdays, years = expression[len("cron(") : -1].split()
    of_day = [
        time(hour, minute) for hour in sorted(_values(hours, 0, 23)) for minute in sorted(_values(minutes, 0, 59))
    ]
    in_months, in_years = _values(months, 1, 12, MONTHS), _values(years, 1970, 2199)
    first = after.astimezone(zone).date()
    for day in (first + timedelta(days=number) for number in range(MAX_DAYS)):
        if day.year in in_years and day.month in in_months and _is_of_month(day, days) and _is_of_week(day, weekdays):
            moments = (datetime.combine(day, one, zone) for one in of_day)
            yield from (one for one in moments if one > after)


def _is_of_month(day: date, field: str) -> bool:
    """Whether a field of days of the month allows a day."""
    last = monthrange(day.year, day.month)[1]
    return field == "?" or any(day.day in _days_of_month(day, last, part) for part in field.split(","))


def _days_of_month(day: date, last: int, part: str) -> set[int]:
    """The days of a day's month that a part of a field stands for."""
    if part == "L":
        return {last}
    if part.startswith("L-"):
        return {last - int(part[2:])}
    if part == "LW" or part.endswith("W"):
        wanted = last if part == "LW" else int(part[:-1])
        return {_nearest_weekday(day, wanted, last)} if wanted <= last else set()
    return _values(part, 1, 31)


def _nearest_weekday(day: date, wanted: int, last: int) -> int:
    """The weekday nearest to a day of the month, within the same month."""
    match day.replace(day=wanted).isoweekday():
        case 6:
            return wanted - 1 if wanted > 1 else wanted + 2
        case 7:
            return wanted + 1 if wanted < last else wanted - 2
    return wanted


def _is_of_week(day: date, field: str) -> bool:
    """Whether a field of days of the week, 1 for Sunday, allows a day."""
    number = day.isoweekday() % 7 + 1
    return field == "?" or any(_is_weekday(day, number, part) for part in _numbered(field, 1, WEEKDAYS).split(","))


def _is_weekday(day: date, number: int, part: str) -> bool:
    if part == "L":
        return number == 7
    if part.endswith("L"):
        return number == int(part[0]) and day.day + 7 > monthrange(day.year, day.month)[1]
    if "#" in part:
        return number == int(part[0]) and (day.day - 1) // 7 + 1 == int(part[2])
    return number in _values(part, 1, 7)
