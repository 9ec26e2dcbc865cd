"""One clock for the whole local cloud: the speed at which simulated minutes pass."""

import math
import time
from dataclasses import dataclass

SPEEDS = {"real": 1.0, "instant": math.inf}


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock that shortens AWS's durations. A `speed` of 600 turns a minute into a tenth of a second."""

    speed: float = 600.0

    @classmethod
    def parse(cls, text: str) -> "Clock":
        """The clock for `real`, `instant` or a factor such as `600`; ValueError for other text."""
        speed = SPEEDS.get(text) or float(text)
        if not speed > 0:
            raise ValueError(f"a clock's speed must be above 0, not {text}")
        return cls(speed)

    def real_seconds(self, simulated: float) -> float:
        """The real seconds that a simulated duration (seconds) takes."""
        return simulated / self.speed

    def simulated_seconds(self, real: float) -> float:
        """The simulated seconds that pass in `real` seconds; an instant clock returns `real`."""
        return real * self.speed if math.isfinite(self.speed) else real

    def sleep(self, simulated: float) -> None:
        """Sleep for a simulated duration (seconds)."""
        time.sleep(self.real_seconds(simulated))
