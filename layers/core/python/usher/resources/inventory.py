"""The existing resources in Personalize and EventBridge Scheduler, looked up for one pass."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from usher.clients import Clients
from usher.names import family_of
from usher.resources.kinds import FINGERPRINT_TAG, KINDS, LIVE_VERSION, STACK_TAG, Kind, Resource
from usher.resources.lookup import describe, is_being_deleted, summaries, tags_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Existing:
    """An existing resource, from its service."""

    arn: str
    details: Mapping[str, Any]
    """Describe's members, or List's of a job."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """The tags; empty unless they are needed."""
    usable: str = ""
    """The ARN of the newest ACTIVE resource of the same parent."""
    expected_seconds: float = 0
    """The duration of its last update, or else of its creation or that of its newest finished sibling; 0: unknown."""

    @property
    def status(self) -> str:
        """The service's status; ACTIVE for a kind without one."""
        return str(self.details.get("status", "ACTIVE"))

    @property
    def fingerprint(self) -> str:
        """The `fingerprint` of the Resource at its creation, from its tag; empty if it has none."""
        return self.tags.get(FINGERPRINT_TAG, "")


def never_refuse() -> None:
    """The `require_open` of an Inventory that may always make changes."""


@dataclass
class Inventory:
    """Looks existing resources up, each once; a resource that is changed through this object is looked up anew.

    It lasts for one pass, which would cost thousands of calls otherwise: a group with 365 increments has as many import
    jobs, and each increment is looked for among them.
    """

    clients: Clients
    stack_arn: str
    """The ARN of the stack that owns all created resources."""
    assumed_tags: Mapping[str, Mapping[str, str]] | None = None
    """Tags by ARN that resources get before a run. A dry run treats them as present, and all resources as the stack's,
    because the run adopts them first. None: the existing tags alone count.
    """
    require_open: Callable[[], None] = never_refuse
    """Called before each change; it raises an error if no change may be made any more."""
    _responses: dict[tuple[str, ...], Any] = field(default_factory=dict)

    def describe(self, kind: Kind, arn: str) -> dict[str, Any]:
        """A resource's members in Describe's response; empty if it does not exist."""
        return self._once((arn, "describe"), lambda: describe(self.clients[kind.service], kind, arn))

    def summaries(self, kind: Kind, narrowed_by: Mapping[str, str]) -> list[dict[str, Any]]:
        """List's summaries of every resource of a kind. `narrowed_by`: List's members."""
        query = (kind.name, *sorted(narrowed_by.values()))
        return self._once(query, lambda: summaries(self.clients, kind, narrowed_by))

    def tags(self, arn: str) -> dict[str, str]:
        """A resource's tags."""
        tags = self._once((arn, "tags"), lambda: tags_of(self.clients, arn))
        if self.assumed_tags is None:
            return tags
        return {**tags, STACK_TAG: self.stack_arn, **self.assumed_tags.get(arn, {})}

    def owns(self, kind: Kind, arn: str) -> bool:
        """Whether a resource belongs to the stack, by its tags."""
        return not kind.has_owner or self.tags(arn).get(STACK_TAG) == self.stack_arn

    def dataset_group_of(self, members: Mapping[str, Any]) -> str:
        """The ARN of the dataset group of a resource, from its members in Describe or Create.

        The group of a campaign or a job is that of its solution. Empty if the members do not name it.
        """
        if version := members.get(LIVE_VERSION):
            members = self.describe(KINDS["solution"], str(version).rpartition("/")[0])
        return str(members.get("datasetGroupArn") or "")

    def create(self, resource: Resource, members: Mapping[str, Any]) -> str:
        """Create a resource with its tags; return its ARN."""
        kind = KINDS[resource.kind]
        own = {FINGERPRINT_TAG: resource.fingerprint, STACK_TAG: self.stack_arn}
        pairs = {tag["tagKey"]: tag["tagValue"] for tag in resource.tags} | own
        tags = [{"tagKey": key, "tagValue": value} for key, value in pairs.items() if value]
        request = {**members, **({"tags": tags} if kind.taggable else {})}
        self.require_open()
        response = getattr(self.clients[kind.creator], f"create_{kind.name}")(**request)
        arn = str(response[f"{kind.member}Arn"])
        self._forget(arn)
        return arn

    def update(self, kind: Kind, arn: str, members: Mapping[str, Any]) -> None:
        """Change a resource in place."""
        self.require_open()
        getattr(self.clients[kind.service], f"update_{kind.name}")(**kind.key(arn), **members)
        self._forget(arn)

    def delete(self, kind: Kind, arn: str) -> None:
        """Delete a resource, or start its deletion."""
        self.require_open()
        getattr(self.clients[kind.service], f"delete_{kind.name}")(**kind.key(arn))
        self._forget(arn)

    def tag(self, arn: str, tags: Sequence[Mapping[str, str]]) -> None:
        """Add or replace tags."""
        self.require_open()
        self.clients["personalize"].tag_resource(resourceArn=arn, tags=tags)
        self._forget(arn)

    def find(self, resource: Resource, arns: Mapping[str, str]) -> Existing | None:
        """The existing resource that corresponds to a desired one. `arns`: of the resources that it refers
        to, by id.
        """
        kind = KINDS[resource.kind]
        arn, siblings = resource.arn, list[dict[str, Any]]()
        if not arn:
            parent = arns.get(resource.refs[kind.parent])
            siblings = self._newest_first(kind, parent, resource) if parent else []
            arn = siblings[0][f"{kind.member}Arn"] if siblings else ""
        if kind.job and siblings and siblings[0]["status"] == "ACTIVE":
            details = siblings[0]
        else:
            details = self.describe(kind, arn) if arn else {}
        if not details:
            return None
        needs_tags = resource.fingerprint or (resource.tags and not kind.job and details.get("status") == "ACTIVE")
        tags = self.tags(arn) if needs_tags and not is_being_deleted(details) else {}
        # The newest may have become ACTIVE since it was listed.
        newest = [arn] if siblings and details["status"] == "ACTIVE" else []
        active = [sibling[f"{kind.member}Arn"] for sibling in siblings if sibling["status"] == "ACTIVE"]
        usable = [*newest, *active, ""][0]
        return Existing(arn, details, tags, usable, _duration(kind, siblings or [details]))

    def _newest_first(self, kind: Kind, parent: str, desired: Resource) -> list[dict[str, Any]]:
        """The parent's resources that can count as the desired one. Automatic training uses none of our data."""
        mode = desired.params.get("importMode")
        siblings = [
            summary
            for summary in self.summaries(kind, {kind.parent: parent})
            if summary.get("trainingType") != "AUTOMATIC"
            and (not desired.family or family_of(summary["jobName"]) == desired.family)
            and summary.get("importMode", mode) == mode
        ]
        if kind.survives_parent:
            born = self.describe(KINDS[kind.survives_parent], parent)["creationDateTime"]
            siblings = [summary for summary in siblings if summary["creationDateTime"] >= born]
        return sorted(siblings, key=lambda summary: summary["creationDateTime"], reverse=True)

    def _forget(self, arn: str) -> None:
        """Forget the details of a changed resource. Lists stay: no pass needs them again."""
        self._responses = {query: response for query, response in self._responses.items() if query[0] != arn}

    def _once(self, query: tuple[str, ...], ask: Callable[[], T]) -> T:
        if query not in self._responses:
            self._responses[query] = ask()
        response: T = self._responses[query]
        return response


def _duration(kind: Kind, newest_first: Sequence[Mapping[str, Any]]) -> float:
    """The seconds until the newest finished one became ACTIVE, by its last update if it had one.

    0 for less than a twentieth of the kind's usual duration: a local cloud with a fast clock has such times.
    """
    for details in newest_first:
        timed = details.get(kind.latest_update) or (details if kind.has_duration else {})
        if timed.get("status") == "ACTIVE":
            begun: datetime = timed["creationDateTime"]
            seconds = float((timed["lastUpdatedDateTime"] - begun).total_seconds())
            return seconds if seconds >= kind.minutes * 60 / 20 else 0
    return 0
