"""The examples of docs/adding.md, done in a copy of the project: completely, and without one of the steps."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest
from usher.serving.api_pages import DOCUMENT

from tests.unit.docs.adding import Example, Step, examples
from tests.unit.stack.files import REPOSITORY

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(900)]  # each test runs another pytest

EXAMPLES = examples()
LEFT_OUT = [
    pytest.param(example, step, id=f"{thing}-{step.file}")
    for thing, example in EXAMPLES.items()
    for step in example.steps
    if step.is_checked
]
GENERATED = [
    "tests/unit/docs/test_docs.py::test_the_tables_and_diagrams_that_follow_from_the_code_are_current",
    "tests/command/test_editor_schema.py::test_the_schema_is_current",
    "tests/unit/docs/test_api.py",
]
OPENAPI = str(DOCUMENT.relative_to(REPOSITORY))
CHECKED = ["tests/unit/usher/resources/test_kinds.py", "tests/unit/stack/test_template.py", "tests/unit/usher/config"]
"""Tests of all contents of the tables."""
CHANGED = {step.file for example in EXAMPLES.values() for step in example.steps}
FAILED = 1
"""pytest's exit code after tests that ran, and of which some failed."""


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project."""
    ignored = ignore_patterns(".git", ".venv", ".aws-sam", ".*cache", ".hypothesis", "node_modules")
    return copytree(REPOSITORY, tmp_path_factory.mktemp("adding") / "usher", ignore=ignored)


@pytest.fixture
def project(copied: Path) -> Iterator[Path]:
    """The copy, whose files are restored after each test."""
    generated = {"usher.schema.json", OPENAPI, *(f"docs/{path.name}" for path in (copied / "docs").glob("*.md"))}
    former = {file: (copied / file).read_text() for file in CHANGED | generated}
    yield copied
    for file, text in former.items():
        (copied / file).write_text(text)


@dataclass(frozen=True, slots=True)
class Python:
    """Runs modules of the copy, as `python -m` does."""

    process: subprocess.Popen[str]
    output: Path

    def run(self, module: str, *arguments: str) -> int:
        """Run a module. Returns the exit code; the output is in `output`."""
        assert self.process.stdin
        assert self.process.stdout
        print(json.dumps([str(self.output), module, *arguments]), file=self.process.stdin, flush=True)
        return int(self.process.stdout.readline())

    def test(self, *tests: str) -> int:
        """The exit code of pytest, which can't rewrite the plugins that are imported already."""
        return self.run("pytest", "-q", "-p", "no:cacheprovider", "--assert=plain", *tests)


@pytest.fixture(scope="module")
def python(copied: Path) -> Iterator[Python]:
    path = os.pathsep.join([str(copied), str(copied / "layers" / "core" / "python")])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": ""}
    command = [sys.executable, "-m", "tests.integration.forks"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=copied, env=environment, stdin=pipe, stdout=pipe, text=True) as process:  # noqa: S603
        yield Python(process, copied.parent / "output")


def apply(project: Path, example: Example, without: Step | None = None) -> None:
    example.apply(project, [step for step in example.steps if step is not without])
    for file in map(Path, CHANGED):  # a file that is changed twice in a second would keep its former bytecode
        for bytecode in (project / file).parent.glob(f"__pycache__/{file.stem}.*.pyc"):
            bytecode.unlink()


def generate(python: Python, examples: Iterable[Example]) -> None:
    for command in dict.fromkeys(command for example in examples for command in example.commands):
        assert python.run(*command.removeprefix("python -m ").split()) == 0, python.output.read_text()


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=list(EXAMPLES))
def test_an_example_is_complete(project: Path, python: Python, example: Example) -> None:
    """With all steps, all tests that they name pass, and so do the tests of generated files."""
    apply(project, example)
    generate(python, [example])
    assert python.test(*example.tests, *GENERATED) == 0, python.output.read_text()
    files = [step.file for step in example.steps if step.file.endswith(".py")]
    assert python.run("ruff", "check", *files) == 0, python.output.read_text()


def test_with_all_examples_the_tables_have_the_expected_rows(project: Path, python: Python) -> None:
    for example in EXAMPLES.values():
        apply(project, example)
    generate(python, EXAMPLES.values())
    assert python.test(*CHECKED) == 0, python.output.read_text()


@pytest.mark.parametrize(("example", "left_out"), LEFT_OUT)
def test_the_test_that_a_step_names_fails_without_it(
    project: Path, python: Python, example: Example, left_out: Step
) -> None:
    apply(project, example, left_out)
    assert python.test(left_out.test) == FAILED, python.output.read_text()
