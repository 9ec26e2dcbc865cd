"""What is in Personalize and EventBridge Scheduler, as one look needs it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from usher.names import family_of
from usher.resources.kinds import (
    INPUTS_TAG,
    KINDS,
    STACK_TAG,
    Clients,
    Kind,
    Resource,
    describe,
    is_leaving,
    summaries,
    tags_of,
)

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Found:
    """A resource as its service describes it."""

    arn: str
    details: Mapping[str, Any]
    tags: Mapping[str, str] = field(default_factory=dict)
    """Looked up only where something depends on them."""
    usable: str = ""
    """The ARN of the newest ACTIVE one of the same parent."""
    usual_seconds: float = 0
    """How long its last update, or else it or its last finished sibling took; 0 where no times tell."""

    @property
    def status(self) -> str:
        """The service's own word; what has none is ready at once."""
        return str(self.details.get("status", "ACTIVE"))

    @property
    def inputs(self) -> str:
        """What it was made from, as its tag says."""
        return self.tags.get(INPUTS_TAG, "")


@dataclass
class Inventory:
    """What is there. Each question is asked once; what was changed through this object is described anew.

    It is made for one look, which would cost thousands of calls otherwise: a group with 365 increments has as many
    import jobs, and each increment is looked for among them.
    """

    clients: Clients
    stack_arn: str
    """Of the stack to which everything belongs that is created."""
    claims: Mapping[str, Mapping[str, str]] | None = None
    """By ARN, tags to plan with as if they were there, and as if everything belonged to the stack: for what it is about
    to take over. None: there is no such thing."""
    _answers: dict[tuple[str, ...], Any] = field(default_factory=dict)

    def describe(self, kind: Kind, arn: str) -> dict[str, Any]:
        """Describe's answer; empty where there is no such resource."""
        return self._once((arn, "describe"), lambda: describe(self.clients[kind.service], kind, arn))

    def summaries(self, kind: Kind, of: Mapping[str, str]) -> list[dict[str, Any]]:
        """Every resource of a kind that List tells of. `of`: the members that narrow it."""
        return self._once((kind.name, *sorted(of.values())), lambda: summaries(self.clients, kind, of))

    def tags(self, arn: str) -> dict[str, str]:
        """A resource's tags."""
        tags = self._once((arn, "tags"), lambda: tags_of(self.clients, arn))
        return tags if self.claims is None else {**tags, STACK_TAG: self.stack_arn, **self.claims.get(arn, {})}

    def owns(self, kind: Kind, arn: str) -> bool:
        """Whether a resource belongs to the stack, as far as its tags can tell."""
        return not kind.has_owner or self.tags(arn).get(STACK_TAG) == self.stack_arn

    def home(self, members: Mapping[str, Any]) -> str:
        """The ARN of the dataset group in which something lies, from its members in Describe or Create.

        A campaign's or a job's is its solution's. Empty where the members do not tell.
        """
        if version := members.get("solutionVersionArn"):
            members = self.describe(KINDS["solution"], str(version).rpartition("/")[0])
        return str(members.get("datasetGroupArn") or "")

    def create(self, resource: Resource, members: Mapping[str, Any]) -> str:
        """Create a resource with the tags that it is to have; return its ARN."""
        kind = KINDS[resource.kind]
        own = {INPUTS_TAG: resource.inputs, STACK_TAG: self.stack_arn}
        pairs = {tag["tagKey"]: tag["tagValue"] for tag in resource.tags} | own
        tags = [{"tagKey": key, "tagValue": value} for key, value in pairs.items() if value]
        asked = {**members, **({"tags": tags} if kind.taggable else {})}
        answer = getattr(self.clients[kind.creator], f"create_{kind.name}")(**asked)
        arn = str(answer[f"{kind.member}Arn"])
        self._forget(arn)
        return arn

    def update(self, kind: Kind, arn: str, members: Mapping[str, Any]) -> None:
        """Change a resource in place."""
        getattr(self.clients[kind.service], f"update_{kind.name}")(**kind.key(arn), **members)
        self._forget(arn)

    def delete(self, kind: Kind, arn: str) -> None:
        """Delete a resource, or begin to."""
        getattr(self.clients[kind.service], f"delete_{kind.name}")(**kind.key(arn))
        self._forget(arn)

    def tag(self, arn: str, tags: Sequence[Mapping[str, str]]) -> None:
        """Add or replace tags."""
        self.clients["personalize"].tag_resource(resourceArn=arn, tags=tags)
        self._forget(arn)

    def find(self, resource: Resource, arns: Mapping[str, str]) -> Found | None:
        """Look a resource up. `arns`: the ARNs, by id, of what it refers to."""
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
        is_tagged = resource.inputs or (resource.tags and not kind.job and details.get("status") == "ACTIVE")
        tags = self.tags(arn) if is_tagged and not is_leaving(details) else {}
        # The newest may have become ACTIVE since it was listed.
        newest = [arn] if siblings and details["status"] == "ACTIVE" else []
        usable = [*newest, *(one[f"{kind.member}Arn"] for one in siblings if one["status"] == "ACTIVE"), ""][0]
        return Found(arn, details, tags, usable, _duration(kind, siblings or [details]))

    def _newest_first(self, kind: Kind, parent: str, wanted: Resource) -> list[dict[str, Any]]:
        """A parent's own that can count: what the service made on a timer is made from no data of ours."""
        mode = wanted.params.get("importMode")
        found = [
            one
            for one in self.summaries(kind, {kind.parent: parent})
            if one.get("trainingType") != "AUTOMATIC"
            and (not wanted.family or family_of(one["jobName"]) == wanted.family)
            and one.get("importMode", mode) == mode
        ]
        if kind.outlives:
            born = self.describe(KINDS[kind.outlives], parent)["creationDateTime"]
            found = [one for one in found if one["creationDateTime"] >= born]
        return sorted(found, key=lambda one: one["creationDateTime"], reverse=True)

    def _forget(self, arn: str) -> None:
        """What is known of a resource, as it has changed. Lists stay as they were: no look needs them again."""
        self._answers = {key: one for key, one in self._answers.items() if key[0] != arn}

    def _once(self, question: tuple[str, ...], ask: Callable[[], Answer]) -> Answer:
        if question not in self._answers:
            self._answers[question] = ask()
        answer: Answer = self._answers[question]
        return answer


def _duration(kind: Kind, newest_first: Sequence[Mapping[str, Any]]) -> float:
    """Seconds that the newest finished one took to become ACTIVE, by its last update if there was one.

    0 for less than a twentieth of what its kind usually takes: a local cloud whose clock is fast has such times.
    """
    for one in newest_first:
        last = one.get(kind.latest_update) or (one if kind.timed else {})
        if last.get("status") == "ACTIVE":
            begun: datetime = last["creationDateTime"]
            seconds = float((last["lastUpdatedDateTime"] - begun).total_seconds())
            return seconds if seconds >= kind.minutes * 60 / 20 else 0
    return 0
