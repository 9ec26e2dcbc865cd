"""All checks of a deployed stack; with a group, also that Personalize's quotas allow its config."""

from collections import Counter
from collections.abc import Iterator

from usher.planning.quota_check import count_created, count_existing, count_in_region
from usher.resources.inventory import Inventory

from usher_cli.deployed_stack import DeployedStack
from usher_cli.doctor.checks import CHECKS
from usher_cli.doctor.examination import Deployment, Result, examine
from usher_cli.drafts import draft_of


def examination_of(stack: DeployedStack, group: str | None = None) -> Iterator[Result]:
    """The results of the checks, one by one. Raises UsherError if there is no stack."""

    def counted() -> tuple[Counter[str], Counter[str]]:
        inventory = Inventory(stack.clients, stack.target("any").stack_arn)
        if not group:
            return count_in_region(inventory), Counter()
        drafted = draft_of(stack, group, stack.bucket)
        resources, deleted = (drafted.plan.resources, drafted.plan.to_delete) if drafted.plan else ((), ())
        existing = count_existing(inventory, stack.target(group), resources)
        return existing, count_created(drafted.states) - Counter(one.kind for one in deleted)

    return examine(Deployment(stack, group, counted), CHECKS)
