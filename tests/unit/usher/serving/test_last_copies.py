"""Copies of the table, on a clock that the test sets."""

import pytest
from botocore.exceptions import ReadTimeoutError
from usher.serving.last_copies import LastCopies

SECONDS = 5.0


class Source:
    """A table with one item for each group, which may be down."""

    def __init__(self) -> None:
        self.content, self.now, self.reads, self.is_down = {"films": "one"}, 0.0, 0, False

    def read(self, group: str) -> str:
        self.reads += 1
        if self.is_down:
            raise ReadTimeoutError(endpoint_url="x")
        return self.content.get(group, "")

    def clock(self) -> float:
        return self.now


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def copies(source: Source) -> LastCopies[str]:
    return LastCopies(source.read, SECONDS, source.clock)


def test_a_copy_is_used_for_its_time_and_no_longer(source: Source, copies: LastCopies[str]) -> None:
    assert [copies.get("films") for source.now in (0, SECONDS)] == ["one", "one"]
    assert source.reads == 1
    source.content["films"] = "two"
    source.now = SECONDS + 0.1
    assert copies.get("films") == "two"


def test_an_old_copy_is_used_while_the_table_does_not_answer(source: Source, copies: LastCopies[str]) -> None:
    copies.get("films")
    source.is_down = True
    for source.now in range(5, 3600, 1):
        assert copies.get("films") == "one"
    assert source.reads <= 1 + 3600 / SECONDS, "each request would wait for the table"
    assert copies.age("films") == source.now
    source.is_down, source.content["films"] = False, "two"
    source.now += SECONDS + 0.1
    assert copies.get("films") == "two"
    assert copies.age("films") == 0


def test_without_a_copy_the_tables_error_is_reported(source: Source, copies: LastCopies[str]) -> None:
    source.is_down = True
    with pytest.raises(ReadTimeoutError):
        copies.get("films")


def test_a_copy_to_be_read_again_still_replaces_the_table(source: Source, copies: LastCopies[str]) -> None:
    copies.get("films")
    source.content["films"] = "two"
    copies.expire("films")
    source.is_down = True
    assert copies.get("films") == "one"
    source.is_down = False
    copies.expire("films")
    assert copies.get("films") == "two"


def test_items_that_do_not_exist_leave_nothing_in_the_cache(source: Source, copies: LastCopies[str]) -> None:
    assert copies.get("art") == ""
    copies.get("films")
    del source.content["films"]
    source.now = SECONDS + 0.1
    assert copies.get("films") == ""
    source.is_down = True
    with pytest.raises(ReadTimeoutError):
        copies.get("films")
    assert copies.age("films") is None
