"""Faults for tests: off by default, and the same for the same seed and order of calls.

In the process: `personalize.inject(Faults(throttle=0.2))`. On a server: a POST to `/`, signed for `personalize`, with
the header `X-Amz-Target: AmazonPersonalize.SetFaults` and the fields as a JSON object. Either replaces all earlier
faults.
"""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass
class Faults:
    """The faults to inject. A name is the last part of an ARN: the resource's or the job's name."""

    throttle: float = 0.0
    """The share, 0 to 1, of the calls of all three APIs that end in ThrottlingException."""
    seed: int = 0
    down: bool = False
    """Recommendations and events get status 503."""
    slow: float = 0.0
    """Real seconds that recommendations and events take in addition to the usual time."""
    seconds: float = 0.0
    """Real seconds after which `throttle`, `down` and `slow` end; 0: they last."""
    fail: Mapping[str, str] = field(default_factory=dict)
    """Failure reasons by name: a resource with the name becomes CREATE FAILED, and its work is not done."""
    delay: Mapping[str, float] = field(default_factory=dict)
    """Minutes on the clock by name, in addition to the usual time."""
    refuse: tuple[str, ...] = ()
    """ARNs of roles that Personalize may not assume, whatever IAM says."""
    unnamed: bool = False
    """Personalize sends neither aws:SourceAccount nor aws:SourceArn to S3. AWS does not document whether it does."""

    now: Callable[[], float] = field(default=time.monotonic, compare=False)
    """The monotonic time in seconds; tests replace it."""

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._begun = self.now()

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """The faults in a decoded JSON object. ValueError if a field has a wrong name or type."""
        for name, value in values.items():
            if name not in _FITS or not _FITS[name](value):
                raise ValueError(f"Value {value!r} at '{name}' is not a fault; the faults are {', '.join(_FITS)}")
        fields: dict[str, Any] = {name: tuple(v) if name == "refuse" else v for name, v in values.items()}
        return cls(**fields)

    def throttles(self) -> bool:
        """Whether to throttle the next call."""
        return self._last() and self._random.random() < self.throttle

    def serving(self) -> tuple[bool, float]:
        """Whether recommendations and events are down now, and their additional seconds."""
        return (self.down, self.slow) if self._last() else (False, 0.0)

    def _last(self) -> bool:
        return not self.seconds or self.now() - self._begun < self.seconds


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _by_name(fits: Any) -> Any:
    return lambda value: isinstance(value, dict) and all(map(fits, value.values()))


def _text(value: Any) -> bool:
    return isinstance(value, str)


_FITS: dict[str, Any] = {
    "throttle": lambda value: _number(value) and value <= 1,
    "seed": lambda value: isinstance(value, int),
    "down": lambda value: isinstance(value, bool),
    "slow": _number,
    "seconds": _number,
    "fail": _by_name(_text),
    "delay": _by_name(_number),
    "refuse": lambda value: isinstance(value, list) and all(map(_text, value)),
    "unnamed": lambda value: isinstance(value, bool),
}

current = Faults()


def use(faults: Faults) -> None:
    """Use these faults from now on instead of the previous ones."""
    global current
    current = faults
