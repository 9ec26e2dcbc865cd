"""Cases in one test fail like separate tests: each with its name, and none hides another."""

import pytest

from tests.cases import check_each


def test_every_case_that_fails_is_named_and_the_others_are_checked() -> None:
    checked = list[int]()

    def check(case: int) -> None:
        checked.append(case)
        assert case % 2

    with pytest.raises(ExceptionGroup) as raised:
        check_each(check, range(4))
    assert checked == [0, 1, 2, 3]
    assert [error.__notes__ for error in raised.value.exceptions] == [["The case: 0"], ["The case: 2"]]
    check_each(check, [1, 3])
