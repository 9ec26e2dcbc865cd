"""The tree in the docstring is the tree of the code."""

import re

from usher import errors
from usher.errors import InputError, Problem, RequestError, UsherError


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
    assert set(real) == {kind.__name__ for kind in (UsherError, InputError, RequestError)}


def test_an_input_error_reads_as_all_of_its_problems() -> None:
    error = InputError([Problem("a.csv line 2", "is bad.", "Mend it."), Problem("b", "too.", "Do.")])
    assert str(error) == "a.csv line 2: is bad. Mend it.\nb: too. Do."
    assert error.as_dicts()[1] == {"place": "b", "message": "too.", "remedy": "Do."}
