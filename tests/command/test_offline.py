"""`usher evaluate --offline`: the preparation of a person's files before the local cloud starts."""

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from usher.errors import UsherError

from usher_cli import show
from usher_cli.__main__ import main
from usher_cli.arguments import parse
from usher_cli.offline_stack import files_of, name_of


def test_a_folder_is_taken_as_a_groups_in_the_bucket(tmp_path: Path) -> None:
    for name in ("interactions/a.csv", "items.csv", "usher.yaml", "notes.txt", "out/old.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    assert files_of(tmp_path) == {name: name.encode() for name in ("interactions/a.csv", "items.csv", "usher.yaml")}


def test_a_file_of_ratings_becomes_interactions_and_its_companions_items(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\nu,i,5,7\n")
    (tmp_path / "movies.csv").write_text('movieId,title,genres\ni,"Alien, the film",Horror|SF\n')
    assert files_of(tmp_path / "ratings.csv") == {
        "interactions.csv": b"USER_ID,ITEM_ID,TIMESTAMP\nu,i,7\n",
        "items.csv": b'ITEM_ID,TITLE,GENRES\ni,"Alien, the film",Horror|SF\n',
    }


def test_a_file_that_is_not_data_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UsherError, match=r"has no interactions.csv, and no interactions/\*.csv"):
        files_of(tmp_path)
    with pytest.raises(UsherError, match="cannot be read"):
        files_of(tmp_path / "absent.csv")
    (tmp_path / "prose.csv").write_text("once upon a time")
    with pytest.raises(UsherError, match="no separator"):
        files_of(tmp_path / "prose.csv")


def test_without_the_packages_of_the_local_cloud_only_the_remedy_is_printed(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\nu,i,5,7\n")
    program = (
        "import sys; sys.modules['flask'] = None\n"
        "from usher_cli.__main__ import main; sys.exit(main(['evaluate', '--offline', sys.argv[1]]))"
    )
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program, str(tmp_path / "ratings.csv")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "flask is not installed. In Usher's folder: pip install '.[local]'\n")


@pytest.mark.parametrize("arguments", [["evaluate"], ["evaluate", "films", "--offline", "data"]])
def test_either_a_group_or_files_must_be_named(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 1
    assert "Name a group" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("path", "name"), [("My films!", "My-films-"), ("_x", "x"), ("-", "data"), ("a" * 50, "a" * 35)]
)
def test_the_group_is_called_like_the_folder(tmp_path: Path, path: str, name: str) -> None:
    (tmp_path / path).mkdir()
    assert name_of(tmp_path / path) == name


def test_recipes_are_separated_by_commas_and_spaces() -> None:
    options = parse(["evaluate", "films", "--recipes", "aws-sims, aws-hrnn"])
    assert (options.recipes, options.exploration) == (["aws-sims", "aws-hrnn"], False)
    assert parse(["evaluate", "films", "--exploration"]).exploration
    with pytest.raises(SystemExit):
        parse(["evaluate", "films", "--recipes", " ,"])


def test_scores_are_shown_with_half_of_the_interval_and_with_their_marks() -> None:
    metrics = {
        name: {"value": 0.25, "low": 0.2, "high": 0.3} for name in ("mean_reciprocal_rank", *show.SCORES.values())
    }
    text = io.StringIO()
    scores = [{"contender": "sims", "form": form, "metrics": metrics} for form in ("raw", "dedup")]
    contenders = [
        {"name": "sims", "kind": "trained", "ranked": True, "marks": ["explores"], "notes": ["It explores."]},
        {"name": "silent", "kind": "trained", "ranked": False, "marks": ["no list for 9 of 9 users"], "notes": []},
    ]
    report: Any = {
        "contenders": contenders, "scores": scores, "decisiveForm": "none", "comparisons": [], "problems": [],
    }  # fmt: skip
    show.scores(Console(file=text, width=120), report)
    _, sims, silent, *sentences = text.getvalue().splitlines()
    assert sims.split() == ["sims", "raw,", "dedup", "0.2500", "0.0500", *["0.2500"] * 4, "explores"]
    assert silent.split() == ["silent", "no", "list", "for", "9", "of", "9", "users"]
    assert sentences == ["Not ranked: silent: no list for 9 of 9 users.", "Note: sims: It explores."]
