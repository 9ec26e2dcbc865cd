"""The names of runs, and the group that an execution works on. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from usher.aws import now
from usher.errors import UsherError
from usher.storage.layout import group_of
from usher.storage.near_names import starts_run
from usher.texts import clean

AGAIN = "-again"
"""The suffix of an execution's runs after its first."""
EVALUATION = "-evaluation"
"""The suffix of evaluations' runs."""
EXPORT = "-export"
"""The suffix of exports' runs."""
MAX_GROUP_LENGTH = 200
"""The most characters of a folder's name: the keys of a run's files then fit into S3's 1,024 bytes."""


def group_of_input(execution_input: object) -> str:
    """The group that an execution works on: the one named in its input, or that of an S3 event's object.

    Empty for an object that Usher neither reads nor reports as misplaced. A name that is too long for a folder of
    records, or has hidden characters, is cleaned: neither it nor the cleaned one can be a group's. Raises UsherError if
    no group is named.
    """
    match execution_input:
        case {"group": str(group)} if group and "/" not in group:
            return clean(group, MAX_GROUP_LENGTH)
        case {"group": _}:
            pass
        case {"detail": {"object": {"key": str(key)}}}:
            return clean(group_of(key), MAX_GROUP_LENGTH) if starts_run(key) else ""
    raise UsherError('Start it with {"group": "<a folder of the bucket>"}.')


def next_name(execution: str, former: str) -> str:
    """The name of an execution's next run: later than the former one, even within the same millisecond."""
    name = run_name(execution, AGAIN)
    if name.partition("Z-")[0] > former.partition("Z-")[0]:
        return name
    begun = datetime.strptime(former.partition("Z-")[0], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
    return run_name(execution, AGAIN, begun + timedelta(milliseconds=1))


def run_name(execution: str, suffix: str = "", begun: datetime | None = None) -> str:
    """A run's name, by which a group's runs sort by time. `begun`: the time of its beginning; None: now."""
    return f"{f'{begun or now():%Y%m%dT%H%M%S%f}'[:-3]}Z-{execution[-4:]}{suffix}"


def is_other(run: str) -> bool:
    """Whether a run is an export's or an evaluation's, by its name."""
    return run.endswith((EXPORT, EVALUATION))


def is_of_any(run: str, executions: Iterable[str]) -> bool:
    """Whether a run's name allows it to be one of some executions; its record says whether it is."""
    return any(f"Z-{execution[-4:]}" in run for execution in executions)
