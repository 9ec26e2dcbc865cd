"""Imports: each function imports only packages of its layers, cold starts stay short, and nothing imports the local
cloud."""

import ast
import io
import json
import re
import subprocess
import sys
import tokenize
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from usher.costs.ceilings import PARAMETERS

from tests.unit.stack.files import DEFAULTS, FUNCTIONS, GLOBALS, RESOURCES
from tests.unit.usher.world import REPOSITORY

pytestmark = pytest.mark.slow
SNAPSHOT = [name for name, function in FUNCTIONS.items() if "SnapStart" in function]
"""The functions that start from a snapshot: those of the API."""
LIGHT = {
    "aws_lambda_powertools", "boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "typing_extensions",
    "urllib3", "usher",
}  # fmt: skip
"""The modules that they may load besides Python's own library: of the core layer and of Lambda's runtime."""
OF_THE_TEST = {"__main__", "__mp_main__", "_distutils_hack"}
PACKAGE = REPOSITORY / "layers" / "core" / "python"
SOURCES = [*(REPOSITORY / "functions").rglob("*.py"), *(REPOSITORY / "layers").rglob("*.py")]
RUNTIME = {"boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"}
"""The distributions that Lambda's Python runtime brings."""
ROOTS = {"usher": PACKAGE / "usher", "usher_cli": REPOSITORY / "usher_cli", "usher_local": REPOSITORY / "usher_local"}
FOLDERS = ["benchmarks", "docs", "functions", "layers", "statemachine", "tests", "usher_cli", "usher_local"]
TEXTS = {".json", ".md", ".py", ".sql", ".txt", ".yaml"}
DOTTED = r"\b((?:usher|usher_cli|usher_local)(?:\.[A-Za-z_]\w*)+)\b(?<!\.yaml)(?<!\.yml)(?<!\.json)(?<!\.[jt]s)(?!\.\w)"
"""A module, or a name in it. Files may have such names, too."""
IMPORT = """
import importlib.abc, importlib.util, json, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

path, absent, before = sys.argv[1], set(json.loads(sys.argv[2])), set(sys.modules)
sys.meta_path.insert(0, Absent())
spec = importlib.util.spec_from_file_location("app", path)
spec.loader.exec_module(importlib.util.module_from_spec(spec))
"""
BEGIN, END = IMPORT.split("spec = ")[0], "print(json.dumps({'calls': calls, 'sockets': sockets, 'packages': packages}))"
WATCHED = f"""{BEGIN}
import os
MAKERS = {{"getrandbits", "monotonic", "now", "perf_counter", "random", "time", "today", "token_bytes", "token_hex",
           "uniform", "urandom", "utcnow", "uuid1", "uuid4"}}
calls = []

def watch(frame, event, argument):
    caller = frame if event == "c_call" else frame.f_back
    name = getattr(argument, "__name__", "") if event == "c_call" else frame.f_code.co_name if event == "call" else ""
    if name in MAKERS and caller and any(own in caller.f_code.co_filename for own in ("/functions/", "/usher/")):
        calls.append(name)

spec = importlib.util.spec_from_file_location("app", path)
module = importlib.util.module_from_spec(spec)
sys.setprofile(watch)
spec.loader.exec_module(module)
sys.setprofile(None)
packages = sorted({{name.partition(".")[0] for name in sys.modules.keys() - before}})
with os.scandir("/proc/self/fd") as open_files:
    sockets = [name for one in open_files if (name := os.readlink(one.path)).startswith("socket:")]
{END}
"""
"""SnapStart copies what was made before its snapshot: https://docs.aws.amazon.com/lambda/latest/dg/snapstart-uniqueness.html"""


def normal(name: str) -> str:
    """A distribution's name in a common spelling."""
    return re.sub(r"[-_.]+", "-", name).lower()


def brought(layer: str) -> set[str]:
    """The distributions that a layer of the template has."""
    lines = (REPOSITORY / RESOURCES[layer]["Properties"]["ContentUri"] / "requirements.txt").read_text().splitlines()
    return {normal(line.partition("==")[0]) for line in lines if re.match(r"[\w.-]+==", line)}


@cache
def installed() -> dict[str, list[str]]:
    """The distributions that bring a package, by the package."""
    return dict(packages_distributions())


def absent(function: dict[str, Any]) -> set[str]:
    """The packages that are installed here, but not on Lambda."""
    layers = [*GLOBALS["Layers"], *function.get("Layers", [])]
    there = RUNTIME.union(*(brought(layer["Ref"]) for layer in layers))
    return {
        package
        for package, distributions in installed().items()
        if package != "usher" and there.isdisjoint(map(normal, distributions))
    }


def default(value: dict[str, Any]) -> str:
    """The value of an intrinsic function: a parameter's default, or some text."""
    return DEFAULTS.get(str(value.get("Fn::Sub")).strip("${}")) or "some"


