"""Lambda gets the packages of the tests."""

import csv
import re
from collections import defaultdict
from importlib.metadata import distributions
from pathlib import Path

import pytest

from tests.unit.stack.files import REPOSITORY, RESOURCES

LAYERS = sorted((REPOSITORY / "layers").glob("*/requirements.txt"))
PIN = re.compile(
    r"^(?P<name>[\w.-]+)(?:\[[\w,]+\])?==(?P<version>[^\s;\\]+)(?:\s*;\s*(?P<marker>[^\\]+?))?\s*\\?$", re.MULTILINE
)


def pins(path: Path) -> list[tuple[str, str, str]]:
    """(name, version, marker) of every pinned package."""
    return [(found["name"], found["version"], found["marker"] or "") for found in PIN.finditer(path.read_text())]


def everywhere() -> dict[str, str]:
    """The packages with one version on every Python, from the developers' lock."""
    found = pins(REPOSITORY / "requirements.txt")
    names = [name for name, _, _ in found]
    return {name: version for name, version, _ in found if names.count(name) == 1}


def test_the_locks_are_read() -> None:
    assert len(everywhere()) > 50
    assert len(LAYERS) == 2


@pytest.mark.parametrize("path", LAYERS, ids=lambda path: path.parent.name)
def test_a_layers_versions_are_those_of_the_tests(path: Path) -> None:
    tested = everywhere()
    shared = {name: version for name, version, _ in pins(path) if name in tested}
    assert shared
    assert shared == {name: tested[name] for name in shared}


@pytest.mark.parametrize("path", LAYERS, ids=lambda path: path.parent.name)
def test_a_layers_packages_are_all_pinned_with_hashes(path: Path) -> None:
    blocks = re.split(r"(?m)^(?=\w)", path.read_text())
    assert all("--hash=sha256:" in block for block in blocks if "==" in block)
    wanted = (path.parent / "requirements.in").read_text().split()
    assert {re.split(r"[\[=<>]", name)[0].lower() for name in wanted} <= {name for name, _, _ in pins(path)}


@pytest.mark.parametrize("path", ["Makefile", "layers/core/Makefile", "layers/data/Makefile"])
def test_nothing_is_installed_whose_hash_is_not_known(path: str) -> None:
    commands = (REPOSITORY / path).read_text().replace("\\\n", " ").splitlines()
    installing = [line for line in commands if re.match(r"\t@?(\S*pip|uv pip) (install|sync) ", line)]
    assert installing
    assert all("--require-hashes" in line for line in installing)
    uv = (REPOSITORY / "requirements-uv.txt").read_text()
    assert re.match(r"uv==\S+ \\\n    --hash=sha256:", uv)


def test_the_layer_brings_boto3_with_every_service_that_functions_call() -> None:
    makefile = (REPOSITORY / "layers" / "core" / "Makefile").read_text()
    (listed,) = re.findall(r"^SERVICES := (.*)$", makefile.replace("\\\n", ""), re.MULTILINE)
    paths = [*(REPOSITORY / "functions").rglob("*.py"), *(REPOSITORY / "layers").rglob("*.py")]
    sources = "\n".join(path.read_text() for path in paths)
    loops = re.findall(r"client\(name\) for name in \(([^)]*)\)", sources)
    called = set(re.findall(r'client\("([a-z0-9-]+)"\)', sources)) | set(re.findall(r'"([^"]+)"', " ".join(loops)))
    assert called == set(listed.split())
    assert {"boto3", "botocore"} <= {name for name, _, _ in pins(REPOSITORY / "layers" / "core" / "requirements.txt")}


def test_a_build_fails_before_lambda_refuses_the_layers() -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: 250 MB, of 1,048,576 bytes."""
    (most,) = re.findall(r"^MAX_LAYER_BYTES := (\d+)$", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    functions = sum(path.stat().st_size for path in (REPOSITORY / "functions").rglob("*.py"))
    assert int(most) + functions < 250 << 20


def test_a_layer_is_built_by_the_target_that_bears_its_name() -> None:
    for name, resource in RESOURCES.items():
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            makefile = REPOSITORY / resource["Properties"]["ContentUri"] / "Makefile"
            assert f"build-{name}:" in makefile.read_text()


def test_no_two_distributions_install_the_same_module() -> None:
    """The last writer wins by chance: types were checked with other stubs in another environment."""
    owners = defaultdict[str, set[str]](set)
    for distribution in distributions():
        name = distribution.name  # which reads the metadata each time
        for file, *_ in csv.reader((distribution.read_text("RECORD") or "").splitlines()):
            if file.endswith((".py", ".pyi")):
                owners[file].add(name)
    assert "moto/__init__.py" in owners
    assert [(file, names) for file, names in owners.items() if len(names) > 1] == []
