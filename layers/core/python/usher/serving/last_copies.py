"""Cached copies of groups' items: at most some seconds old, and older only while the table does not answer."""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from usher.aws import error_kind

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Copy(Generic[T]):
    """A copy of a group's item."""

    content: T
    read_at: float
    fresh_until: float
    """The time after which the table is read again."""


@dataclass(slots=True)
class LastCopies(Generic[T]):
    """The results of `read` for groups, each kept for `seconds`."""

    read: Callable[[str], T]
    seconds: float
    clock: Callable[[], float] = time.monotonic
    _copies: dict[str, Copy[T]] = field(default_factory=dict)

    def get(self, group: str) -> T:
        """A group's copy. Groups without an item are not kept: callers may invent any number of names.

        Raises the table's error if it does not answer and there is no copy.
        """
        copy, now = self._copies.get(group), self.clock()
        if copy and now <= copy.fresh_until:
            return copy.content
        try:
            content, read_at = self.read(group), now
        except (BotoCoreError, ClientError) as error:
            if not copy:
                raise
            log.warning("Answered from an old copy, as the table does not answer: %s", error_kind(error))
            content, read_at = copy.content, copy.read_at
        if content:
            self._copies[group] = Copy(content, read_at, self.clock() + self.seconds)
        else:
            self._copies.pop(group, None)
        return content

    def expire(self, group: str) -> None:
        """Have the next request read the table."""
        if copy := self._copies.get(group):
            self._copies[group] = Copy(copy.content, copy.read_at, -math.inf)

    def contents(self) -> list[T]:
        """All copies."""
        return [copy.content for copy in self._copies.values()]

    def age(self, group: str) -> float | None:
        """Seconds since a group's copy was read from the table; None if there is none."""
        copy = self._copies.get(group)
        return self.clock() - copy.read_at if copy else None
