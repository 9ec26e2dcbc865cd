"""The quotas of kinds, whose names AWS does not publish."""

import pytest
from usher.resources.kinds import KINDS
from usher.resources.quotas import quota_of


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("total number of active campaigns", 50),
        ("campaigns per dataset group", 50),
        ("transactions per second of all campaigns", 5),
        ("maximum transaction rate (tps) across all your campaigns and recommenders", 5),
        ("getrecommendations requests to campaigns", 5),
        ("number of pending campaigns", 5),
        ("campaigns in progress", 5),
        ("active filters", 5),
    ],
)
def test_only_quotas_of_existing_resources_are_raised(name: str, number: int) -> None:
    assert quota_of(KINDS["campaign"], {name: 50}) == number


def test_a_quota_is_never_below_the_default() -> None:
    assert quota_of(KINDS["campaign"], {"active campaigns": 1}) == 5
