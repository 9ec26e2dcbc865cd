"""The speed and memory of the checks of interactions before an import, by the size of the file.

Run it with `python -m benchmarks.checks`. Each row also has pyarrow's time to read the same bytes into text, on one
core as well: the ratio is the cost of the rules. Then the same file is checked in parts of 32 MB, as parallel functions
do, with the same result. The same rows are also measured in gzip, Parquet and JSON Lines. Processor time counts, so
that other work on the machine does not matter.
"""

import gzip
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
from pyarrow import csv, parquet
from usher.datasets.byte_ranges import parts_of, profile_part
from usher.datasets.csv_reader import read_csv
from usher.datasets.files import chunks
from usher.datasets.profile import merge_parts, profile_blocks
from usher.datasets.profile_file import dump_profile, load_profile
from usher.datasets.read_limits import LIMITS, ReadLimits
from usher.storage.bucket import Bucket, File

from benchmarks.memory import peak_megabytes
from benchmarks.report import report

KEY = "group/interactions.csv"
COLUMNS = ("USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE")
OTHERS = (".csv.gz", ".parquet", ".jsonl")
SIZES = (10_000, 100_000, 1_000_000, 4_000_000, 16_000_000)


def write(path: Path, rows: int) -> None:
    """Write interactions of rows/20 users with 5,000 items."""
    random_ = random.Random(0)
    with path.open("w") as file:
        file.write(",".join(COLUMNS) + "\n")
        for number in range(rows):
            user, item = random_.randrange(max(rows // 20, 1)), random_.randrange(5000)
            file.write(f"u{user},i{item},{1_700_000_000 + number},watch\n")


def write_others(path: Path) -> None:
    """Write the rows of a CSV in the other formats, into the same folder."""
    table = csv.read_csv(path)
    parquet.write_table(table, path.with_suffix(".parquet"), row_group_size=1 << 20)
    with path.open("rb") as plain, gzip.open(path.with_suffix(".csv.gz"), "wb", compresslevel=6) as packed:
        shutil.copyfileobj(plain, packed)
    with path.with_suffix(".jsonl").open("w") as file:
        for batch in table.to_batches(1 << 16):
            file.writelines(json.dumps(row) + "\n" for row in batch.to_pylist())


def seconds(path: Path) -> float:
    """Processor seconds to check a file of any format in a single function."""
    bucket, file = Disk(name=str(path.parent.parent)), File(f"group/{path.name}", path.stat().st_size, "")
    start = time.process_time()
    parts = [(file.key, profile_part(bucket, part)) for part in parts_of(file)]
    whole = merge_parts("interactions", parts)
    if whole.read_errors or not whole.rows:
        raise RuntimeError(f"{path} can't be read: {whole.read_errors}")
    return time.process_time() - start


@dataclass(frozen=True, slots=True)
class Disk(Bucket):
    """A folder that stands for the bucket."""

    s3: Any = None
    name: str = ""

    def open(self, key: str, **conditions: str) -> IO[bytes]:
        """A file's bytes from the beginning of the range; the reader stops at its end."""
        file = Path(self.name, key).open("rb")  # noqa: SIM115 - the reader closes it
        file.seek(int(conditions.get("Range", "bytes=0-")[len("bytes=") :].partition("-")[0]))
        return file


def measure(path: Path) -> dict[str, float | str]:
    """Processor seconds of the checks, of plain reading, and of the checks in parts; and the peak memory."""
    before = peak_megabytes()
    start = time.process_time()
    with path.open("rb") as file:
        whole = merge_parts(
            "interactions", [(path.name, profile_blocks("interactions", path.name, read_csv(path.name, chunks(file))))]
        )
    checked = time.process_time()
    peak = peak_megabytes()
    text = csv.ConvertOptions(column_types=dict.fromkeys(COLUMNS, pa.string()))
    for _ in csv.open_csv(
        path, csv.ReadOptions(use_threads=False, block_size=LIMITS.block_bytes), convert_options=text
    ):
        pass
    read = time.process_time()
    bucket, file_ = Disk(name=str(path.parent.parent)), File(KEY, path.stat().st_size, "")
    limits = ReadLimits(part_bytes=1 << 25)
    found = [(part, dump_profile(profile_part(bucket, part, limits))) for part in parts_of(file_, limits)]
    apart = time.process_time()
    tables = ((path.name, load_profile(one, "interactions", KEY, part.end - part.start)) for part, one in found)
    gathered = merge_parts("interactions", tables)
    together = time.process_time()
    if (gathered.rows, len(gathered.ids), gathered.ids.recurring) != (whole.rows, len(whole.ids), whole.ids.recurring):
        raise RuntimeError("the parts give another result than the whole file")
    return {
        "rows": whole.rows,
        "check s": round(checked - start, 3),
        "rows/s/core": round(whole.rows / (checked - start)),
        "read_csv s": round(read - checked, 3),
        "ratio": round((checked - start) / (read - checked), 2),
        "memory MB": round(peak),
        "of which for the checks": round(peak - before),
        **{f"{suffix} rows/s/core": round(whole.rows / seconds(path.with_suffix(suffix))) for suffix in OTHERS},
        "parts": len(found),
        "parts s": round(apart - read, 3),
        "together s": round(together - apart, 3),
        "parts / whole": round((together - read) / (checked - start), 2),
    }


def main() -> None:
    """Measure each size in a process of its own, so that each has its own peak memory."""
    answers = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, KEY)
        path.parent.mkdir()
        for rows in SIZES:
            write(path, rows)
            write_others(path)
            command = [sys.executable, "-m", "benchmarks.checks", str(path)]
            answer = subprocess.check_output(command, env=os.environ)  # noqa: S603
            answers.append(json.loads(answer))
    report("checks", answers)


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1])))) if len(sys.argv) > 1 else main()
