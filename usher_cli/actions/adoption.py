"""Adopts existing resources of Personalize: tags them with digests of their inputs, so that Usher does not create them
again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import yaml
from usher.errors import UsherError
from usher.planning.draft import Draft
from usher.resources.inventory import Inventory
from usher.resources.kinds import FINGERPRINT_TAG, GROUP_TAG, KINDS, STACK_TAG, Resource
from usher.resources.ownership import CLOUDFORMATION_TAG, stack_name
from usher.resources.unmanaged import existing_resources
from usher.storage.bucket import Bucket
from usher.storage.layout import config_keys, group_folders, group_of, is_config, is_data

from usher_cli.actions.action import Action, Done, PlanView, Progress, plan_view
from usher_cli.deployed_stack import DeployedStack
from usher_cli.drafts import draft_of, is_costly
from usher_cli.existing import Existing, read_existing
from usher_cli.group_names import valid_group
from usher_cli.preview import Preview, Source, sources

REFUSED = "Nothing was changed, because the next run would do all this. To proceed: --anyway."


def check_owners(inventory: Inventory, arns: Iterable[str], group: str, from_stack: str, *, anyway: bool) -> None:
    """Raise UsherError if a resource is of another stack than `from_stack`, or is CloudFormation's and not `anyway`.

    Likewise if the dataset group is another folder's of the stack, unless the stack is `from_stack`.
    """
    for arn in arns:
        tags = inventory.tags(arn)
        served = tags.get(GROUP_TAG, group)
        if served != group and stack_name(tags.get(STACK_TAG, "")) != from_stack:
            name = stack_name(tags.get(STACK_TAG, ""))
            raise UsherError(
                f"{arn} belongs to the folder {served}/ of the stack {name}, whose runs will be refused once it is "
                f"taken over. To take it over: --from-stack {name}."
            )
        owner, managed = tags.get(STACK_TAG, ""), tags.get(CLOUDFORMATION_TAG, "")
        if owner not in {"", inventory.stack_arn} and stack_name(owner) != from_stack:
            raise UsherError(
                f"{arn} belongs to the stack {stack_name(owner)} ({owner}), which will refuse to change it once it is "
                f"taken over. To take it over: --from-stack {stack_name(owner)}."
            )
        if managed and owner != inventory.stack_arn and not anyway:
            raise UsherError(
                f"{arn} is managed by the CloudFormation stack {managed}, whose next update may undo changes by Usher. "
                "Take it out of that stack first (DeletionPolicy: Retain), or take it over as it is: --anyway."
            )


def made_from(
    inventory: Inventory, desired: Sequence[Resource], data: Mapping[str, Source]
) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Tags with the inputs of imports and versions, by ARN; and the ids of those that are older than their inputs.

    Usher will create the latter again. Changes nothing.
    """
    arns: dict[str, str] = {}
    tags: dict[str, dict[str, str]] = {}
    outdated: list[str] = []
    newest = max((source.modified for source in data.values()), default=None)
    for resource in desired:
        existing = inventory.find(resource, arns)
        if existing is None:
            continue
        arns[resource.id] = existing.arn
        if not newest or not resource.fingerprint or existing.fingerprint:
            continue
        if existing.details["creationDateTime"] < newest:
            outdated.append(resource.id)
            continue
        tags[existing.arn] = {FINGERPRINT_TAG: resource.fingerprint}
        if resource.kind == "dataset_import_job":
            newest = max(newest, existing.details["lastUpdatedDateTime"])
    return tags, outdated


def tag_as_own(inventory: Inventory, owned: Sequence[str], further_tags: Mapping[str, Mapping[str, str]]) -> None:
    """Tag resources as the stack's own, and with `further_tags`, by ARN.

    Versions are tagged, too: IAM may check their tags if a request is about their solution.
    """
    versions = [
        one["solutionVersionArn"]
        for arn in owned
        if ":solution/" in arn
        for one in inventory.summaries(KINDS["solution_version"], {"solutionArn": arn})
    ]
    for arn in dict.fromkeys((*owned, *versions, *further_tags)):
        tags = {**further_tags.get(arn, {}), STACK_TAG: inventory.stack_arn}
        inventory.tag(arn, [{"tagKey": key, "tagValue": value} for key, value in tags.items()])


@dataclass(frozen=True, slots=True)
class Adoption:
    """The adoption of a dataset group of Personalize by a group."""

    group: str
    dataset_group: str
    arn: str
    """The ARN of the dataset group."""
    bucket: Preview
    inventory: Inventory
    owned: Sequence[str]
    """The ARNs of the resources that get the stack's tag."""
    further_tags: Mapping[str, Mapping[str, str]]
    """Further tags, by ARN."""
    notes: Sequence[str]
    drafted: Draft
    """The draft of the next run."""
    is_refused: bool
    """Whether nothing is done, as the next run would cost money, and that was not allowed."""

    def sentences(self) -> Iterator[str]:
        """The plan in sentences. Pure."""
        yield from self.notes
        for one in dict.fromkeys([*self.owned, *self.further_tags]):
            yield f"Will be tagged as the stack's: {one}"

    def end(self) -> Iterator[str]:
        """The result in sentences. Pure."""
        yield f"Usher now manages {self.dataset_group}: {self.bucket.url(self.group)}/"
        if is_costly(self.drafted):
            yield "The next run does all this."


