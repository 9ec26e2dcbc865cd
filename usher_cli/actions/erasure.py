"""A group's own files that name users to be erased, and the request to erase them."""

import secrets
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from pathlib import Path

from usher.erasure.erased_users import ErasedUsers, checked_users, read_list, written_list
from usher.erasure.erasure import list_key
from usher.erasure.files import count_in_object, erase_in_object, versions_with_content
from usher.errors import UsherError
from usher.planning.config_file import load_readings
from usher.planning.tasks import ERASURE
from usher.run_record import RunRecord
from usher.storage.bucket import Bucket, Version
from usher.storage.layout import OUT, as_own_key, dataset_of, is_data, is_request, job_folders
from usher.texts import number_of

from usher_cli.actions.action import Action, Done, PlanView, Progress, in_sentences
from usher_cli.deployed_stack import DeployedStack

PLAN = (
    "{users} of {group}: erased from the exports, kept events, reports and records in the bucket, in all versions that "
    "S3 keeps; from the table and the queues; and by a data deletion job from Personalize, which takes up to a day."
)
NAMED = "  {key}: {rows}{former}"
STAYS = "These files of yours name them, and stay: the next import brings them back. Use --data to have them rewritten."
GOES = "These files of yours name them, and are rewritten without them, which starts a run that imports and trains:"
REQUESTED = "Requested as {reference}. To follow it: usher status {group} --follow"
USERS = "USER_ID"
TAG = "usher=erase"
"""The tag by which S3 deletes a list that no run has processed (template.yaml)."""
OF_USERS = ("interactions", "users", "action_interactions")
"""The datasets that name users."""


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A file of the group's own that names some of the users."""

    key: str
    rows: int
    """The number of their rows in its present version."""
    formerVersions: int  # noqa: N815 - printed as JSON
    """The number of former or deleted versions that also name them."""


def erase(stack: DeployedStack, group: str, users: Sequence[str], *, data: bool) -> Action:
    """Erase users. `data`: the group's own files are rewritten without them, too."""
    erased = ErasedUsers(group, frozenset(users))
    own = cache(lambda: list(own_files(stack.bucket, erased)))

    def plan() -> PlanView:
        return in_sentences(*sentences(erased, own(), data=data))

    def carry_out(_: Progress) -> Done:
        reference, execution = erase_and_request(stack, erased, own() if data else ())
        return Done(REQUESTED.format(reference=reference, group=group), execution)

    subject = users[0] if len(users) == 1 else f"{len(users)} users"
    return Action(f"Erase {subject}", plan, carry_out, typed=subject)


def sentences(erased: ErasedUsers, own: Sequence[OwnFile], *, data: bool) -> Iterator[str]:
    """The effects of an erasure, and on the group's own files, in sentences. Pure."""
    yield PLAN.format(users=number_of(len(erased.users), "user"), group=erased.group)
    if own:
        yield GOES if data else STAYS
    for one in own:
        former = f", and {number_of(one.formerVersions, 'former version')}" if one.formerVersions else ""
        yield NAMED.format(key=one.key, rows=number_of(one.rows, "row"), former=former)


def erase_and_request(stack: DeployedStack, erased: ErasedUsers, rewritten: Iterable[OwnFile]) -> tuple[str, str]:
    """Rewrite some of the group's own files, and request the rest; return the request's reference and the execution."""
    if keys := {one.key for one in rewritten}:
        erase_own(stack.bucket, erased, keys)
    return request(stack, erased.group, sorted(erased.users))


def named_users(user: str | None, file: Path | None) -> list[str]:
    """The users that a command line names. Raises UsherError if there are none."""
    listed = read_list(file.read_text(encoding="utf-8-sig")) if file else []
    return checked_users([*([user] if user else []), *listed])


def own_files(bucket: Bucket, erased: ErasedUsers) -> Iterator[OwnFile]:
    """The group's own files that name users, in any version that S3 keeps."""
    for of_key, columns in _versions_of_own(bucket, erased.group):
        rows = {version: count_in_object(bucket, erased, version, columns) for version in of_key}
        if any(rows.values()):
            latest = sum(found for version, found in rows.items() if version.is_latest)
            former = sum(found > 0 for version, found in rows.items() if not version.is_latest)
            yield OwnFile(of_key[0].key, latest, former)


def erase_own(bucket: Bucket, erased: ErasedUsers, keys: Collection[str]) -> None:
    """Erase users from the group's own files. Raises UsherError for one that another writer has changed meanwhile."""
    for of_key, columns in _versions_of_own(bucket, erased.group):
        key = of_key[0].key
        if key in keys:
            erase_in_object(bucket, erased, of_key, columns)
            if any(
                count_in_object(bucket, erased, one, columns)
                for one in versions_with_content(bucket, key)
                if one.key == key
            ):
                raise UsherError(f"{bucket.url(key)} has changed meanwhile, and still names them. Repeat the command.")


def _versions_of_own(bucket: Bucket, group: str) -> Iterator[tuple[Sequence[Version], Collection[str]]]:
    """The versions of each file that may name users, and the names of its column of users besides USER_ID."""
    readings = load_readings(bucket, group)
    aliases = {
        dataset: [name for name, target in reading.columns.items() if target == USERS]
        for dataset, reading in readings.items()
    }
    for folder in job_folders(group):
        for key, of_key in groupby(versions_with_content(bucket, folder), lambda version: version.key):
            if as_own_key(key).split("/")[1:2] == [OUT]:
                continue
            if is_data(key) and dataset_of(key) in OF_USERS:
                yield list(of_key), aliases.get(dataset_of(key), ())
            elif is_request(key):
                yield list(of_key), ()


def request(stack: DeployedStack, group: str, users: Sequence[str]) -> tuple[str, str]:
    """Request the erasure of users; return the request's reference, which names no user, and the execution's ARN."""
    reference = secrets.token_hex(8)
    stack.bucket.write(list_key(group, reference), written_list(users).encode(), Tagging=TAG)
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    return reference, stack.start(group=group, task=ERASURE, list=reference, at=at)


def record_of(stack: DeployedStack, group: str, reference: str) -> RunRecord:
    """The record of the run that has carried a request out. Raises UsherError if there is none."""
    for run in reversed(stack.runs(group)):
        record = run.read_or_empty()
        if record.get("erasure", {}).get("reference") == reference:
            return record
    raise UsherError(f"No user is erased: the execution ended before it handled the request {reference}. Repeat it.")
