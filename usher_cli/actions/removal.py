"""`usher remove`: the contents and costs of a group, its removal by the pipeline, and the remaining resources."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import TypedDict

from usher.costs.ledger import Spending
from usher.errors import InputError, UsherError
from usher.exports.group_cleanup import FOLDERS
from usher.planning.removal import draft_removal
from usher.planning.tasks import REMOVAL
from usher.resources.inventory import Inventory
from usher.resources.kinds import KINDS
from usher.resources.unmanaged import Unmanaged
from usher.run_record import CostRecord, ProblemRecord, RunRecord
from usher.run_summary import monthly_text, monthly_totals, summarize
from usher.storage.bucket import Bucket, Version
from usher.storage.layout import OUT, SOLUTION_JOBS_FOLDER, group_of, job_folders
from usher.storage.table_batches import TableBatches
from usher.texts import number_of

from usher_cli.actions.action import Action, Done, PlanView, Progress, deletion_row
from usher_cli.costs import account_cost, sums
from usher_cli.deployed_stack import DeployedStack
from usher_cli.status import last_record, until_done

LISTED = [kind for kind in KINDS.values() if kind.can_be_deleted]
"""The kinds that are listed to verify that nothing is left. Versions are deleted with their solutions; jobs stay in
Personalize's lists, and cost nothing.
"""

NAMED = 20
"""The most remaining things that are named."""


class RemovedResource(TypedDict):
    """A resource of the group, in Personalize or EventBridge Scheduler."""

    id: str
    arn: str
    stays: str
    """The reason why it stays; empty: it is deleted."""


class Files(TypedDict):
    """Files of the group."""

    files: int
    bytes: int
    former: int
    """The number of former versions and delete markers of files, which the bucket keeps for 90 days."""


class Removal(TypedDict):
    """The plan of a group's removal, or its result."""

    group: str
    resources: Sequence[RemovedResource]
    """The resources, in the order in which they are deleted."""
    keys: Sequence[str]
    """The names of the API keys that are deleted."""
    output: Files
    """Exports and other output, which are deleted."""
    own: Files
    """The group's own files, its kept events and the records of its runs."""
    data: bool
    """Whether the group's own files are deleted, too."""
    costs: CostRecord
    """The monthly costs of the group before the removal."""
    saves: CostRecord
    """The part of the costs that ends."""
    done: bool
    """Whether the removal has been carried out."""
    problems: Sequence[ProblemRecord]
    """The problems that have prevented the removal."""
    left: Sequence[str]
    """The deleted things that still exist, as listed afterwards: ARNs, files, items of the table."""
    listed: Mapping[str, int]
    """The number of resources of each kind that the services listed afterwards, of all owners."""


def remove(stack: DeployedStack, group: str, *, data: bool) -> Action:
    """Remove a group, wait for the end, and verify it by listing. `data`: delete its own files, too."""
    planned = cache(lambda: plan_removal(stack, group, data=data))

    def carry_out_(report: Progress) -> Done:
        removed = carry_out(stack, planned(), lambda record: report(summarize(record)["progress"]))
        problems = [f"{one['place']}: {one['message']} {one.get('remedy', '')}" for one in removed["problems"]]
        return Done("\n".join([*problems, *end_of(removed)]))

    return Action(f"Remove {group}", lambda: plan_view_of(planned()), carry_out_, typed=group)


def plan_view_of(planned: Removal) -> PlanView:
    """The plan of a removal, for people. Pure."""
    prices = {one["arn"]: f"Costs: {monthly_text(one)}." for one in planned["costs"]["monthly"]}
    sentences = [] if planned["resources"] else [f"{planned['group']} has no resources in Personalize."]
    if planned["keys"]:
        sentences.append(f"API keys that end: {', '.join(planned['keys'])}.")
    verb = "go, with all former versions" if planned["data"] else "stay; with --data, they go, too"
    sentences += [
        f"Exports and other output: {_files_text(planned['output'])} go.",
        f"Files of your own, kept events and records of runs: {_files_text(planned['own'])} {verb}.",
        f"It costs {sums(planned['costs'])}",
    ]
    rows = [
        deletion_row(one["id"], one["stays"] or prices.get(one["arn"], ""), goes=not one["stays"])
        for one in planned["resources"]
    ]
    return {"sentences": sentences, "rows": rows, "problems": [], "isWork": True}


