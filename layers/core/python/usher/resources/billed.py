"""The existing resources of a dataset group that may cost money as long as they exist."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from usher.names import label_of
from usher.resources.inventory import Inventory
from usher.resources.kinds import KINDS
from usher.resources.lookup import is_being_deleted


@dataclass(frozen=True, slots=True)
class Billed:
    """A campaign, a recommender, or a solution, which may be trained automatically."""

    kind: str
    arn: str
    members: Mapping[str, Any]
    """The members of Describe's response."""
    solution: Mapping[str, Any]
    """Describe's members of the solution behind it; empty for a recommender."""

    def id_in(self, group: str) -> str:
        """The id of the Resource, derived from the name."""
        name = self.arn.rpartition("/")[2]
        return f"{self.kind}/{label_of(name).removeprefix(f'{group}-') or name}"


def find_billed(inventory: Inventory, group_arn: str) -> Iterator[Billed]:
    """The billed resources of a dataset group; none if it does not exist. Changes nothing."""
    if not inventory.describe(KINDS["dataset_group"], group_arn):
        return
    within = {"datasetGroupArn": group_arn}
    for solution in _existing(inventory, "solution", within):
        yield Billed("solution", solution["solutionArn"], solution, solution)
        for campaign in _existing(inventory, "campaign", {"solutionArn": solution["solutionArn"]}):
            yield Billed("campaign", campaign["campaignArn"], campaign, solution)
    for recommender in _existing(inventory, "recommender", within):
        yield Billed("recommender", recommender["recommenderArn"], recommender, {})


def _existing(inventory: Inventory, kind: str, within: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Describe's members of each resource of a kind within a parent that is not being deleted."""
    for summary in inventory.summaries(KINDS[kind], within):
        details = inventory.describe(KINDS[kind], str(summary[f"{kind}Arn"]))
        if details and not is_being_deleted(details):
            yield details
