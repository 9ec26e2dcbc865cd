"""The backend as code sees it that may use the data of dataset groups."""

from typing import Protocol

from usher_local.personalize.core.resources import Backend, Resource
from usher_local.personalize.data.datasets import GroupData


class DataBackend(Backend, Protocol):
    """A backend with its dataset groups' data."""

    def data(self, resource: Resource) -> GroupData:
        """Return the data of the dataset group that a resource belongs to."""