def plan_adoption(
    stack: DeployedStack, group: str, existing: Existing, bucket: Preview, *, from_stack: str, anyway: bool
) -> Adoption:
    """The adoption of a dataset group and its resources by a group, whose files are then in the bucket. Changes
    nothing.

    Raises UsherError if they are another owner's. `from_stack`: the name of a stack whose resources may be taken;
    `anyway`: adopt them even if the next run would cost money, or CloudFormation manages a resource.
    """
    arn, name = existing.arn, existing.arn.rpartition("/")[2]
    further_tags: dict[str, Mapping[str, str]] = {arn: {GROUP_TAG: group}}
    plan = draft_of(stack, group, bucket, further_tags).plan
    if plan is None:
        raise UsherError(f"{name} has no interactions. There is nothing to take over.")
    if plan.resources[0].arn != arn:
        raise UsherError(
            f"The files in {bucket.url(group)}/ are not for the dataset group {name}. To use them for "
            f"it, say in usher.yaml: adopt: {{dataset_group/{group}: {name}}}"
        )
    target = stack.target(group)
    inventory = Inventory(stack.clients, target.stack_arn)
    owned = [one for kind, _, one in existing_resources(inventory, target, plan.resources) if kind.has_owner]
    check_owners(inventory, owned, group, from_stack, anyway=anyway)
    inputs, outdated = made_from(inventory, plan.resources, bucket.copies)
    further_tags |= inputs
    drafted, tags = draft_of(stack, group, bucket, further_tags), inventory.tags(arn)
    is_own = tags.get(STACK_TAG) == target.stack_arn and tags.get(GROUP_TAG, group) == group
    return Adoption(
        group, name, arn, bucket, inventory, owned, further_tags,
        [f"Note: {one} is older than its inputs." for one in outdated],
        drafted,
        is_refused=is_costly(drafted) and not (is_own or anyway),
    )  # fmt: skip


def carry_out(planned: Adoption) -> None:
    """Tag the resources, and put config and data into the bucket. Raises UsherError if it is refused."""
    if planned.is_refused:
        raise UsherError(REFUSED)
    tag_as_own(planned.inventory, planned.owned, planned.further_tags)
    planned.bucket.put()


def adopt(
    stack: DeployedStack, dataset_group: str, group: str, *, from_stack: str = "", anyway: bool = False
) -> Action:
    """The adoption of a dataset group, with the config that describes it."""

    @cache
    def planned() -> tuple[Existing, Adoption]:
        valid_group(group)
        existing = read_existing(stack.clients["personalize"], dataset_group, group)
        bucket = preview(stack, group, existing, "" if has_files(stack.bucket, group) else config_text(existing))
        return existing, plan_adoption(stack, group, existing, bucket, from_stack=from_stack, anyway=anyway)

    def plan() -> PlanView:
        existing, adoption = planned()
        view, notes = plan_view(adoption.drafted), [f"Note: {one}" for one in existing.notes]
        refused = [REFUSED] if adoption.is_refused else []
        sentences = [*refused, *notes, *adoption.sentences(), *view["sentences"]]
        return {**view, "sentences": sentences, "isWork": not adoption.is_refused}

    def do(_: Progress) -> Done:
        adoption = planned()[1]
        carry_out(adoption)
        return Done("\n".join(adoption.end()))

    return Action(f"Take over {dataset_group}", plan, do)


def config_text(existing: Existing) -> str:
    """The `usher.yaml` of a dataset group."""
    return yaml.safe_dump(existing.content, sort_keys=False, allow_unicode=True, width=120)


def has_files(bucket: Bucket, group: str) -> bool:
    """Whether a group has a config or data, in its folder or in one of the AWS Solution's."""
    keys = (key for folder in group_folders(group) for key in bucket.keys(folder) if group_of(key) == group)
    return any(is_config(key) or is_data(key) for key in keys)


def preview(stack: DeployedStack, group: str, existing: Existing, text: str) -> Preview:
    """The bucket with a config and with the data of the dataset group; without a config, as it is."""
    bucket = stack.bucket
    if not text:
        return Preview(bucket.s3, bucket.name)
    copies = sources(bucket.s3, group, existing.locations)
    return Preview(bucket.s3, bucket.name, {config_keys(group)[0]: text.encode()}, copies)
