"""Change sets: the submitted target, its changes, and their form in the API."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from usher_local.cloud.cloudformation.documents import Given
from usher_local.cloud.cloudformation.stack import Change, Stack, Target


@dataclass(eq=False)
class ChangeSet:
    """A submitted target, and the changes that lead to it."""

    name: str
    id: str
    kind: str
    target: Target
    changes: Sequence[Change]
    capabilities: Sequence[str]
    description: str | None
    failure: str | None = None
    executed: bool = False
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def status(self) -> str:
        """The status of the set itself."""
        return "FAILED" if self.failure else "CREATE_COMPLETE"

    @property
    def execution_status(self) -> str:
        """Whether the set can be executed."""
        return "UNAVAILABLE" if self.failure else "EXECUTE_COMPLETE" if self.executed else "AVAILABLE"


def summary(stack: Stack, one: ChangeSet) -> Given:
    """A change set as ListChangeSets returns it."""
    return {
        "StackId": stack.id,
        "StackName": stack.name,
        "ChangeSetId": one.id,
        "ChangeSetName": one.name,
        "Description": one.description,
        "CreationTime": one.created,
        "Status": one.status,
        "ExecutionStatus": one.execution_status,
        **({"StatusReason": one.failure} if one.failure else {}),
    }


def shown_change(change: Change) -> Given:
    """A change as DescribeChangeSet returns it."""
    recreates = {"True": "Always", "Conditional": "Conditionally"}.get(change.replacement or "", "Never")
    modifies = {
        "Replacement": change.replacement,
        "Scope": ["Properties"],
        "Details": [
            {"Target": {"Attribute": "Properties", "Name": name, "RequiresRecreation": recreates}}
            for name in change.properties
        ],
    }
    return {
        "Type": "Resource",
        "ResourceChange": {
            "Action": change.action,
            "LogicalResourceId": change.logical_id,
            "ResourceType": change.kind,
            **({"PhysicalResourceId": change.physical_id} if change.physical_id else {}),
            **(modifies if change.replacement else {}),
        },
    }
