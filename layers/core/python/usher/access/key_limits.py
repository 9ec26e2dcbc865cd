"""How often a key may be used: the requests of each minute are counted in the table.

An item for each key and minute, of keys with a limit:

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
    """By group and key, the last minute that is known to be full: what is refused then is not written."""

    def wait(self, group: str, key: str, per_minute: int) -> float:
        """Count a request; return the seconds until the key may make one, 0 if it may make this one.

        While the table does not answer, nobody is refused.
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
