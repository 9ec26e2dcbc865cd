"""The readings of data files by usher.yaml."""

from typing import Any

import pytest
from usher.config.parser import read_config
from usher.config.readings import readings_of
from usher.datasets.reading import PLAIN, Reading
from usher.errors import InputError


def read(**sections: Any) -> dict[str, Reading]:
    solutions = {"popular": {"recipe": "aws-popularity-count"}}
    config = read_config({"solutions": solutions, **sections}, "usher.yaml", "films", ["aws-popularity-count"])
    return dict(config.readings)


def test_without_a_word_files_are_as_personalize_takes_them() -> None:
    assert read() == {}


def test_a_key_holds_for_all_datasets_or_for_those_that_it_names() -> None:
    found = read(
        columns={"user": "USER_ID", "junk": False, "items": {"id": "ITEM_ID"}},
        timestamps={"interactions": "ms", "items": "iso"},
        deduplicate=True,
    )
    shared = {"user": "USER_ID", "junk": ""}
    assert found["interactions"] == Reading(shared, "ms", deduplicate=True)
    assert found["items"] == Reading({**shared, "id": "ITEM_ID"}, "iso", deduplicate=True)
    assert found["users"] == Reading(shared, "s", deduplicate=True)
    assert read(timestamps="iso")["actions"] == Reading(timestamps="iso")


def test_a_column_may_be_called_as_a_dataset() -> None:
    assert read(columns={"items": "ITEM_ID"})["interactions"].columns == {"items": "ITEM_ID"}


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"columns": {"USER_ID": "user"}},
         "usher.yaml: columns.USER_ID: takes away USER_ID. Write it the other way round: `user: USER_ID`."),
        ({"columns": {"interactions": {"USER_ID": False}}},
         "usher.yaml: columns.interactions.USER_ID: takes away USER_ID. Remove it: Personalize needs it."),
        ({"columns": {"user": "USER ID"}},
         "usher.yaml: columns.user: is USER ID. Write the name in Personalize, such as USER_ID; false leaves it out."),
        ({"columns": {"user": True}},
         "usher.yaml: columns.user: is True. Write the name in Personalize, such as USER_ID; false leaves it out."),
        ({"columns": "user"}, "usher.yaml: columns: is user. Write names with values below it (name: value)."),
        ({"timestamps": "weeks"}, "usher.yaml: timestamps: is weeks. Use one of: s, ms, us, ns, iso."),
        ({"timestamps": {"films": "ms"}}, "usher.yaml: timestamps.films: is unknown. Did you mean items?"),
        ({"deduplicate": "yes"}, "usher.yaml: deduplicate: is yes. Use one of: false, true."),
        ({"deduplicate": {"items": 1}}, "usher.yaml: deduplicate.items: is 1. Use one of: false, true."),
    ],
)  # fmt: skip
def test_an_impossible_value_is_reported_with_its_remedy(sections: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        read(**sections)
    assert str(caught.value.problems[0]).startswith(said)


def test_a_config_with_other_mistakes_still_says_how_data_is_read() -> None:
    assert readings_of(b"solutionz: {}\ntimestamps: ms\n", "usher.yaml")["interactions"] == Reading(timestamps="ms")
    assert readings_of(b"[", "usher.yaml") == {}
    assert readings_of(b"", "usher.yaml") == {}
    assert readings_of(b"- a", "usher.yaml") == {}
    assert Reading().facts() == {}
    assert PLAIN.is_plain
