"""How benchmarks run a function's code: on Lambda's Python, with its packages, in an environment made from nothing."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from usher_local.cloud.aws_lambda.python import chosen, installed, runtime

ROOT = Path(__file__).parents[1]
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": tempfile.gettempdir(),
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "POWERTOOLS_SERVICE_NAME": "usher",
    "TABLE_NAME": "usher",
}


def command(*arguments: str) -> list[str]:
    """What starts Lambda's Python with these arguments: neither site packages nor the working directory count."""
    return [chosen().executable, "-S", "-s", "-P", *arguments]


def environment(variables: Mapping[str, str], requirements: str = "") -> dict[str, str]:
    """Of an API function, with further variables. `requirements`: of packages besides those of the core layer."""
    python = chosen()
    core = ROOT / "layers/core"
    packages = [installed(text, python) for text in ((core / "requirements.txt").read_text(), requirements) if text]
    path = [core / "python", *packages, runtime(python)]
    return {**ENVIRONMENT, **variables, "PYTHONPATH": os.pathsep.join(map(str, path))}
