"""Files in a wrong place are noted, with the place where they belong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from usher.planning.misplaced_files import ignored_files, misplaced_files
from usher.storage.near_names import is_nearly_input

WORDS = st.sampled_from(
    [
        "films",
        "items",
        "Items",
        "item",
        "items_images",
        "users_old",
        "usher",
        "interactoins",
        "incremental",
        "batch",
        "a",
    ]
)
NAMES = st.tuples(WORDS, st.sampled_from([".csv", ".CSV", ".yml", ".jpg", ".jsonl", ""])).map("".join)


@pytest.mark.parametrize(
    ("key", "remedy"),
    [
        ("films/sub/interactions.csv", "Move it up to films/."),
        ("films/a/b/usher.yaml", "Move it up to films/."),
        (
            "films/interactions/deep/2026.csv",
            "Move it up to films/interactions/, or to films/interactions/incremental/.",
        ),
        ("films/items/incremental/2026/1.csv", "Move it up to films/items/, or to films/items/incremental/."),
        ("train/films/data/items.csv", "Move it up to train/films/."),
        (
            "films/interactions-2026.csv",
            "Name it films/interactions.csv, or move it into films/interactions/.",
        ),
        ("films/Users_old.csv", "Name it films/users.csv, or move it into films/users/."),
        ("films/readme.csv", None),
        ("films/notes/readme.csv", None),
        ("films/batch/letter.jsonl", None),
        ("films/out/export/s/interactions.csv", None),
        ("films/interactions/2026.csv", None),
    ],
)
def test_unread_files_are_noted(key: str, remedy: str | None) -> None:
    assert [(note.place, note.remedy) for note in ignored_files([key])] == ([(key, remedy)] if remedy else [])


@given(st.lists(WORDS, max_size=4), NAMES)
def test_a_run_reports_keys_that_start_it_without_being_read(folders: list[str], name: str) -> None:
    key = "/".join(["films", *folders, name])
    named = [*misplaced_files([key], "films"), *ignored_files([key])]
    assert is_nearly_input(key) == bool(named)
