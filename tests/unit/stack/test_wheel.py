"""What `pip install` gets: three packages, the command, and what the local cloud deploys."""

import configparser
import tomllib
import zipfile
from collections.abc import Iterator

import pytest

from tests.unit.stack.files import REPOSITORY, RESOURCES

builder = pytest.importorskip("hatchling.builders.wheel", reason="make setup installs the build backend, hatchling")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    [path] = builder.WheelBuilder(str(REPOSITORY)).build(directory=str(tmp_path_factory.mktemp("wheel")))
    with zipfile.ZipFile(path) as opened:
        yield opened


def test_it_has_no_top_level_name_but_ushers_own(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert tops == {"usher", "usher_cli", "usher_local", "usher-0.1.0.dist-info"}


def test_it_has_every_module_but_those_that_need_the_project(wheel: zipfile.ZipFile) -> None:
    folders = [REPOSITORY / "layers/core/python/usher", REPOSITORY / "usher_cli", REPOSITORY / "usher_local"]
    modules = {path.relative_to(folder.parent).as_posix() for folder in folders for path in folder.rglob("*.py")}
    missing = modules - set(wheel.namelist())
    assert {"/".join(name.split("/")[:2]) for name in missing} == {"usher_local/rehearsal.py", "usher_local/simulation"}


def test_it_has_what_the_local_cloud_deploys(wheel: zipfile.ZipFile) -> None:
    stack = {name.removeprefix("usher_local/stack/") for name in wheel.namelist() if "/stack/" in name}
    assert "template.yaml" in stack
    uris = ("CodeUri", "ContentUri", "DefinitionUri")
    named = [uri for one in RESOURCES.values() for name, uri in one.get("Properties", {}).items() if name in uris]
    assert len(named) > 10
    for uri in named:
        path = REPOSITORY / uri
        files = [path] if path.is_file() else [*path.rglob("*.py"), *path.glob("requirements.txt")]
        assert {file.relative_to(REPOSITORY).as_posix() for file in files} <= stack, uri
    assert {"usher_local/cloud/lambda_runtime.txt", "usher_local/demo/usher.yaml"} <= set(wheel.namelist())


def test_it_has_the_command_and_the_pytest_plugin(wheel: zipfile.ZipFile) -> None:
    points = configparser.ConfigParser()
    points.read_string(wheel.read("usher-0.1.0.dist-info/entry_points.txt").decode())
    assert dict(points["console_scripts"]) == {"usher": "usher_cli.__main__:main"}
    assert dict(points["pytest11"]) == {"usher": "usher_local.pytest_plugin"}


def test_what_is_patched_has_an_exact_version(wheel: zipfile.ZipFile) -> None:
    metadata = wheel.read("usher-0.1.0.dist-info/METADATA").decode().splitlines()
    required = [line.removeprefix("Requires-Dist: ") for line in metadata if line.startswith("Requires-Dist: ")]
    patched = [one for one in required if one.startswith(("moto", "aws-sam-cli", "awslambdaric", "jsonata-python"))]
    assert len(patched) == 5
    assert [one for one in patched if "==" not in one.split(";")[0]] == []


def test_the_backend_is_the_one_that_developers_have() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    [backend] = project["build-system"]["requires"]
    assert "==" in backend
    assert backend in project["dependency-groups"]["dev"]
