"""The start of each API function, compared with the sample personalization-apis: processor time of its import.

Run it with `python -m benchmarks.imports`. Each import has a process of its own, and the functions alternate. All run
on the same Python with the same boto3 and Powertools: ours, which are newer than those of the sample.
"""

import subprocess
from collections.abc import Iterator
from statistics import median

from benchmarks.lambda_python import ROOT, command, environment
from benchmarks.report import report

FUNCTIONS = ("authorize", "catalogue", "events", "ranking", "recommendations")
SAMPLE = "personalization-apis"
SAMPLES_OWN = "aws-xray-sdk==2.15.0\npytz==2026.6\nwrapt==2.5.2\n"
"""Packages that only the sample needs."""
TIMES = 9
IMPORT = """
import importlib, sys, time
sys.path.insert(0, sys.argv[1])
before, start = len(sys.modules), time.process_time()
importlib.import_module(sys.argv[2])
print((time.process_time() - start) * 1000, len(sys.modules) - before)
"""
VARIABLES = {
    "LAMBDA_TASK_ROOT": str(ROOT),  # where it is set, Powertools traces
    "KEPT_QUEUE_URL": "https://sqs/kept",
    "PENDING_QUEUE_URL": "https://sqs/pending.fifo",
    "PERSONALIZE_MILLISECONDS": "250",
}


def imported(name: str) -> tuple[float, int]:
    """Milliseconds of processor time, and the number of modules, of an import in a process of its own."""
    folder, module = (ROOT / "benchmarks", "public_sample") if name == SAMPLE else (ROOT / "functions" / name, "app")
    done = subprocess.run(  # noqa: S603 - our own
        command("-c", IMPORT, str(folder), module),
        env=environment(VARIABLES, SAMPLES_OWN),
        capture_output=True,
        text=True,
        check=True,
    )
    milliseconds, modules = done.stdout.split()
    return float(milliseconds), int(modules)


def run(times: int = TIMES) -> Iterator[dict[str, float | str]]:
    """A row for each function, the sample's last."""
    names = [*FUNCTIONS, SAMPLE]
    found = [{name: imported(name) for name in names} for _ in range(times)]
    took = {name: median(one[name][0] for one in found) for name in names}
    for name in names:
        yield {
            "function": name,
            "import CPU ms": round(took[name]),
            "of the sample's": f"{took[name] / took[SAMPLE]:.0%}",
            "modules": found[0][name][1],
        }


if __name__ == "__main__":
    report("imports", list(run()))
