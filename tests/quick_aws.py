"""AWS by moto, in this process, with what makes its answers cheap."""

from collections.abc import Iterator
from contextlib import contextmanager

from moto import mock_aws

from usher_local.cloud.services.faster_moto import faster
from usher_local.simulation.transport import in_process


@contextmanager
def quick_aws() -> Iterator[None]:
    """An account in which nothing is yet."""
    with faster(), in_process(), mock_aws():
        yield
