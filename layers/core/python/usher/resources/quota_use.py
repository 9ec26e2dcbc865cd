"""The use of Personalize's quotas by a stack's groups. Reads only.

A solution and its replaced predecessors count as one, as predecessors are deleted when room is needed. Kinds with a
quota of one in a group are left out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from usher.clients import Clients
from usher.names import label_of
from usher.resources.kinds import GROUP_TAG, KINDS, STACK_TAG, Kind
from usher.resources.lookup import is_being_deleted, summaries, tags_of
from usher.resources.quotas import account_quotas, quota_of

LIMITED = [kind for kind in KINDS.values() if kind.quota > 1]


@dataclass(frozen=True, slots=True)
class QuotaUse:
    """The number of resources of a kind, and its limit."""

    group: str
    """The group; empty for a quota of the region."""
    kind: str
    number: int
    limit: int

    @property
    def percent(self) -> float:
        """The used share of the quota."""
        return 100 * self.number / self.limit


def quota_uses(clients: Clients, stack_arn: str) -> Iterator[QuotaUse]:
    """The use of each quota, of the region and of the stack's groups. `clients`: also that of service-quotas."""
    quotas = account_quotas(clients["service-quotas"])
    for kind in LIMITED:
        if not kind.in_dataset_group:
            yield QuotaUse("", kind.name, len(_existing(clients, kind, {})), quota_of(kind, quotas))
    for dataset_group in _existing(clients, KINDS["dataset_group"], {}):
        arn = dataset_group["datasetGroupArn"]
        tags = tags_of(clients, arn)
        if tags.get(STACK_TAG) == stack_arn and GROUP_TAG in tags:
            for name, number in _numbers(clients, arn).items():
                yield QuotaUse(tags[GROUP_TAG], name, number, quota_of(KINDS[name], quotas))


def _numbers(clients: Clients, dataset_group: str) -> dict[str, int]:
    """The number of resources of each kind in a dataset group."""
    group = {"datasetGroupArn": dataset_group}
    solutions = _existing(clients, KINDS["solution"], group)
    parents = {"datasetGroupArn": [group], "solutionArn": [{"solutionArn": one["solutionArn"]} for one in solutions]}
    found = {
        kind: [one for parent in parents[str(kind.listed_by)] for one in _existing(clients, kind, parent)]
        for kind in LIMITED
        if kind.in_dataset_group and kind.name != "solution"
    }
    current = {label_of(one["name"]) or one["name"] for one in solutions}
    return {kind.name: len(some) for kind, some in found.items()} | {"solution": len(current)}


def _existing(clients: Clients, kind: Kind, narrowed_by: Mapping[str, str]) -> list[dict[str, Any]]:
    return [one for one in summaries(clients, kind, narrowed_by) if not is_being_deleted(one)]
