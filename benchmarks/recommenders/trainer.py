"""The memory of the service's trainers: each training is a process of its own."""

from contextlib import suppress
from pathlib import Path

from benchmarks.service import memory
from usher_local.personalize.modelling import training_process


class Peak:
    """The peak memory of a server's trainers at the calls of `look`, in MB."""

    def __init__(self, server: int) -> None:
        self.server, self.megabytes = server, 0.0

    def look(self) -> None:
        """Measure it; call it often, since a process that has ended has no figures."""
        for listed in Path(f"/proc/{self.server}/task").glob("*/children"):
            with suppress(OSError, StopIteration):
                for child in map(int, listed.read_text().split()):
                    if training_process.__name__.encode() in Path(f"/proc/{child}/cmdline").read_bytes():
                        self.megabytes = max(self.megabytes, memory(child, "VmHWM"))
