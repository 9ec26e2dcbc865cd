"""The state of a resource in a run, as the run's record keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from usher.errors import MAX_MESSAGE_LENGTH
from usher.texts import clean_members

STAGES = ("import", "train", "export")
"""The stages of a run that create and update, in order."""


@dataclass(frozen=True, slots=True)
class State:
    """The state of one resource after a dry run or a pass."""

    id: str
    """Resource.id, or `<kind>/<end of the ARN>` of a resource that is deleted."""
    action: str
    """The action of the last pass's Decision; or `replace` or `delete`."""
    status: str
    """PLANNED (dry run), PENDING (the service is working), WAITING (for another resource, a quota or a retry), READY,
    HELD (blocked by a gate), FAILED, SKIPPED (a needed resource failed; or it is not deleted) or DELETED.
    """
    arn: str = ""
    reason: str = ""
    remedy: str = ""
    waited: float = 0
    """The seconds in this status."""
    details: Mapping[str, Any] | None = None
    """Members of Describe's response that the serving map needs: Kind.reported."""
    resume_at: str = ""
    """The time at which a `keep` ends by itself: ISO time, UTC."""
    lacks_room: bool = False
    """Whether it waits for the deletion of another one of its kind, as the quota is reached."""

    def __post_init__(self) -> None:
        clean_members(self, reason=MAX_MESSAGE_LENGTH, remedy=MAX_MESSAGE_LENGTH)
