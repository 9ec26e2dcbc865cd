"""The command against the local cloud, as a process with its own environment."""

import json
import os
import subprocess
from pathlib import Path

from tests.integration.conftest import Site, interactions

ROOT = Path(__file__).parents[2]
CONFIG = json.dumps({"solutions": {"popular": {"recipe": "aws-popularity-count"}}, "exports": False})


def usher(site: Site, *arguments: str) -> str:
    """The output of the command, which must succeed."""
    environment = {**os.environ, **site.cloud.environment, "COLUMNS": "300"}
    done = subprocess.run(  # noqa: S603
        [ROOT / "usher", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_from_a_plan_to_a_rollback(site: Site, group: str) -> None:
    def served() -> str:
        return usher(site, "status", group).partition("\nLive:")[2].partition("\nRun ")[0].split()[-1]

    site.drop(f"{group}/usher.yaml", CONFIG)
    site.settle(group)
    site.drop(f"{group}/interactions.csv", interactions())
    assert site.run(group)["outcome"] == "SUCCEEDED"
    first = served()
    assert "Nothing to do." in usher(site, "plan", group)
    site.drop(f"{group}/interactions.csv", interactions(seed=1))
    assert site.run(group)["outcome"] == "SUCCEEDED"
    assert served() != first
    usher(site, "rollback", group, "popular", "--why", "the new one recommends the old", "--yes")
    site.dropped[group] += 1
    site.settle(group)
    assert served() == first


def test_an_evaluation_on_this_machine_compares_the_recipes_that_are_named(tmp_path: Path) -> None:
    ratings = [line.split(",") for line in interactions().splitlines()[1:]]
    lines = {
        "ratings.csv": ["userId,movieId,rating,timestamp", *(f"{one[0]},{one[1]},4,{one[2]}" for one in ratings)],
        "movies.csv": ["movieId,title,genres", *(f"i{number},Film {number},Drama" for number in range(40))],
    }
    for name, content in lines.items():
        (tmp_path / name).write_text("\n".join(content) + "\n")
    command = [str(ROOT / "usher"), "evaluate", "--offline", "ratings.csv", "--recipes", "aws-sims", "--to", "out"]
    environment = {**os.environ, "COLUMNS": "200"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {" ".join(line.split()[:2]) for line in done.stdout.splitlines()}
    assert {"popularity raw", "popularity dedup"} <= rows
    assert "Lists are scored with new items first: 0% of the held-out events are repeats." in done.stdout
    assert "By mean reciprocal rank, " in done.stdout
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["samples"][0]["history"][0]["title"].startswith("Film ")
    assert (tmp_path / "out" / "report.html").exists()
