"""What the remedies of mistakes in a config lead to is not only planned: one of each part of the config is deployed."""

import json

import pytest

from tests.unit.usher.planning.test_bad_configs import FILES, MISTAKES
from usher_local.simulation.stack import Stack

pytestmark = pytest.mark.exhaustive


CORRECTED = {place.partition(".")[0].split("/")[0]: right for _, place, _, _, right in reversed(MISTAKES)}
"""By the part of the config that was wrong, the first corrected one."""


@pytest.mark.parametrize("part", CORRECTED)
def test_a_corrected_config_is_deployed(stack: Stack, part: str) -> None:
    for name, content in FILES.items():
        if content:
            stack.put(f"shop/{name}", content)
    stack.put("shop/usher.yaml", CORRECTED[part])
    ended = stack.drop("shop/interactions.csv")
    *_, record = stack.read(r"shop/out/runs/.*/run\.json").values()
    assert (ended.status, record["outcome"]) in {("SUCCEEDED", "SUCCEEDED"), ("SUCCEEDED", "HELD")}, json.dumps(record)
    assert all(one["status"] in {"READY", "HELD"} for one in record["resources"])
