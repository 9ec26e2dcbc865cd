"""What `usher evaluate --offline` makes of somebody's files before anything starts."""

import io
from pathlib import Path

import pytest
from rich.console import Console
from usher.errors import UsherError

from cli import show
from cli.__main__ import main
from cli.offline import files_of


def test_a_folder_is_taken_as_a_groups_in_the_bucket(tmp_path: Path) -> None:
    for name in ("interactions/a.csv", "items.csv", "usher.yaml", "notes.txt", "out/old.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    assert files_of(tmp_path) == {name: name.encode() for name in ("interactions/a.csv", "items.csv", "usher.yaml")}


def test_a_file_of_ratings_becomes_interactions_and_what_lies_beside_it_items(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\nu,i,5,7\n")
    (tmp_path / "movies.csv").write_text('movieId,title,genres\ni,"Alien, the film",Horror|SF\n')
    assert files_of(tmp_path / "ratings.csv") == {
        "interactions.csv": b"USER_ID,ITEM_ID,TIMESTAMP\nu,i,7\n",
        "items.csv": b'ITEM_ID,TITLE,GENRES\ni,"Alien, the film",Horror|SF\n',
    }


def test_what_is_no_data_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsherError, match=r"has no interactions.csv, and no interactions/\*.csv"):
        files_of(tmp_path)
    with pytest.raises(UsherError, match="cannot be read"):
        files_of(tmp_path / "absent.csv")
    (tmp_path / "prose.csv").write_text("once upon a time")
    with pytest.raises(UsherError, match="no separator"):
        files_of(tmp_path / "prose.csv")


def test_whom_or_what_to_evaluate_must_be_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate"]) == 1
    assert "Name a group" in capsys.readouterr().out


def test_scores_are_shown_with_half_of_the_interval() -> None:
    metrics = {
        name: {"value": 0.25, "low": 0.2, "high": 0.3} for name in ("mean_reciprocal_rank", *show.SCORES.values())
    }
    text = io.StringIO()
    report = {"scores": [{"contender": "sims", "form": "raw", "metrics": metrics}], "problems": []}
    show.scores(Console(file=text, width=80), report)
    assert text.getvalue().splitlines()[1].split() == ["sims", "raw", "0.2500", "0.0500", *["0.2500"] * 4]
