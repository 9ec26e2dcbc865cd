"""The stack that the local cloud deploys at its start."""

from pathlib import Path

import pytest

from usher_local.clock import Clock
from usher_local.cloud.foreground import parameters_of
from usher_local.paths import stack_folder


@pytest.mark.parametrize(
    ("speed", "seconds"), [("real", "60"), ("10", "60"), ("600", "1200"), ("1e9", "3600"), ("instant", "60")]
)
def test_a_drop_by_hand_is_one_drop_at_any_speed(speed: str, seconds: str) -> None:
    assert parameters_of(stack_folder() / "template.yaml", Clock.parse(speed)) == {"SettleSeconds": seconds}


def test_a_template_of_ones_own_has_its_own_parameters() -> None:
    assert parameters_of(Path("mine.yaml"), Clock()) == {}
    assert parameters_of(None, Clock()) == {}
