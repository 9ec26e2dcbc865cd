"""The cost of the diagnosis of interactions in addition to the checks, by the size of the data.

Run it with `python -m benchmarks.diagnosis`. Blocks are read from a file as the checks read them; only the diagnosis
counts, in processor time. Popularity follows a power law, as in real data. The memory includes that of reading. A part
is the result that is merged if files are read in parts.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv
from usher.datasets.csv_reader import read_csv
from usher.datasets.diagnosis import ID_COLUMNS, Diagnosis, diagnosis_report
from usher.datasets.files import chunks
from usher.datasets.hashing import Hashed

from benchmarks.memory import peak_megabytes
from benchmarks.report import report

COLUMNS = ("USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE")
SIZES = (1_000_000, 4_000_000, 16_000_000)
ITEMS = 100_000
PART = 1_000_000


def write(path: Path, rows: int) -> None:
    """Write interactions of rows/20 users with ITEMS items; item n occurs about 1/n as often as the first."""
    random = np.random.default_rng(0)
    with path.open("wb") as file:
        file.write(f"{','.join(COLUMNS)}\n".encode())
        for begin in range(0, rows, PART):
            items = np.floor(ITEMS ** random.random(PART)).astype(np.int64)
            columns: Any = (
                random.integers(rows // 20, size=PART),
                items,
                np.arange(1_700_000_000 + begin, 1_700_000_000 + begin + PART),
                random.choice(["view", "cart", "buy"], PART),
            )
            table = pa.table(dict(zip(COLUMNS, columns, strict=True)))
            csv.write_csv(table, file, csv.WriteOptions(include_header=False, quoting_style="none"))


def measure(path: Path) -> dict[str, float | str]:
    """Processor seconds to add all blocks and to make the report, the peak memory, and the size of a part."""
    one = {name: pa.array(["1"]) for name in COLUMNS}
    ids = {name: Hashed.of(one[name]) for name in ID_COLUMNS}
    Diagnosis().add_rows(one, ids)  # pyarrow imports pandas, which Lambda doesn't have
    before = peak_megabytes()
    diagnosis, seconds, rows = Diagnosis(), 0.0, 0
    with path.open("rb") as file:
        for block in read_csv(path.name, chunks(file)):
            start = time.process_time()
            ids = {name: Hashed.of(block.columns[name]) for name in ID_COLUMNS}
            diagnosis.add_rows(block.columns, ids)
            seconds += time.process_time() - start
            rows += len(block.lines)
    part = len(json.dumps(diagnosis.as_dict()))
    start = time.process_time()
    found = diagnosis_report(diagnosis)
    return {
        "rows": rows,
        "diagnosis s": round(seconds, 3),
        "rows/s/core": round(rows / seconds),
        "report s": round(time.process_time() - start, 3),
        "more memory MB": round(peak_megabytes() - before),
        "a part as JSON MB": round(part / 1e6, 1),
        "report KB": round(len(json.dumps(found)) / 1e3, 1),
    }


def main() -> None:
    """Measure each size in a process of its own, so that each has its own peak memory."""
    answers = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "interactions.csv")
        for rows in SIZES:
            write(path, rows)
            answer = subprocess.check_output([sys.executable, "-m", "benchmarks.diagnosis", str(path)])  # noqa: S603
            answers.append(json.loads(answer))
    report("diagnosis", answers)


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1])))) if len(sys.argv) > 1 else main()
