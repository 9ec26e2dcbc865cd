"""The memory of this process."""

import re
from pathlib import Path


def peak_megabytes() -> float:
    """The most memory that this process has had. getrusage would report that of its parent, if that had more."""
    [kilobytes] = re.findall(r"^VmHWM:\s*(\d+) kB$", Path("/proc/self/status").read_text(), re.M)
    return int(kilobytes) / 1024