def end_of(removed: Removal) -> list[str]:
    """The remaining resources of a group after its removal, as the services list them, and the saved costs. Pure."""
    if left := removed["left"]:
        more = [f"* and {len(left) - NAMED} more"] if len(left) > NAMED else []
        remedy = "Follow the remedies of the problems, and repeat the removal: it continues."
        return [f"Still there of {removed['group']}:", *(f"* {one}" for one in left[:NAMED]), *more, remedy]
    listed = ", ".join(f"{words}: {number}" for words, number in removed["listed"].items())
    return [
        f"Nothing is left of {removed['group']}. The remaining resources belong to others: {listed}.",
        f"That saves {sums(removed['saves'])}",
    ]


def _files_text(files: Files) -> str:
    return f"{number_of(files['files'], 'file')} ({files['bytes'] / 1e6:,.1f} MB)"


def plan_removal(stack: DeployedStack, group: str, *, data: bool) -> Removal:
    """The plan of a group's removal. Changes nothing. `data`: delete the group's own files, too.

    Raises UsherError if the stack knows no such group, and InputError if the pipeline could not plan the removal.
    """
    versions, items = list(versions_of(stack.bucket, group)), list(TableBatches(stack.table).query(group))
    inventory = Inventory(stack.clients, stack.target(group).stack_arn)
    existing: Sequence[Unmanaged] = ()
    try:
        existing = existing_of(stack, group, inventory)
    except InputError:
        if versions or items:
            raise
    if not (versions or items or existing):
        raise UsherError(f"The stack {stack.name} has no group {group}.{stack.suggestion_for(group)}")
    users = users_elsewhere(inventory, existing)
    resources = [_resource(one, users.get(one.arn, ())) for one in existing]
    staying = {one["arn"] for one in resources if one["stays"]}
    costs = [part for one in account_cost(stack, group)["groups"] for part in one["now"]["monthly"]]
    output = [one for one in versions if one.key.startswith(output_folders(group))]
    return {
        "group": group,
        "resources": resources,
        "keys": [key.name for key in stack.keys.of(group)],
        "output": _files_of(output),
        "own": _files_of(one for one in versions if one not in output),
        "data": data,
        "costs": monthly_totals(costs),
        "saves": monthly_totals([part for part in costs if part["arn"] not in staying]),
        "done": False,
        "problems": [],
        "left": [],
        "listed": {},
    }


def existing_of(stack: DeployedStack, group: str, inventory: Inventory) -> Sequence[Unmanaged]:
    """All resources of a group, as the pipeline finds them for a removal. Raises InputError if it can't."""
    drafted = draft_removal(stack.bucket, stack.target(group), inventory, Spending(stack.table).of(group))
    return drafted.plan.to_delete if drafted.plan else ()


def items_of(stack: DeployedStack, group: str) -> Iterator[str]:
    """A group's items of the table, except those that expire: its spending, and the mark of its removal."""
    return (one["item"] for one in TableBatches(stack.table).query(group) if "expires" not in one)


def output_folders(group: str) -> tuple[str, ...]:
    """The folders of the bucket whose files the pipeline deletes with a group."""
    return tuple(f"{group}/{OUT}/{folder}/" for folder in FOLDERS)


def _resource(one: Unmanaged, users: Sequence[str]) -> RemovedResource:
    stays = f"used by {', '.join(users)}" if users else "" if one.delete else one.reason
    return {"id": one.id, "arn": one.arn, "stays": stays}


def _files_of(versions: Iterable[Version]) -> Files:
    some = list(versions)
    files = [one.size for one in some if is_file(one)]
    return {"files": len(files), "bytes": sum(files), "former": len(some) - len(files)}


