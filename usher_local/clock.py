"""One clock for the whole local cloud: how fast simulated minutes pass."""

import math
import time
from dataclasses import dataclass

SPEEDS = {"real": 1.0, "instant": math.inf}


@dataclass(frozen=True, slots=True)
class Clock:
    """Durations that AWS would take, shortened. `speed` 600 turns a minute into a tenth of a second."""

    speed: float = 600.0

    @classmethod
    def parse(cls, text: str) -> "Clock":
        """`real`, `instant` or a factor such as `600`; ValueError for anything else."""
        speed = SPEEDS.get(text) or float(text)
        if not speed > 0:
            raise ValueError(f"a clock's speed must be above 0, not {text}")
        return cls(speed)

    def real_seconds(self, simulated: float) -> float:
        """Real seconds that a simulated duration (seconds) takes."""
        return simulated / self.speed

    def simulated_seconds(self, real: float) -> float:
        """Simulated seconds that have passed in `real` seconds; for an instant clock, the real ones."""
        return real * self.speed if math.isfinite(self.speed) else real

    def sleep(self, simulated: float) -> None:
        """Sleep for a simulated duration (seconds)."""
        time.sleep(self.real_seconds(simulated))
