"""The examples of docs/api.md work: curl's as one script, Python's as another."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import ROOT, Site, interactions

PAGE = (ROOT / "docs" / "api.md").read_text()
NAMED = ["50", "127", "98", "183", "176", "89"]
"""The items in the examples."""
CONFIG = {
    "solutions": {
        "for-you": {"recipe": "aws-user-personalization-v2"},
        "trending": {"recipe": "aws-trending-now"},
        "similar": {"recipe": "aws-sims"},
        "ranking": {"recipe": "aws-personalized-ranking-v2"},
        "next": {"recipe": "aws-next-best-action"},
    },
    "filters": {"genre": "INCLUDE ItemID WHERE Items.GENRES IN ($GENRE)"},
    "catalogue": ["TITLE", "GENRES"],
}
STRICT = 'set -eo pipefail; curl() { command curl --fail-with-body "$@"; }\n'
"""By default, curl succeeds with any status."""


def code(language: str) -> str:
    """All blocks of a language, concatenated."""
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S))


@pytest.fixture(scope="module")
def environment(site: Site) -> Iterator[dict[str, str]]:
    """The variables in the page, for a group with the name in the examples."""
    numbers = [*NAMED, *map(str, range(200, 234))]
    rows = re.sub(r"\bu(\d+),i(\d+)", lambda row: f"{row[1]},{numbers[int(row[2])]}", interactions())
    films = (f"{number},Film {number},{'Animation|Comedy' if int(number) % 2 else 'Drama'}\n" for number in numbers)
    taken = (f"{row % 60},subscribe,TAKEN,{1_700_000_000 + row}\n" for row in range(1200))
    for name, content in {
        "actions.csv": "ACTION_ID,KIND\nsubscribe,club\ncall,phone\n",
        "action_interactions.csv": "USER_ID,ACTION_ID,EVENT_TYPE,TIMESTAMP\n" + "".join(taken),
        "users.csv": "USER_ID,AGE\n" + "".join(f"{user},{20 + user}\n" for user in range(60)),
        "items.csv": "ITEM_ID,TITLE,GENRES\n" + "".join(films),
        "interactions.csv": rows,
        "usher.yaml": json.dumps(CONFIG),
    }.items():
        site.drop(f"movielens/{name}", content)
    assert site.run("movielens")["outcome"] == "SUCCEEDED"
    yield {
        **os.environ,
        **site.cloud.environment,
        "API": site.cloud.outputs["ApiUrl"],
        "TOKEN_API": site.cloud.outputs["TokenApiUrl"],
        "KEY_API": site.cloud.outputs["KeyApiUrl"],
        "TOKEN": site.issuer.token("1"),
        "SUB": "1",
        "KEY": site.api_keys.create("movielens", "mail tool", ["GET recommendations"]),
        "PYTHONPATH": f"{ROOT}:{ROOT / 'layers/core/python'}",
    }
    site.remove("movielens")


def run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    """The output of a script, which must succeed."""
    (folder / "usher").write_text(f'#!/bin/sh\nexec {sys.executable} -m usher_cli "$@"\n')
    (folder / "usher").chmod(0o755)
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_the_commands_of_the_page_are_answered(tmp_path: Path, environment: dict[str, str]) -> None:
    said = run(["bash", "-c", STRICT + code("sh")], tmp_path, environment)
    assert said.count('"itemList"') >= 4
    assert '"personalizedRanking"' in said
    assert json.loads((tmp_path / "openapi.json").read_text())["openapi"].startswith("3.1")
    assert "<html" in (tmp_path / "api.html").read_text()


def test_the_python_of_the_page_is_answered(tmp_path: Path, environment: dict[str, str]) -> None:
    said = run([sys.executable, "-c", code("python")], tmp_path, environment)
    statuses = re.findall(r"^\((\d{3}), ", said, re.M)
    assert len(statuses) == code("python").count("print(call(") - 1, "one prints a title"
    assert set(statuses) == {"200", "202"}
