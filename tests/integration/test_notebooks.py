"""Notebooks written for the real service, run cell by cell against the local cloud as they are."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.integration.conftest import DELETION_ORDER, KINDS, ROOT, SPEED, Site, wait_until
from tests.integration.notebook_modules.metrics import mean_reciprocal_rank, ndcg_at_k, precision_at_k

SHARED = ROOT.parent / "shared"
MOVIELENS = SHARED / "data" / "movielens-latest-small"
pytestmark = pytest.mark.skipif(not (SHARED / "seeds").is_dir(), reason=f"no notebooks in {SHARED}/seeds")

METRICS = {
    "coverage",
    "mean_reciprocal_rank_at_25",
    *(f"normalized_discounted_cumulative_gain_at_{k}" for k in (5, 10, 25)),
    *(f"precision_at_{k}" for k in (5, 10, 25)),
}
GENRES = ["Film-Noir", "Fantasy", "Western", "Documentary", "Comedy", "Action", "IMAX"]
RECIPE = "arn:aws:personalize:::recipe/aws-"
IN_SERVICE = {"Service": "personalize.amazonaws.com"}


@dataclass
class Desk:
    """A person with a folder, who runs notebooks one after the other."""

    site: Site
    folder: Path
    variables: dict[str, Any] = field(default_factory=dict)

    def run(self, notebook: str) -> list[str]:
        """Run the notebook whose file name begins so; its variables are kept, what each cell printed is returned."""
        [path] = (SHARED / "seeds").glob(f"{notebook}_*.txt")
        state = self.folder / "state.json"
        state.write_text(json.dumps(self.variables))
        here = Path(__file__).parent
        done = subprocess.run(
            [sys.executable, str(here / "notebook.py"), str(path), str(SPEED), str(state)],
            cwd=self.folder,
            env=os.environ | self.site.cloud.environment | {"PYTHONPATH": str(here / "notebook_modules")},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr
        self.variables = json.loads(state.read_text())
        printed: list[str] = self.variables.pop("printed")
        return printed

    def table(self, name: str) -> dict[str, list[str]]:
        return dict(self.variables[name])


@pytest.fixture(scope="module")
def movies() -> pd.DataFrame:
    """Titles as the notebook reads them, genres and year by item id."""
    table = pd.read_csv(MOVIELENS / "movies.csv", encoding="latin-1", dtype=str, index_col="movieId")
    year = table["title"].str.extract(r"\((\d{4})\)\s*$")[0].fillna("1900")
    return table.assign(YEAR=year.astype(int))
