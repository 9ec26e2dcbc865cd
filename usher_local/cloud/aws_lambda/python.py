"""The Python that functions run on, and a cache of packages installed for it."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from usher_local.paths import cache_folder

WANTED = "python3.13"
CACHE = cache_folder() / "layers"
RUNTIME = Path(__file__).with_name("lambda_runtime.txt")
PROBE = """
import platform, sys, sysconfig
print(sys.executable, sys.implementation.cache_tag, sysconfig.get_platform(), platform.python_version(), sep="\\n")
"""


class PackagesError(OSError):
    """Packages could not be installed; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python: its executable, its wheel tag, its version."""

    executable: str
    tag: str
    version: str


@cache
def chosen() -> Interpreter:
    """The Python of LAMBDA_PYTHON, else Lambda's own version if installed, else the Python of this process.

    OSError if LAMBDA_PYTHON does not run.
    """
    setting = os.environ.get("LAMBDA_PYTHON")
    if setting and not (found := probe(setting)):
        raise OSError(f"LAMBDA_PYTHON={setting} does not run; name a Python 3.11 or newer, or leave it out")
    if not setting:
        found = lambdas_own() or probe(sys.executable)
    assert found, sys.executable  # noqa: S101 - it runs this very line
    return found


def lambdas_own() -> Interpreter | None:
    """A `python3.13` that runs: on PATH, or installed beside this Python, as pyenv and uv lay them out."""
    beside = sorted(Path(sys.base_prefix).parent.glob(f"*3.13*/bin/{WANTED}"))
    return next(filter(None, map(probe, [WANTED, *map(str, beside)])), None)


def probe(command: str) -> Interpreter | None:
    """The Python of a command; None if it does not run: a shim of pyenv may exist without its version."""
    try:
        done = subprocess.run([command, "-I", "-c", PROBE], capture_output=True, text=True, check=False)  # noqa: S603
    except OSError:
        return None
    if done.returncode:
        return None
    executable, implementation, machine, version = done.stdout.splitlines()
    return Interpreter(executable, f"{implementation}-{machine}", version)


def runtime(python: Interpreter) -> Path:
    """A folder with Lambda's own packages: AWS's runtime interface client and boto3, in the locked versions."""
    return installed(RUNTIME.read_text(), python)


def installed(requirements: str, python: Interpreter, without: Collection[str] = (), parent: Path = CACHE) -> Path:
    """A folder in `parent` with packages, installed for `python` and this machine unless it exists already.

    `requirements` pins every package; hashes are checked if given. Files named in `without` are left out. Several
    processes may call it at once. Raises PackagesError.
    """
    key = "\n".join([python.tag, requirements, *sorted(without)])
    folder = parent / hashlib.sha256(key.encode()).hexdigest()[:32]
    if folder.exists():
        return folder
    parent.mkdir(parents=True, exist_ok=True)
    with (parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=parent, ignore_cleanup_errors=True) as temporary:
                target = Path(temporary) / "packages"
                install(requirements, python, target)
                for name in without:
                    (target / name).unlink(missing_ok=True)
                target.rename(folder)
    return folder


def install(requirements: str, python: Interpreter, target: Path) -> None:
    """Install pinned requirements with uv. Raises PackagesError."""
    target.mkdir()
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if uv is None:
        raise PackagesError(
            "uv, which installs the packages of layers, is missing: in Usher's folder, run `make setup` or "
            "`pip install '.[local]'`"
        )
    checked = "--require-hashes" if "--hash=" in requirements else "--no-deps"
    options = ["--quiet", "--only-binary", ":all:", "--compile-bytecode", checked]
    done = subprocess.run(  # noqa: S603 - our own uv
        [uv, "pip", "install", *options, "--python", python.executable, "--target", str(target), "--requirement", "-"],
        input=requirements,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise PackagesError(
            f"the packages of a layer can't be installed for Python {python.version}. This happens once and needs the "
            f"package registry: connect, or set uv's UV_INDEX_URL, and start again. uv said:\n{done.stderr.strip()}"
        )
