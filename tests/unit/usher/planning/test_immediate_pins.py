"""The live version is the one in the campaign's description, whatever a person requested."""

from typing import Any

import pytest
from usher.planning.immediate_pins import promote_pinned
from usher.planning.pins import Pin
from usher.resources.inventory import Inventory
from usher.resources.kinds import Kind
from usher.serving.serving_map import ServingMap

OLD, NEW = "arn:solution/a/1", "arn:solution/a/2"
PINS = {"a": Pin(OLD, "Ann", "worse", "2024-01-01", NEW, NEW)}


class Campaign(Inventory):
    """An account with one campaign, as Describe returns it, which records its updates."""

    def __init__(self, **details: Any) -> None:
        super().__init__({}, "")
        self.details, self.updates = details, list[dict[str, Any]]()

    def describe(self, kind: Kind, arn: str) -> dict[str, Any]:  # noqa: ARG002
        return self.details

    def update(self, kind: Kind, arn: str, members: Any) -> None:  # noqa: ARG002
        self.updates.append(members)


def serving(version: str, campaign: str | None = "arn:campaign/a") -> ServingMap:
    return {"solutions": {"a": {"type": "T", "campaignArn": campaign, "solutionVersionArn": version}}}


def update(version: str, status: str) -> dict[str, str]:
    return {"solutionVersionArn": version, "status": status}


@pytest.mark.parametrize(
    ("live", "latest", "served", "is_under_way", "is_ordered"),
    [
        (NEW, None, NEW, True, True),
        (NEW, update(NEW, "ACTIVE"), NEW, True, True),
        (NEW, update(OLD, "CREATE PENDING"), NEW, True, False),
        (NEW, update(OLD, "CREATE IN_PROGRESS"), NEW, True, False),
        (NEW, update(OLD, "CREATE FAILED"), NEW, False, False),
        (NEW, update("arn:solution/a/3", "CREATE IN_PROGRESS"), NEW, True, False),
        (NEW, update("arn:solution/a/3", "CREATE FAILED"), NEW, True, True),
        (OLD, update(OLD, "ACTIVE"), OLD, False, False),
        (OLD, update("arn:solution/a/3", "CREATE FAILED"), OLD, False, False),
    ],
)
def test_a_version_is_served_once_its_campaign_shows_it(
    live: str, latest: Any, served: str, is_under_way: bool, is_ordered: bool
) -> None:
    campaign = Campaign(solutionVersionArn=live, latestCampaignUpdate=latest)
    assert promote_pinned(campaign, serving(NEW), PINS) == (serving(served), is_under_way)
    assert campaign.updates == [{"solutionVersionArn": OLD}] * is_ordered


def test_a_version_without_a_campaign_serves_at_once() -> None:
    assert promote_pinned(Campaign(), serving(NEW, None), PINS) == (serving(OLD, None), False)


@pytest.mark.parametrize("former", [{}, serving("arn:solution/renamed/7")])
def test_the_version_of_another_solution_is_left_to_the_run(former: ServingMap) -> None:
    assert promote_pinned(Campaign(solutionVersionArn=NEW), former, PINS)[0].get("solutions", {}) == former.get(
        "solutions", {}
    )


def test_a_deleted_campaign_is_left_to_the_run() -> None:
    assert promote_pinned(Campaign(), serving(NEW), PINS) == (serving(NEW), False)
