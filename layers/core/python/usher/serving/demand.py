"""Requests for campaigns that were removed as idle: an item of the table, which makes `watch` request them again.

{"group": "films", "item": "demand", "@similar": "2026-11-26T12:00:00+00:00"}
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from usher.aws import error_kind, now
from usher.storage.table import Table

logger = Logger()
ITEM, PREFIX = "demand", "@"
PAUSE_SECONDS = 300.0
"""The seconds for which a process notes the same demand once."""


@dataclass(slots=True)
class Demand:
    """The demand in the table."""

    table: Table
    clock: Callable[[], float] = time.monotonic
    _noted: dict[tuple[str, str], float] = field(default_factory=dict)

    def note(self, group: str, solution: str) -> None:
        """Note that a request needs a solution's campaign. A failure of the table is ignored, so that the request is
        answered.
        """
        noted = self._noted.get((group, solution))
        if noted is not None and self.clock() - noted < PAUSE_SECONDS:
            return
        self._noted[group, solution] = self.clock()
        try:
            names = {"#solution": f"{PREFIX}{solution}"}
            self.table.update(group, ITEM, "SET #solution = :now", {":now": now().isoformat()}, names)
        except (ClientError, BotoCoreError) as error:
            logger.warning("The table does not answer", group=group, reason=error_kind(error))

    def of(self, group: str) -> dict[str, str]:
        """The ISO time of the last noted request, by solution."""
        item = self.table.get(group, ITEM)
        return {name.removeprefix(PREFIX): str(at) for name, at in item.items() if name.startswith(PREFIX)}

    def remove(self, group: str) -> None:
        """Delete a group's demand."""
        self.table.delete(group, ITEM)
