"""How fast interactions are checked before an import, and in how much memory, as the file grows.

Run it with `python -m benchmarks.checks`. Beside each figure stands bare reading of the same bytes into text by
pyarrow, on one core as well: the ratio says what the rules cost on top of reading. Processor time counts, as other work
on the machine should not.
"""

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
from pyarrow import csv
from usher.csvs import BLOCK_BYTES
from usher.data import scan

from benchmarks.report import report

COLUMNS = ("USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE")
SIZES = (10_000, 100_000, 1_000_000, 4_000_000, 16_000_000)


def write(path: Path, rows: int) -> None:
    """Interactions of rows/20 users with 5,000 items."""
    random_ = random.Random(0)
    with path.open("w") as file:
        file.write(",".join(COLUMNS) + "\n")
        for number in range(rows):
            user, item = random_.randrange(max(rows // 20, 1)), random_.randrange(5000)
            file.write(f"u{user},i{item},{1_700_000_000 + number},watch\n")


def measure(path: Path) -> dict[str, float | str]:
    """Processor seconds for checking a file and for bare reading, and this process's peak memory: before, and more."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    with path.open("rb") as file:
        rows = scan("interactions", [(path.name, file)]).rows
    checked = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    text = csv.ConvertOptions(
        column_types=dict.fromkeys(("USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE"), pa.string())
    )
    for _ in csv.open_csv(path, csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES), convert_options=text):
        pass
    read = time.process_time()
    return {
        "rows": rows,
        "check s": round(checked - start, 3),
        "rows/s/core": round(rows / (checked - start)),
        "read_csv s": round(read - checked, 3),
        "ratio": round((checked - start) / (read - checked), 2),
        "memory MB": round(peak / 1024),
        "of which for the checks": round((peak - before) / 1024),
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
