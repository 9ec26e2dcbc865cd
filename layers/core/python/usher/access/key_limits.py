"""The rate limits of API keys: the table counts the requests of each minute.

An item for each minute of each key with a limit:

    {"group": <group>, "item": "requests#<key>#<minute>", "requests": 17, "expires": 17...}
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from botocore.exceptions import BotoCoreError, ClientError

from usher.storage.table import Table

SECONDS = 60


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """Counts the requests of keys. `clock`: Unix seconds."""

    table: Table
    clock: Callable[[], float] = time.time
    _used_up: dict[tuple[str, str], int] = field(default_factory=dict)
    """The last minute known to be full, by group and key: its further requests are refused without a write."""

    def seconds_to_wait(self, group: str, key: str, per_minute: int) -> float:
        """Count a request; return the seconds until the key may make one, 0 if it may make this one.

        While the table does not answer, every request is allowed.
        """
        now = self.clock()
        minute = int(now // SECONDS)
        if self._used_up.get((group, key)) != minute:
            try:
                counted = self.table.update(
                    group,
                    f"requests#{key}#{minute}",
                    "ADD requests :one SET expires = :then",
                    {":one": 1, ":then": (minute + 2) * SECONDS, ":limit": per_minute},
                    condition="attribute_not_exists(requests) OR requests < :limit",
                )
            except (BotoCoreError, ClientError):
                return 0.0
            if counted:
                return 0.0
            self._used_up[group, key] = minute
        return SECONDS - now % SECONDS
