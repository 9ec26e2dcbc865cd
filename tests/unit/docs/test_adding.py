"""The steps of docs/adding.md fit the current files. tests/integration/test_adding.py does them."""

import pytest

from tests.unit.docs.adding import Example, Step, examples
from tests.unit.stack.files import REPOSITORY

EXAMPLES = examples()
STEPS = [
    pytest.param(example, step, id=f"{thing}-{step.file}")
    for thing, example in EXAMPLES.items()
    for step in example.steps
]


def test_there_is_an_example_of_each_thing() -> None:
    assert {thing: len(example.steps) for thing, example in EXAMPLES.items()} == {
        "An export format": 3,
        "A recipe": 3,
        "A route": 4,
        "A kind of resource": 8,
    }


@pytest.mark.parametrize(("example", "step"), STEPS)
def test_a_step_changes_a_file_and_names_a_test(example: Example, step: Step) -> None:
    text = (REPOSITORY / step.file).read_text()
    assert step.apply(text) != text
    file, _, name = step.test.partition("::")
    added = "".join(other.diff for other in example.steps if other.file == file)
    assert f"def {name.partition('[')[0]}(" in (REPOSITORY / file).read_text() + added
