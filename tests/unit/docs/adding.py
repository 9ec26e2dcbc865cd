"""The examples of docs/adding.md: steps that change one file each, and commands that generate files."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.unit.docs.api import anchor
from tests.unit.stack.files import REPOSITORY

PAGE = REPOSITORY / "docs" / "adding.md"
STEP = re.compile(r"^\*\*\d+\. `(\S+)`\*\*(.+?)\n```diff\n(.+?)^```$", re.S | re.M)
COMMANDS = re.compile(r"^```sh\n(.+?)^```$", re.S | re.M)
TEST = re.compile(r"`(tests/\S+::\S+)`")
REST = "..."
"""Stands for the rest of a line."""


@dataclass(frozen=True, slots=True)
class Step:
    """A change of one file."""

    file: str
    test: str
    """The test that the step names."""
    is_checked: bool
    """Whether this test fails without the step; otherwise the step adds the test."""
    diff: str

    def apply(self, text: str) -> str:
        """The file's text with the change. Raises ValueError if the file differs from the page."""
        lines, place = text.splitlines(), 0
        for hunk in re.split(r"^(?=@@)", self.diff, flags=re.M):
            head, *changes = hunk.splitlines() if hunk.startswith("@@") else ["", *hunk.splitlines()]
            if name := head.removeprefix("@@").strip():
                place = _find(lines, [name], place, indented=True)
            if not hunk.strip():
                continue
            former = [change[1:] for change in changes if change[:1] != "+"]
            # A hunk that only adds is below the line in its head, or above the function in its head.
            start = _find(lines, former, place) if former else place + (not name.startswith("def "))
            place = start
            for change in changes:
                if change[:1] == "+":
                    lines.insert(place, change[1:])
                elif change[:1] == "-":
                    del lines[place]
                    continue
                place += 1
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Example:
    """An example of how to add a thing."""

    steps: Sequence[Step]
    commands: Sequence[str]

    @property
    def tests(self) -> list[str]:
        """The tests that the steps name, each once."""
        return list(dict.fromkeys(step.test for step in self.steps))

    def apply(self, folder: Path, steps: Sequence[Step]) -> None:
        """Change the files of a copy of the project."""
        for step in steps:
            path = folder / step.file
            path.write_text(step.apply(path.read_text()))


def examples() -> Mapping[str, Example]:
    """The examples of the page, by the added thing."""
    _, *sections = re.split(r"^## ", PAGE.read_text(), flags=re.M)
    return {section.partition("\n")[0]: _example(section) for section in sections}


def overview() -> Iterator[tuple[str, str, str]]:
    """The rows of the examples: the number of files that each changes, and their names."""
    yield "Added", "Files", "Which"
    for thing, example in examples().items():
        files = [f"`{step.file.rpartition('/')[2]}`" for step in example.steps]
        yield f"[{thing}](#{anchor(thing)})", str(len(files)), ", ".join(files)


def _example(section: str) -> Example:
    steps = [
        Step(file, TEST.findall(text)[-1], "Without this step" in " ".join(text.split()), diff)
        for file, text, diff in STEP.findall(section)
    ]
    return Example(steps, [line for commands in COMMANDS.findall(section) for line in commands.splitlines()])


def _find(lines: Sequence[str], sought: Sequence[str], start: int, *, indented: bool = False) -> int:
    """The index of the first of some consecutive lines, at or after `start`. `indented`: at any depth."""
    for place in range(start, len(lines) - len(sought) + 1):
        here = lines[place : place + len(sought)]
        if all(
            _is_like(line.strip() if indented else line, one, indented) for line, one in zip(here, sought, strict=True)
        ):
            return place
    raise ValueError(f"The file has no lines in a row such as {sought}.")


def _is_like(line: str, sought: str, is_beginning: bool) -> bool:
    return line.startswith(sought.removesuffix(REST)) if is_beginning or sought.endswith(REST) else line == sought
