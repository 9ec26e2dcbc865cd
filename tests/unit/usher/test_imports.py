"""What is imported where: cold starts stay short, and the product never leans on the local cloud."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.usher.world import REPOSITORY

HEAVY = {"pandas", "numpy", "pyarrow", "pydantic", "aws_xray_sdk", "yaml"}
PACKAGE = REPOSITORY / "layers" / "core" / "python"
SOURCES = [*(REPOSITORY / "functions").rglob("*.py"), *(REPOSITORY / "layers").rglob("*.py")]
IMPORT = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("app", sys.argv[1])
spec.loader.exec_module(importlib.util.module_from_spec(spec))
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


@pytest.mark.parametrize("function", ["recommendations", "ranking", "events"])
def test_an_api_function_imports_nothing_heavy(function: str) -> None:
    environment = {"PYTHONPATH": str(PACKAGE), "TABLE_NAME": "t", "AWS_DEFAULT_REGION": "us-east-1"}
    path = REPOSITORY / "functions" / function / "app.py"
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", IMPORT, str(path)], env=environment, capture_output=True, text=True, check=True
    )
    imported = set(json.loads(done.stdout))
    assert not imported & HEAVY
    assert "usher" in imported


def test_the_package_itself_imports_nothing() -> None:
    assert not ast.parse((PACKAGE / "usher" / "__init__.py").read_text()).body


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_nothing_that_is_deployed_imports_the_local_cloud(path: Path) -> None:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    assert not {name for name in names if name.partition(".")[0] in {"local", "moto", "tests"}}


def test_a_function_is_one_file() -> None:
    for folder in (REPOSITORY / "functions").iterdir():
        assert [path.name for path in folder.iterdir() if path.name != "__pycache__"] == ["app.py"]
