"""A pytest plugin: the fixture `personalize`, a local Amazon Personalize for one test.

pytest loads this module in every project where the package is installed, so it imports nothing slow.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def personalize_speed() -> str:
    """The speed of simulated minutes: `instant`, `real`, or a factor such as `600`. Override it to change the speed."""
    return "instant"


@pytest.fixture
def personalize(personalize_speed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A boto3 client of a new, empty Personalize. Every other boto3 client in the test talks to moto.

    The region is the one that boto3 finds, else us-east-1. Models are trained in this process, one after another.
    """
    from concurrent.futures import ThreadPoolExecutor

    import boto3
    from moto import mock_aws

    from usher_local.clock import Clock
    from usher_local.personalize import install, shutdown

    if not boto3.Session().region_name:
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with ThreadPoolExecutor(1) as trainer:
        install(Clock.parse(personalize_speed), tmp_path / "personalize", trainer)
        with mock_aws():
            try:
                yield boto3.client("personalize")
            finally:
                shutdown()  # before moto's reset, which would begin again the work that has not ended
