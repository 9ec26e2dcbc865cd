"""The content of `pip install`: three packages, the command, and the files that the local cloud deploys."""

import ast
import configparser
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.unit.stack.files import REPOSITORY, RESOURCES
from usher_cli.arguments import MODULES

FOLDERS = {name: REPOSITORY / name for name in ("usher_cli", "usher_local")}
FOLDERS["usher"] = REPOSITORY / "layers/core/python/usher"
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())


def sources() -> dict[str, Path]:
    """The file of each module, by dotted name."""
    files = [(name, folder, path) for name, folder in FOLDERS.items() for path in folder.rglob("*.py")]
    return {
        ".".join([name, *path.relative_to(folder).with_suffix("").parts]).removesuffix(".__init__"): path
        for name, folder, path in files
    }


def imported_at_once(start: Iterable[str]) -> set[str]:
    """The packages of others that are imported with some modules, directly or by their own imports."""
    modules, seen, others = sources(), set[str](), set[str]()
    todo = list(start)
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        if name.partition(".")[0] not in FOLDERS:
            others.add(name.partition(".")[0])
            continue
        if name not in modules:
            continue  # a name in a module, not a module
        todo += [name.rpartition(".")[0]] if "." in name else []
        for node in ast.parse(modules[name].read_text()).body:
            if isinstance(node, ast.Import):
                todo += [one.name for one in node.names]
            elif isinstance(node, ast.ImportFrom):
                todo += [str(node.module), *(f"{node.module}.{one.name}" for one in node.names)]
    return others - sys.stdlib_module_names


def brought_by(*requirements: str) -> set[str]:
    """The names of required packages."""
    return {re.split(r"[\[=<>]", one)[0] for one in requirements}


def test_the_command_alone_imports_what_is_always_installed() -> None:
    required = brought_by(*PROJECT["project"]["dependencies"]) - {"pyyaml"} | {"yaml", "botocore"}
    assert imported_at_once(["usher_cli.__main__", *(f"usher_cli.commands.{one}" for one in MODULES)]) <= required


def test_the_local_personalize_imports_only_its_extra() -> None:
    extra = PROJECT["project"]["optional-dependencies"]["personalize"]
    required = brought_by(*PROJECT["project"]["dependencies"], *extra) | {"botocore", "werkzeug", "pytest"}
    start = [name for name in sources() if name.startswith(("usher_local.personalize", "usher_local.pytest_plugin"))]
    assert len(start) > 50
    assert imported_at_once(start) <= required


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    builder = pytest.importorskip("hatchling.builders.wheel", reason="make setup installs the build backend, hatchling")
    [path] = builder.WheelBuilder(str(REPOSITORY)).build(directory=str(tmp_path_factory.mktemp("wheel")))
    with zipfile.ZipFile(path) as opened:
        yield opened


def test_it_has_no_top_level_name_but_ushers_own(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert tops == {"usher", "usher_cli", "usher_local", "usher-0.1.0.dist-info"}


def test_it_has_every_module_but_those_that_need_the_project(wheel: zipfile.ZipFile) -> None:
    modules = {
        path.relative_to(folder.parent).as_posix() for folder in FOLDERS.values() for path in folder.rglob("*.py")
    }
    missing = modules - set(wheel.namelist())
    assert {"/".join(name.split("/")[:2]) for name in missing} == {"usher_local/rehearsal.py", "usher_local/simulation"}


def test_it_has_the_stack_of_the_local_cloud(wheel: zipfile.ZipFile) -> None:
    stack = {name.removeprefix("usher_local/stack/") for name in wheel.namelist() if "/stack/" in name}
    assert "template.yaml" in stack
    uris = ("CodeUri", "ContentUri", "DefinitionUri")
    named = [uri for one in RESOURCES.values() for name, uri in one.get("Properties", {}).items() if name in uris]
    assert len(named) > 10
    for uri in named:
        path = REPOSITORY / uri
        files = [path] if path.is_file() else [*path.rglob("*.py"), *path.glob("requirements.txt")]
        assert {file.relative_to(REPOSITORY).as_posix() for file in files} <= stack, uri
    assert {"usher_local/cloud/aws_lambda/lambda_runtime.txt", "usher_local/demo/usher.yaml"} <= set(wheel.namelist())


def test_it_has_the_command_and_the_pytest_plugin(wheel: zipfile.ZipFile) -> None:
    points = configparser.ConfigParser()
    points.read_string(wheel.read("usher-0.1.0.dist-info/entry_points.txt").decode())
    assert dict(points["console_scripts"]) == {"usher": "usher_cli.__main__:main"}
    assert dict(points["pytest11"]) == {"usher": "usher_local.pytest_plugin"}


def test_the_installed_command_has_the_projects_version(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path)
    command = [sys.executable, "-m", "usher_cli", "--version"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(  # noqa: S603 - our own command
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"usher {PROJECT['project']['version']}\n"


def test_patched_libraries_have_an_exact_version(wheel: zipfile.ZipFile) -> None:
    metadata = wheel.read("usher-0.1.0.dist-info/METADATA").decode().splitlines()
    required = [line.removeprefix("Requires-Dist: ") for line in metadata if line.startswith("Requires-Dist: ")]
    patched = [one for one in required if one.startswith(("moto", "aws-sam-cli", "awslambdaric", "jsonata-python"))]
    assert {re.split(r"[\[=]", one)[0] for one in patched} == {"moto", "aws-sam-cli", "awslambdaric", "jsonata-python"}
    assert [one for one in patched if "==" not in one.split(";")[0]] == []


def test_the_backend_is_the_one_that_developers_have() -> None:
    [backend] = PROJECT["build-system"]["requires"]
    assert "==" in backend
    assert backend in PROJECT["dependency-groups"]["dev"]
