"""The tree in the docstring is the tree of the code."""

import re

from usher import errors
from usher.errors import (
    MAX_MESSAGE_LENGTH,
    MAX_PLACE_LENGTH,
    MAX_PROBLEMS,
    BusyError,
    EndedError,
    InputError,
    Problem,
    RequestError,
    UsherError,
)


def drawn() -> dict[str, str]:
    """Class -> parent, as the docstring draws it."""
    parents: dict[str, str] = {}
    branch: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"((?:[│ ]   )*(?:[├└]── )?)(\w+Error)\b", line):
            depth = len(found[1]) // 4
            branch[depth:] = [found[2]]
            parents[found[2]] = branch[depth - 1] if depth else "Exception"
    return parents


def test_the_tree_in_the_docstring_is_the_real_one() -> None:
    real = {
        name: kind.__base__.__name__
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, Exception) and kind.__base__
    }
    assert drawn() == real
    assert set(real) == {kind.__name__ for kind in (UsherError, InputError, EndedError, BusyError, RequestError)}


def test_an_input_error_reads_as_all_of_its_problems() -> None:
    error = InputError([Problem("a.csv line 2", "is bad.", "Mend it."), Problem("b", "too.", "Do.")])
    assert str(error) == "a.csv line 2: is bad. Mend it.\nb: too. Do."
    assert error.as_dicts()[1] == {"place": "b", "message": "too.", "remedy": "Do."}


def test_a_problem_is_visible_and_bounded_where_it_is_made() -> None:
    long = "\u202e" + "x" * 100_000 + "\nend"
    problem = Problem(long, long, long)
    assert [len(problem.place), len(problem.message), len(problem.remedy)] == [
        MAX_PLACE_LENGTH,
        MAX_MESSAGE_LENGTH,
        MAX_MESSAGE_LENGTH,
    ]
    for text in (problem.place, problem.message, problem.remedy):
        assert text.startswith("\\u202ex")
        assert text.endswith("\\nend")


def test_the_first_of_100_000_problems_are_kept_and_the_rest_is_counted() -> None:
    error = InputError([Problem(f"a.csv line {number}", "is bad.", "Mend it.") for number in range(100_000)])
    *kept, last = error.as_dicts()
    assert [one["place"] for one in kept] == [f"a.csv line {number}" for number in range(MAX_PROBLEMS)]
    assert last["place"] == "99,900 more problems"
    assert len(str(error).splitlines()) == MAX_PROBLEMS + 1
    assert len(InputError([Problem("a", "b", "c")] * MAX_PROBLEMS).problems) == MAX_PROBLEMS
