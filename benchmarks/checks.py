"""How fast interactions are checked before an import, and in how much memory, as the file grows.

Run it with `python -m benchmarks.checks`. Beside each figure stands bare `pandas.read_csv` on the same bytes: the ratio
says what the rules cost on top of reading.
"""

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
from usher.data import scan

from benchmarks.report import report

SIZES = (10_000, 100_000, 1_000_000, 4_000_000)


def write(path: Path, rows: int) -> None:
    """Interactions of rows/20 users with 5,000 items."""
    random_ = random.Random(0)
    with path.open("w") as file:
        file.write("USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE\n")
        for number in range(rows):
            user, item = random_.randrange(max(rows // 20, 1)), random_.randrange(5000)
            file.write(f"u{user},i{item},{1_700_000_000 + number},watch\n")


def measure(path: Path) -> dict[str, float | str]:
    """Seconds for checking a file and for bare reading, and how much this process's peak memory grew."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    with path.open("rb") as file:
        rows = scan("interactions", [(path.name, file)]).rows
    checked = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in pd.read_csv(path, dtype=str, chunksize=100_000):
        pass
    read = time.perf_counter()
    return {
        "rows": rows,
        "check s": round(checked - start, 3),
        "rows/s": round(rows / (checked - start)),
        "read_csv s": round(read - checked, 3),
        "ratio": round((checked - start) / (read - checked), 2),
        "memory MB": round((peak - before) / 1024),
    }


def main() -> None:
    """Measure every size, each in a process of its own: one's peak memory must not be another's."""
    answers = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "interactions.csv")
        for rows in SIZES:
            write(path, rows)
            answer = subprocess.check_output([sys.executable, "-m", "benchmarks.checks", str(path)])  # noqa: S603
            answers.append(json.loads(answer))
    report("checks", answers)


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1])))) if len(sys.argv) > 1 else main()
