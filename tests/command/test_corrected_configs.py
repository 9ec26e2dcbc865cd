"""Corrected configs can be deployed, not only planned: one for each part of the config."""

import json

import pytest

from tests.unit.usher.planning.test_bad_configs import FILES, MISTAKES
from usher_local.simulation.stack import Stack

pytestmark = pytest.mark.exhaustive


CORRECTED = {place.partition(".")[0].split("/")[0]: right for _, place, _, _, right in reversed(MISTAKES)}
"""The first corrected config by the part that was wrong."""


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
