"""Take over what there is in Personalize: tell it what it was made from, so that Usher does not make it again."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import IO, Any

from usher.errors import UsherError
from usher.resources.inventory import Inventory
from usher.resources.kinds import GROUP_TAG, INPUTS_TAG, KINDS, STACK_TAG, Resource
from usher.resources.ownership import CLOUDFORMATION_TAG, stack_name
from usher.storage.bucket import Bucket, File


@dataclass(frozen=True, slots=True)
class Source:
    """An object that lies somewhere else, and since when."""

    bucket: str
    key: str
    modified: datetime
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class Preview(Bucket):
    """The bucket as it will be once some files have been put there."""

    config: Mapping[str, bytes] = field(default_factory=dict)
    copies: Mapping[str, Source] = field(default_factory=dict)
    """By key."""

    def files(self, prefix: str) -> list[File]:
        """All objects below a prefix, sorted by their keys."""
        added = [File(key, len(content), "") for key, content in self.config.items()]
        added += [File(key, source.size, source.etag) for key, source in self.copies.items()]
        found = {file.key: file for file in (*Bucket.files(self, prefix), *added) if file.key.startswith(prefix)}
        return [found[key] for key in sorted(found)]

    def open(self, key: str, **conditions: str) -> IO[bytes]:
        """An object's bytes as a stream."""
        if key in self.config:
            return BytesIO(self.config[key])
        if key in self.copies:
            source = self.copies[key]
            return Bucket(self.s3, source.bucket).open(source.key, **conditions)
        return Bucket.open(self, key, **conditions)

    def put(self) -> None:
        """Put the files there, config first and interactions last: a run without them has nothing to do."""
        for key, content in self.config.items():
            self.write(key, content)
        for key in sorted(self.copies, key=lambda key: ("/interactions" in key, key)):
            source = self.copies[key]
            if (source.bucket, source.key) != (self.name, key):
                self.s3.copy({"Bucket": source.bucket, "Key": source.key}, self.name, key)


def sources(s3: Any, group: str, locations: Mapping[str, str]) -> dict[str, Source]:
    """The objects behind what each dataset was imported from, by the keys they get in a group's folder."""
    return {
        f"{group}/{dataset}{tail}": source
        for dataset, location in locations.items()
        for tail, source in _objects(s3, dataset, location)
    }


def _objects(s3: Any, dataset: str, location: str) -> Iterator[tuple[str, Source]]:
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    found = [one for page in pages for one in page.get("Contents", []) if not one["Key"].endswith("/")]
    if not prefix.endswith("/"):
        found = [one for one in found if one["Key"] == prefix]
    if not found:
        raise UsherError(
            f"The {dataset} were imported from {location}, where nothing lies any more. "
            "Import them anew by putting them into the group's folder, with the config that this command prints."
        )
    for one in found:
        name = one["Key"].rpartition("/")[2].removesuffix(".csv")
        tail = f"/{name}.csv" if prefix.endswith("/") else ".csv"
        yield tail, Source(bucket, one["Key"], one["LastModified"], one["Size"], one["ETag"])


def check_owners(inventory: Inventory, arns: Iterable[str], group: str, from_stack: str, *, anyway: bool) -> None:
    """Raise UsherError where a resource is another stack's than `from_stack`, or CloudFormation's and not `anyway`.

    Likewise where the dataset group is that of another folder of the stack, which gives it up if it is `from_stack`.
    """
    for arn in arns:
        tags = inventory.tags(arn)
        served = tags.get(GROUP_TAG, group)
        if served != group and stack_name(tags.get(STACK_TAG, "")) != from_stack:
            name = stack_name(tags.get(STACK_TAG, ""))
            raise UsherError(
                f"{arn} is that of the folder {served}/ of the stack {name}, whose runs will be refused once it is "
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
                f"{arn} is managed by the CloudFormation stack {managed}, whose next update may undo what Usher does. "
                "Take it out of that stack first (DeletionPolicy: Retain), or take it over all the same: --anyway."
            )


def made_from(
    inventory: Inventory, wanted: Sequence[Resource], data: Mapping[str, Source]
) -> tuple[dict[str, dict[str, str]], list[str]]:
    """What imports and versions were made from, as tags by ARN, if they can have been made from it. Changes nothing.

    And the ids of those that were made too early to have been; Usher will make them again.
    """
    arns: dict[str, str] = {}
    tags: dict[str, dict[str, str]] = {}
    outdated: list[str] = []
    newest = max((source.modified for source in data.values()), default=None)
    for resource in wanted:
        found = inventory.find(resource, arns)
        if found is None:
            continue
        arns[resource.id] = found.arn
        if not newest or not resource.inputs or found.inputs:
            continue
        if found.details["creationDateTime"] < newest:
            outdated.append(resource.id)
            continue
        tags[found.arn] = {INPUTS_TAG: resource.inputs}
        if resource.kind == "dataset_import_job":
            newest = max(newest, found.details["lastUpdatedDateTime"])
    return tags, outdated


def claim(inventory: Inventory, owned: Sequence[str], claims: Mapping[str, Mapping[str, str]]) -> None:
    """Tag resources as the stack's own, and with further tags by ARN (`claims`).

    Versions, too: IAM may look at their tags where a solution's are asked for.
    """
    versions = [
        one["solutionVersionArn"]
        for arn in owned
        if ":solution/" in arn
        for one in inventory.summaries(KINDS["solution_version"], {"solutionArn": arn})
    ]
    for arn in dict.fromkeys((*owned, *versions, *claims)):
        tags = {**claims.get(arn, {}), STACK_TAG: inventory.stack_arn}
        inventory.tag(arn, [{"tagKey": key, "tagValue": value} for key, value in tags.items()])
