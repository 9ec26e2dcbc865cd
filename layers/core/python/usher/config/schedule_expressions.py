"""How often a schedule expression of EventBridge Scheduler starts something. Pure.

Expressions: EventBridge Scheduler's user guide, "Schedule types". What can't be counted exactly counts as more often.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

MONTH_DAYS = 30
DAY_MINUTES = 24 * 60
DEFAULT_TRAINING_RATE = "rate(7 days)"
"""How often Personalize trains a solution with performAutoTraining by default: API_AutoTrainingConfig."""
UNITS = {"minute": 1, "hour": 60, "day": DAY_MINUTES}
"""Minutes."""
RATE = re.compile(rf"rate\(([1-9]\d{{0,8}}) ({'|'.join(UNITS)})s?\)")
AT = re.compile(r"at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)")
CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")
NUMBER = r"(\d{1,4})"
PART = re.compile(rf"(?:\*|{NUMBER}(?:-{NUMBER})?)(?:/{NUMBER})?")
ONE_DAY = re.compile(r"L|LW|L-\d\d?|\d\d?W|\d?L|\d#\d")
"""What names one day of a month: its last, the weekday nearest to one, its last Friday, its second Friday."""
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


@dataclass(frozen=True, slots=True)
class Starts:
    """How often something starts."""

    shortest: float
    """Minutes between two starts, where they are closest. More than a day counts as a day."""
    a_month: float
    """Starts in 30 days."""


def starts(expression: str) -> Starts:
    """How often an expression starts something. ValueError where it is none of EventBridge Scheduler's."""
    if AT.fullmatch(expression):
        return Starts(DAY_MINUTES, 1)
    if match := RATE.fullmatch(expression):
        apart = int(match[1]) * UNITS[match[2]]
        return Starts(min(apart, DAY_MINUTES), MONTH_DAYS * DAY_MINUTES / apart)
    if not (match := CRON.fullmatch(expression)):
        raise ValueError(f"{expression} is no schedule")
    minutes, hours, days, months, weekdays, years = match.groups()
    if (days == "?") == (weekdays == "?"):
        raise ValueError(f"{expression} is no schedule: one of its days of the month and of the week is a ?")
    _values(months, 1, 12, MONTHS)
    _values(years, 1970, 2199)
    times = sorted(60 * hour + minute for hour in _values(hours, 0, 23) for minute in _values(minutes, 0, 59))
    gaps = [later - time for time, later in zip(times, [*times[1:], times[0] + DAY_MINUTES], strict=True)]
    per_month = min(
        _days(days, 1, 31, MONTH_DAYS, 1),
        _days(weekdays, 1, 7, MONTH_DAYS, MONTH_DAYS / 7, WEEKDAYS),
    )
    return Starts(min(gaps), len(times) * per_month)


def _days(field: str, first: int, last: int, most: float, each: float, names: Sequence[str] = ()) -> float:
    """How many days of a month a field allows. `each`: how many days of a month one of its values stands for."""
    if field in ("*", "?"):
        return most
    field = _numbered(field, first, names)
    if names and field == "L":  # the week's last day, where a day of the month is meant elsewhere
        return each
    single = [part for part in field.split(",") if ONE_DAY.fullmatch(part)]
    other = [part for part in field.split(",") if part not in single]
    found = _values(",".join(other), first, last) if other else set()
    return min(most, len(single) + each * len(found))


def _values(field: str, first: int, last: int, names: Sequence[str] = ()) -> set[int]:
    """The numbers that a field stands for. `names`: of its numbers, from `first` on."""
    found: set[int] = set()
    for part in _numbered(field, first, names).split(","):
        match = PART.fullmatch(part)
        begin, end, step = (int(one) if one else None for one in match.groups()) if match else (last + 1, None, None)
        low = first if begin is None else begin
        high = end if end is not None else last if begin is None or step else low
        if not (first <= low <= last and first <= high <= last and step != 0):
            raise ValueError(f"{field} is no part of a schedule")
        whole = range(low, high + 1) if low <= high else [*range(low, last + 1), *range(first, high + 1)]
        found.update(list(whole)[:: step or 1])
    return found


def _numbered(field: str, first: int, names: Sequence[str]) -> str:
    for number, name in enumerate(names, start=first):
        field = field.replace(name, str(number))
    return field
