"""The memory of the service's trainers: each training is a process of its own."""

from contextlib import suppress
from pathlib import Path

from benchmarks.service import memory
from usher_local.personalize.modelling import training_process


class Peak:
    """The most memory that any trainer of a server had whenever somebody looked, in MB."""

    def __init__(self, server: int) -> None:
        self.server, self.megabytes = server, 0.0

    def look(self) -> None:
        """Look at it; do so often, as a process that has ended shows nothing."""
        for listed in Path(f"/proc/{self.server}/task").glob("*/children"):
            with suppress(OSError, StopIteration):
                for child in map(int, listed.read_text().split()):
                    if training_process.__name__.encode() in Path(f"/proc/{child}/cmdline").read_bytes():
                        self.megabytes = max(self.megabytes, memory(child, "VmHWM"))
