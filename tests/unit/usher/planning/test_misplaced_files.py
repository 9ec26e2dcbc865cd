"""Files in a wrong place are noted, with the place where they belong."""

import pytest
from usher.planning.misplaced_files import ignored_files


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
def test_files_that_nobody_reads_are_noted(key: str, remedy: str | None) -> None:
    assert [(note.place, note.remedy) for note in ignored_files([key])] == ([(key, remedy)] if remedy else [])
