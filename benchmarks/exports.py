"""The speed and memory of the conversion of a batch job's answers to CSV and Parquet, by their number.

Run it with `python -m benchmarks.exports`. A line is an answer with 25 items and scores, so 25 rows. It is compared
with a plain loop: json.loads for each line, csv.writer for each row. The code is that of an export, hashes included,
without S3: answers are read from the disk, and uploads are dropped. Processor time counts. Also measured is the memory
for the IDs of many users, since an export for everyone keeps all of them.
"""

import csv
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from usher.datasets.csv_reader import Block
from usher.exports.assembly import Metadata, assemble_file
from usher.exports.recipients import distinct
from usher.recipes import BY_USER
from usher.storage.bucket import Bucket

from benchmarks.memory import peak_megabytes
from benchmarks.report import keep, table

SIZES = (25_000, 100_000, 400_000)
ITEMS = 30_000
RESULTS = 25
TRIES = 3
"""The number of attempts, of which the fastest counts: other work on the machine only slows them."""
MILLIONS = (1, 5, 10)


class Disk:
    """An S3 client that reads from a file and drops uploads."""

    # ruff: noqa: D102 - the methods of S3's client

    def get_object(self, *, Key: str, **_: str) -> dict[str, Any]:  # noqa: N803
        return {"Body": Path(Key).open("rb")}

    def create_multipart_upload(self, **_: str) -> dict[str, str]:
        return {"UploadId": ""}

    def upload_part(self, **_: Any) -> dict[str, str]:
        return {"ETag": ""}

    def complete_multipart_upload(self, **_: Any) -> None:
        """Do nothing."""

    put_object = upload_part


def write(path: Path, lines: int) -> None:
    """Write answers in the service's form."""
    random_ = random.Random(0)
    with path.open("w") as file:
        for user in range(lines):
            scores = sorted((round(random_.random(), 7) for _ in range(RESULTS)), reverse=True)
            items = [f"{random_.randrange(ITEMS)}" for _ in range(RESULTS)]
            answer = {"input": {"userId": f"{user}"}, "output": {"recommendedItems": items, "scores": scores}}
            file.write(json.dumps({**answer, "error": None}, separators=(",", ":")) + "\n")


def plain_loop(path: Path) -> None:
    """The plain loop."""
    with path.open() as file, Path("/dev/null").open("w") as sink:
        writer = csv.writer(sink)
        for line in file:
            answer = json.loads(line)
            user, output = answer["input"]["userId"], answer["output"]
            for number, (item, score) in enumerate(zip(output["recommendedItems"], output["scores"], strict=True)):
                writer.writerow((user, number + 1, item, score))


def seconds(work: Callable[[], object]) -> float:
    """The processor seconds of the fastest attempt."""
    taken = []
    for _ in range(TRIES):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


def measure(path: Path, lines: int) -> dict[str, float | str]:
    """Lines a second on one core, by format; and the peak memory, before and in addition."""
    pa.set_cpu_count(1)
    disk: Any = Disk()
    bucket, before = Bucket(disk, ""), round(peak_megabytes())
    titles = pa.array([f"Title of {number}" for number in range(ITEMS)])
    metadata = Metadata({"TITLE": titles}, {str(number): number for number in range(ITEMS)})
    making = {
        "CSV": lambda: assemble_file(bucket, str(path), "", BY_USER, ["csv"]),
        "Parquet": lambda: assemble_file(bucket, str(path), "", BY_USER, ["parquet"]),
        "both": lambda: assemble_file(bucket, str(path), "", BY_USER, ["csv", "parquet"]),
        "CSV with titles": lambda: assemble_file(bucket, str(path), "", BY_USER, ["csv"], metadata),
    }
    taken = {name: seconds(work) for name, work in making.items()}
    memory = round(peak_megabytes()) - before
    loop = seconds(lambda: plain_loop(path))
    return {
        "lines": lines,
        "answers MB": path.stat().st_size >> 20,
        **{f"{name}, lines/s": round(lines / spent) for name, spent in taken.items()},
        "CSV, rows/s": round(RESULTS * lines / taken["CSV"]),
        "plain loop, lines/s": round(lines / loop),
        "loop / CSV": round(loop / taken["CSV"], 1),
        "memory MB": memory,
    }


def distinct_users(millions: int) -> dict[str, float | str]:
    """The memory for the IDs of so many users, of 36 characters each, and the IDs that are read per second."""
    before, start = round(peak_megabytes()), time.process_time()
    block, users = 100_000, millions * 1_000_000

    def blocks() -> Iterator[Block]:
        for first in range(0, users, block):
            ids = pa.array([f"{number:036d}" for number in range(first, first + block)])
            yield Block({"USER_ID": ids}, np.arange(block))

    users = sum(1 for _ in distinct(blocks(), "USER_ID"))
    return {
        "million users": users // 1_000_000,
        "memory MB": round(peak_megabytes()) - before,
        "users/s": round(users / (time.process_time() - start)),
    }


def alone(*what: str) -> Any:
    """A measurement in a process of its own, so that it has its own peak memory."""
    return json.loads(subprocess.check_output([sys.executable, "-m", "benchmarks.exports", *what]))  # noqa: S603


def main() -> None:
    """Measure every size."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "part-0001.json.out")
        for lines in SIZES:
            write(path, lines)
            rows.append(alone(str(path), str(lines)))
    users = [alone(str(millions)) for millions in MILLIONS]
    print(table(rows), table(users), sep="\n\n")
    keep("exports", {"rows": rows, "users": users})


if __name__ == "__main__":
    match sys.argv[1:]:
        case [given_path, count]:
            print(json.dumps(measure(Path(given_path), int(count))))
        case [count]:
            print(json.dumps(distinct_users(int(count))))
        case _:
            main()
