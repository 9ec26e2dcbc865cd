"""A function's code in a benchmark: on Lambda's Python, with its packages, in a clean environment."""

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
    """The command of Lambda's Python with these arguments, without site packages and the working directory."""
    return [chosen().executable, "-S", "-s", "-P", *arguments]


def environment(variables: Mapping[str, str], requirements: str = "") -> dict[str, str]:
    """The environment of an API function, with further variables, and the packages of further `requirements`."""
    python = chosen()
    core = ROOT / "layers/core"
    packages = [installed(text, python) for text in ((core / "requirements.txt").read_text(), requirements) if text]
    path = [core / "python", *packages, runtime(python)]
    return {**ENVIRONMENT, **variables, "PYTHONPATH": os.pathsep.join(map(str, path))}