def imports(path: Path, function: dict[str, Any], script: str = IMPORT) -> subprocess.CompletedProcess[str]:
    """Import a file as a function of the template would: with its packages, its environment, and its role's keys."""
    variables = {**GLOBALS["Environment"]["Variables"], **function.get("Environment", {}).get("Variables", {})}
    texts = {
        name: value if isinstance(value, str) else "1" if name in PARAMETERS.values() else default(value)
        for name, value in variables.items()
    }
    keys = {"AWS_ACCESS_KEY_ID": "some", "AWS_SECRET_ACCESS_KEY": "some"}
    environment = {**texts, **keys, "PYTHONPATH": str(PACKAGE), "AWS_DEFAULT_REGION": "us-east-1"}
    command = [sys.executable, "-c", script, str(path), json.dumps(sorted(absent(function)))]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603


@pytest.mark.parametrize(("name", "imported"), [("Reconcile", False), ("Plan", True)])
def test_a_package_is_there_if_a_layer_has_it(tmp_path: Path, name: str, imported: bool) -> None:
    (tmp_path / "app.py").write_text("import yaml")
    done = imports(tmp_path / "app.py", FUNCTIONS[name])
    assert (done.returncode == 0) == imported
    assert imported or "No module named 'yaml'" in done.stderr


@cache
def watched(name: str) -> Any:
    """The calls, opened files and imports of a function's import."""
    done = imports(REPOSITORY / FUNCTIONS[name]["CodeUri"] / "app.py", FUNCTIONS[name], WATCHED)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", SNAPSHOT)
def test_an_api_function_imports_these_packages_and_no_others(name: str) -> None:
    imported = set(watched(name)["packages"]) - sys.stdlib_module_names - OF_THE_TEST
    assert imported <= LIGHT
    assert "usher" in imported


@pytest.mark.parametrize("name", SNAPSHOT)
def test_an_api_function_makes_nothing_at_its_import_that_is_unique_open_or_dated(name: str) -> None:
    assert (watched(name)["calls"], watched(name)["sockets"]) == ([], [])


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("import uuid; NAME = uuid.uuid4()", "uuid4"),
        ("import time; STARTED = time.time()", "time"),
        ("from usher.aws import now; STARTED = now()", "now"),
        ("import random; SEED = random.random()", "random"),
        ("import secrets; NAME = secrets.token_hex()", "token_hex"),
        ("import socket; OPEN = socket.socket()", "socket:"),
    ],
)
def test_unique_open_or_dated_values_would_be_found(tmp_path: Path, line: str, found: str) -> None:
    (tmp_path / "app.py").write_text(line)
    done = imports(tmp_path / "app.py", FUNCTIONS["Ranking"], WATCHED.replace("/functions/", f"{tmp_path}/"))
    assert found in done.stdout


@pytest.mark.parametrize("path", sorted((PACKAGE / "usher").rglob("__init__.py")), ids=lambda path: path.parent.name)
def test_a_package_itself_imports_nothing(path: Path) -> None:
    [docstring] = ast.parse(path.read_text()).body
    assert isinstance(docstring, ast.Expr)


def imported_names(path: Path) -> set[str]:
    """The modules that the statements of a module import."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    direct = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return direct | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}


def test_nothing_that_is_deployed_imports_the_local_cloud() -> None:
    absent = {"usher_local", "usher_cli", "moto", "tests"}
    found = {path: {name for name in imported_names(path) if name.partition(".")[0] in absent} for path in SOURCES}
    assert {path: names for path, names in found.items() if names} == {}


def test_a_function_is_one_file() -> None:
    for folder in (REPOSITORY / "functions").iterdir():
        assert [path.name for path in folder.iterdir() if path.name != "__pycache__"] == ["app.py"]


def texts(path: Path) -> str:
    """The comments and strings of a module, or the whole text of another file."""
    if path.suffix != ".py":
        return path.read_text()
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
    return "\n".join(token.string for token in tokens if token.type in {tokenize.COMMENT, tokenize.STRING})


def exists(dotted: str) -> bool:
    """Whether there is such a package or module, or such a name in a module."""
    root, *names = dotted.split(".")
    path = ROOTS[root]
    for place, name in enumerate(names):
        if (path / f"{name}.py").is_file():
            module = (path / f"{name}.py").read_text()
            return all(re.search(rf"\b{one}\b", module) for one in names[place + 1 :])
        path /= name
    return path.is_dir()


@pytest.mark.parametrize("folder", ["Makefile", "template.yaml", "pyproject.toml", "README.md", *FOLDERS])
def test_a_module_that_a_text_names_exists(folder: str) -> None:
    paths = [path for path in (REPOSITORY / folder).rglob("*") if path.suffix in TEXTS] or [REPOSITORY / folder]
    named = {name: path for path in paths for name in re.findall(DOTTED, texts(path))}
    assert not {name: path for name, path in named.items() if not exists(name)}
