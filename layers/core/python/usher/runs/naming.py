"""The names of runs, and the group that an execution works on. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from usher.aws import now
from usher.errors import UsherError
from usher.storage.layout import group_of
from usher.storage.near_names import starts_run
from usher.texts import clean

AGAIN = "-again"
"""The end of the names of an execution's runs after its first."""
EVALUATION = "-evaluation"
"""The end of the names of evaluations' runs."""
EXPORT = "-export"
"""The end of the names of exports' runs."""
MAX_GROUP_LENGTH = 200
"""Characters of a folder's name with which the keys of a run's files fit into S3's 1,024 bytes."""


def group_of_input(execution_input: object) -> str:
    """The group that an execution works on: the one named in its input, or that of an S3 event's object.

    Empty for an object that Usher neither reads nor names as misplaced. A name that is too long for a folder of
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
    """The name of an execution's run after another: later than that, even within the same millisecond."""
    name = run_name(execution, AGAIN)
    if name.partition("Z-")[0] > former.partition("Z-")[0]:
        return name
    begun = datetime.strptime(former.partition("Z-")[0], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
    return run_name(execution, AGAIN, begun + timedelta(milliseconds=1))


def run_name(execution: str, suffix: str = "", begun: datetime | None = None) -> str:
    """A run's name, by which a group's runs sort by time. `begun`: when it began; now, if there is no such time."""
    return f"{f'{begun or now():%Y%m%dT%H%M%S%f}'[:-3]}Z-{execution[-4:]}{suffix}"


def is_other(run: str) -> bool:
    """Whether a run is that of an export or an evaluation, by its name."""
    return run.endswith((EXPORT, EVALUATION))


def is_of_any(run: str, executions: Iterable[str]) -> bool:
    """Whether a run may be that of one of some executions, by its name; its record says whether it is."""
    return any(f"Z-{execution[-4:]}" in run for execution in executions)
