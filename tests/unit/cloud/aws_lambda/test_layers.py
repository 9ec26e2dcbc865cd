"""Layers in both their forms, and the Python that their packages are installed for."""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from tests.cases import check_each
from usher_local.cloud.aws_lambda.forks import Forks
from usher_local.cloud.aws_lambda.layers import unpacked, unzipped
from usher_local.cloud.aws_lambda.python import PackagesError, chosen, installed, probe, runtime
from usher_local.cloud.aws_lambda.workers import Configuration, Worker
from usher_local.cloud.cloudformation.lambda_resources import zipped

ROOT = Path(__file__).parents[4]
RECORD = "six.py,sha256=x,1\nsix_docs.py,sha256=x,1\nsix-1.17.0.dist-info/RECORD,,\n../../bin/six,,\n"
BUILT = {"python/six.py": "for another machine", "python/six-1.17.0.dist-info/RECORD": RECORD, "python/own.py": "x = 1"}


def archive(files: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, text in files.items():
            made.writestr(name, text)
    return buffer.getvalue()


@pytest.fixture
def fresh_choice() -> Iterator[None]:
    chosen.cache_clear()
    yield
    chosen.cache_clear()


def test_the_packages_of_a_built_layer_are_installed_for_this_machine(tmp_path: Path) -> None:
    layer = unpacked(archive(BUILT), tmp_path, chosen())
    own, packages = layer.search_path
    assert [path.name for path in own.iterdir()] == ["own.py"]
    assert '__version__ = "1.17.0"' in (packages / "six.py").read_text().replace("'", '"')
    assert layer.size == sum(len(text) for text in BUILT.values())


def test_files_that_the_build_removed_are_missing_here_too(tmp_path: Path) -> None:
    removed = {name: text for name, text in BUILT.items() if name != "python/six.py"}
    _, packages = unpacked(archive(removed), tmp_path, chosen()).search_path
    assert not (packages / "six.py").exists()
    assert list(packages.glob("six-*.dist-info"))


def test_a_layer_without_packages_is_its_files(tmp_path: Path) -> None:
    (own,) = unpacked(archive({"python/own.py": "x = 1"}), tmp_path, chosen()).search_path
    assert (own / "own.py").read_text() == "x = 1"


def test_many_may_install_the_same_at_once(tmp_path: Path) -> None:
    """The second one finds the folder in place."""
    with ThreadPoolExecutor(4) as pool:
        folders = set(pool.map(lambda _: installed("six==1.17.0", chosen(), parent=tmp_path), range(4)))
    (folder,) = folders
    assert (folder / "six.py").is_file()
    assert {path.name for path in tmp_path.iterdir()} == {"lock", folder.name}


def test_packages_that_cannot_be_installed_are_reported_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    with pytest.raises(PackagesError, match="needs the package registry"):
        installed("six==0.0.1", chosen(), parent=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


@pytest.mark.usefixtures("fresh_choice")
def test_a_python_that_does_not_run_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMBDA_PYTHON", "/no/such/python")
    with pytest.raises(OSError, match="LAMBDA_PYTHON=/no/such/python does not run"):
        chosen()


def test_a_shim_without_its_version_is_no_python(tmp_path: Path) -> None:
    shim = tmp_path / "python3.13"
    shim.write_text("#!/bin/sh\necho 'command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    assert probe(str(shim)) is None


class Loader(yaml.CSafeLoader):
    """Reads a SAM template; the short forms of its functions become text."""


Loader.add_multi_constructor("!", lambda _, __, node: str(node.value))
TEMPLATE = yaml.load((ROOT / "template.yaml").read_text(), Loader)  # noqa: S506 - a SafeLoader
FUNCTIONS = {
    name: resource["Properties"]
    for name, resource in TEMPLATE["Resources"].items()
    if resource["Type"] == "AWS::Serverless::Function"
}


class Importer:
    """Imports functions of the template, each in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = chosen()
        self.forks = Forks(self.python)
        self._search_paths: dict[str, Sequence[Path]] = {}

    def error(self, name: str, layers: Sequence[str]) -> str:
        """Start a worker for a function with some layers. Returns the error (JSON) of its import, or ""."""
        with zipfile.ZipFile(io.BytesIO(zipped(ROOT / FUNCTIONS[name]["CodeUri"]))) as code:
            task_root = unzipped(code, code.namelist(), self.folder)
        given = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
        own = FUNCTIONS[name].get("Environment", {}).get("Variables", {})
        defaults = {key: str(one.get("Default", "")) for key, one in TEMPLATE["Parameters"].items()}
        environment = tuple(
            (key, defaults.get(value.strip("${}"), value if value.isdigit() else key.lower()))
            for key, value in {**given, **own}.items()
        )
        configuration = Configuration(
            name=name,
            version="$LATEST",
            handler=TEMPLATE["Globals"]["Function"]["Handler"],
            runtime=TEMPLATE["Globals"]["Function"]["Runtime"],
            role="",
            region="us-east-1",
            memory=3008,
            timeout=60,
            environment=environment,
            code="",
            layers=tuple(path for layer in layers for path in self._search_path(layer)),
            log_group="",
            log_format="JSON",
        )
        worker = Worker(configuration, task_root, runtime(self.python), self.forks, {}, "stream", lambda _: None)
        try:
            return worker.init()
        finally:
            worker.kill()

    def _search_path(self, layer: str) -> Sequence[Path]:
        if layer not in self._search_paths:
            self._search_paths[layer] = unpacked(zipped(ROOT / layer), self.folder, self.python).search_path
        return self._search_paths[layer]


@pytest.fixture(scope="module")
def importer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Importer]:
    """On Lambda's own version of Python, if it is installed; the layers are unpacked once."""
    made = Importer(tmp_path_factory.mktemp("functions"))
    with closing(made.forks):
        yield made


def test_a_function_imports_with_its_layers_alone(importer: Importer) -> None:
    def imports(name: str) -> None:
        layers = [*TEMPLATE["Globals"]["Function"]["Layers"], *FUNCTIONS[name].get("Layers", [])]
        folders = [TEMPLATE["Resources"][layer]["Properties"]["ContentUri"] for layer in layers]
        assert importer.error(name, folders) == ""

    check_each(imports, FUNCTIONS)


@pytest.mark.exhaustive
def test_a_function_does_not_import_without_its_data_layer(importer: Importer) -> None:
    error = json.loads(importer.error("Plan", ["layers/core"]))
    assert error["errorType"] == "Runtime.ImportModuleError"
