"""AWS by moto, in this process, with the patches that make it fast."""

from collections.abc import Iterator
from contextlib import contextmanager

from moto import mock_aws

from usher_local.cloud.services.faster_moto import faster
from usher_local.simulation.transport import in_process


@contextmanager
def quick_aws() -> Iterator[None]:
    """An empty account."""
    with faster(), in_process(), mock_aws():
        yield
