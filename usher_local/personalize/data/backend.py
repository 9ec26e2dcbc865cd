"""The interface of the backend for packages that may use the data of dataset groups."""

from typing import Protocol

from usher_local.personalize.core.resources import Backend, Resource
from usher_local.personalize.data.datasets import GroupData


class DataBackend(Backend, Protocol):
    """A backend with its dataset groups' data."""

    def data(self, resource: Resource) -> GroupData:
        """Return the data of a resource's dataset group."""
