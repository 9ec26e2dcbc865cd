"""Puts pinned versions into service at once, without waiting for the running run."""

from collections.abc import Mapping
from typing import Any

from usher.planning.pins import Pin
from usher.resources.decisions import BROKEN
from usher.resources.inventory import Inventory
from usher.resources.kinds import KINDS, LIVE_VERSION
from usher.serving.serving_map import ServedSolution, ServingMap

CAMPAIGN = KINDS["campaign"]


def promote_pinned(inventory: Inventory, former: ServingMap, pins: Mapping[str, Pin]) -> tuple[ServingMap, bool]:
    """Order the updates of campaigns; return the map of the present state, and whether an update is under way.

    A failed update is left to the run, which reports it. `pins`: those that hold, by solution. Raises the service's
    error if it refuses an update.
    """
    solutions, is_under_way = dict(former.get("solutions", {})), False
    for name, pin in pins.items():
        served = solutions.get(name, {})
        if pin.version.rpartition("/")[0] != served.get("solutionVersionArn", "").rpartition("/")[0]:
            continue
        campaign = served.get("campaignArn")
        details: Any = inventory.describe(CAMPAIGN, campaign) if campaign else {LIVE_VERSION: pin.version}
        update = details.get(CAMPAIGN.latest_update) or {"status": "ACTIVE"}
        if details.get(LIVE_VERSION) == pin.version:
            solutions[name] = ServedSolution(**{**served, "solutionVersionArn": pin.version})
        elif update["status"] != "ACTIVE" and not update["status"].endswith(BROKEN):
            is_under_way = True
        elif campaign and details and (update["status"] == "ACTIVE" or update[LIVE_VERSION] != pin.version):
            inventory.update(CAMPAIGN, campaign, {LIVE_VERSION: pin.version})
            is_under_way = True
    return ({**former, "solutions": solutions} if pins else former), is_under_way