def users_elsewhere(inventory: Inventory, existing: Sequence[Unmanaged]) -> dict[str, list[str]]:
    """The datasets of other groups that use a schema, by its ARN: Personalize then refuses to delete it.

    No other resource of a dataset group can be used outside it.
    """
    users: dict[str, list[str]] = {one.arn: [] for one in existing if one.kind == "schema"}
    if users:
        own, kind = {one.arn for one in existing}, KINDS["dataset"]
        for summary in inventory.summaries(kind, {}):
            schema = inventory.describe(kind, summary["datasetArn"]).get("schemaArn", "")
            if schema in users and summary["datasetArn"] not in own:
                users[schema].append(summary["datasetArn"])
    return users


def carry_out(stack: DeployedStack, planned: Removal, report: Callable[[RunRecord], None]) -> Removal:
    """Remove a group, and list the remaining resources. `report`: gets the run's record repeatedly.

    It may be repeated after an interruption: deleted things stay deleted, and the rest is deleted.
    """
    group = planned["group"]
    versions = list(versions_of(stack.bucket, group))
    problems = _problems(_removed(stack, group, report), group)
    if planned["data"] and not problems:
        written = (one for one in versions_of(stack.bucket, group) if one.key.startswith(f"{group}/{OUT}/"))
        stack.bucket.delete_versions(list(dict.fromkeys([*versions, *written])))
    left, listed = find_remaining(stack, planned)
    return {**planned, "done": not problems and not left, "problems": problems, "left": left, "listed": listed}


def _removed(stack: DeployedStack, group: str, report: Callable[[RunRecord], None]) -> RunRecord:
    """Have the pipeline remove a group; return the record of the run that ended last."""
    for record in until_done(stack, group, stack.start(group=group, task=REMOVAL)):
        report(record)
    return last_record(stack, group)


def _problems(record: RunRecord, group: str) -> Sequence[ProblemRecord]:
    if record.get("removal") or record.get("problems"):
        return record.get("problems", ())
    message = "was created again after its removal, because a file was added in the meantime."
    return [{"place": f"{group}/", "message": message, "remedy": "Add no more files, and remove it again."}]


def find_remaining(stack: DeployedStack, planned: Removal) -> tuple[list[str], dict[str, int]]:
    """The deleted things that still exist; and the number of resources of each kind, of all owners.

    Each service lists all resources of a kind, so nothing is inferred from the end of the dataset group.
    """
    group, target = planned["group"], stack.target(planned["group"])
    inventory = Inventory(stack.clients, target.stack_arn)
    known, listed = {one["arn"] for one in planned["resources"]}, dict[str, int]()
    found = {one.arn for one in existing_of(stack, group, inventory)}
    for kind in LISTED:
        narrowed_by = {"GroupName": target.schedule_group} if kind.service == "scheduler" else {}
        arns = {str(one.get(f"{kind.member}Arn") or one["Arn"]) for one in inventory.summaries(kind, narrowed_by)}
        listed[kind.words], found = len(arns), found | (arns & known)
    files = [one for one in versions_of(stack.bucket, group) if planned["data"] or is_file(one)]
    keys = {one.key for one in files if planned["data"] or one.key.startswith(output_folders(group))}
    items = (f"{stack.table.name}: {group}, {item}" for item in items_of(stack, group))
    return [*sorted(found), *sorted(map(stack.bucket.url, keys)), *sorted(items)], listed


def versions_of(bucket: Bucket, group: str) -> Iterator[Version]:
    """All objects in a group's folders, with their former versions and delete markers."""
    for folder in job_folders(group):
        for one in bucket.versions(folder):
            if folder.startswith(f"{SOLUTION_JOBS_FOLDER}/") or group_of(one.key) == group:
                yield one


def is_file(version: Version) -> bool:
    """Whether a version is the present one of an object."""
    return version.is_latest and not version.is_mark
