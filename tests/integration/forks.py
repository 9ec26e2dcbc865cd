"""Runs modules as `python -m` does, as forks of one process that has imported the slow libraries.

A line of its input is a JSON array: a file for the output, and the arguments of `-m`. It answers with the exit code.
"""

import gc
import json
import os
import runpy
import sys
from importlib import import_module
from pathlib import Path

SLOW = (
    "boto3",
    "cyclonedx.model.bom",
    "hypothesis",
    "moto.cloudformation.models",
    "moto.stepfunctions.models",
    "moto.s3.models",
    "moto.scheduler.models",
    "pandas",
    "pyarrow.parquet",
    "pydantic",
    "pytest",
    "samcli.local.apigw.local_apigw_service",
    "samtranslator.translator.transform",
    "scipy.optimize",
    "schemathesis",
    "scipy.sparse.linalg",
)
"""The libraries that the project's tests need; nothing of the project, which changes."""

for name in SLOW:
    import_module(name)
gc.freeze()  # pytest collects garbage five times at its end, and would visit all of this
for line in sys.stdin:
    output, *arguments = json.loads(line)
    if child := os.fork():
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()
        continue
    with Path(output).open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.argv = arguments
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    break
