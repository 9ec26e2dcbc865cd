"""The examples of docs/adding.md, carried out in a copy of the project: complete, and with one step left out."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

from tests.unit.docs.adding import Example, Step, examples
from tests.unit.stack.files import REPOSITORY

pytestmark = pytest.mark.timeout(900)  # each test runs another pytest

EXAMPLES = examples()
LEFT_OUT = [
    pytest.param(example, step, id=f"{thing}-{step.file}")
    for thing, example in EXAMPLES.items()
    for step in example.steps
    if step.is_checked
]
GENERATED = [
    "tests/unit/docs/test_docs.py::test_the_tables_and_diagrams_that_follow_from_the_code_are_current",
    "tests/unit/usher/resources/test_kinds.py",
    "tests/unit/stack/test_template.py",
    "tests/unit/usher/config",
    "tests/command/test_editor_schema.py::test_the_schema_is_current",
]
"""Tests of generated files, and of everything that the tables hold."""
CHANGED = {step.file for example in EXAMPLES.values() for step in example.steps}
FAILED = 1
"""pytest's exit code where tests ran, and some failed."""


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project."""
    ignored = ignore_patterns(".git", ".venv", ".aws-sam", ".*cache", ".hypothesis", "node_modules")
    return copytree(REPOSITORY, tmp_path_factory.mktemp("adding") / "usher", ignore=ignored)


@pytest.fixture
def project(copied: Path) -> Iterator[Path]:
    """The copy, whose files are as they were after each test."""
    generated = {"usher.schema.json", *(f"docs/{path.name}" for path in (copied / "docs").glob("*.md"))}
    former = {file: (copied / file).read_text() for file in CHANGED | generated}
    yield copied
    for file, text in former.items():
        (copied / file).write_text(text)


def run(project: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A command of Python's, with the copy's modules."""
    path = os.pathsep.join([str(project), str(project / "layers" / "core" / "python")])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": ""}
    for file in map(Path, CHANGED):  # one that is changed twice in a second would keep its former bytecode
        for bytecode in (project / file).parent.glob(f"__pycache__/{file.stem}.*.pyc"):
            bytecode.unlink()
    arguments = [sys.executable, *command]
    return subprocess.run(arguments, cwd=project, env=environment, capture_output=True, text=True, check=False)  # noqa: S603


def run_tests(project: Path, tests: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return run(project, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=list(EXAMPLES))
def test_an_example_is_complete(project: Path, example: Example) -> None:
    """With all steps, all tests that they name pass, and so do the tests of generated files."""
    example.apply(project, example.steps)
    for command in example.commands:
        _, *arguments = command.split()
        done = run(project, *arguments)
        assert done.returncode == 0, done.stderr
    done = run_tests(project, [*example.tests, *GENERATED])
    assert done.returncode == 0, done.stdout
    done = run(project, "-m", "ruff", "check", *(step.file for step in example.steps if step.file.endswith(".py")))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("example", "left_out"), LEFT_OUT)
def test_the_test_that_a_step_names_fails_without_it(project: Path, example: Example, left_out: Step) -> None:
    example.apply(project, [step for step in example.steps if step is not left_out])
    done = run_tests(project, [left_out.test])
    assert done.returncode == FAILED, done.stdout + done.stderr
