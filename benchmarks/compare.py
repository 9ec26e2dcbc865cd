"""Every recipe against popularity on a temporal hold-out, raw and de-duplicated: `usher evaluate --offline` as a table.

Run it with `python -m benchmarks.compare`: on MovieLens 100K, and on latest-small if it is available. The table is that
of AWS's notebook "personalization with temporal hold-out evaluations", with its own NDCG beside Personalize's.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from usher.reports.evaluation_report import Score

from benchmarks import report
from benchmarks.report import Row
from usher_cli.evaluation import run_evaluation
from usher_cli.offline_stack import offline_stack
from usher_local.demo.__main__ import CACHE
from usher_local.demo.movielens import fetch, prepare

LATEST_SMALL = Path("../shared/data/movielens-latest-small/ratings.csv")
ROUNDS = (["all"], ["aws-hrnn", "aws-hrnn-metadata", "aws-hrnn-coldstart"])
"""Two rounds, since a dataset group may have ten solutions."""
CUTS = (5, 10, 25)
COLUMNS = {
    "MRR": "mean_reciprocal_rank",
    **{f"P@{cut}": f"precision_at_{cut}" for cut in CUTS},
    **{f"NDCG@{cut}": f"normalized_discounted_cumulative_gain_at_{cut}" for cut in CUTS},
    **{f"notebook's NDCG@{cut}": f"legacy_ndcg_at_{cut}" for cut in CUTS},
    "recall@25": "recall_at_25",
    "coverage": "coverage",
    "novelty": "novelty",
}


def sets(console: Console) -> Iterator[tuple[str, Path]]:
    """The names and paths of the data sets."""
    yield "MovieLens 100K", prepare(fetch(CACHE), CACHE / "prepared").interactions.parent
    if LATEST_SMALL.exists():
        yield "MovieLens latest-small", LATEST_SMALL
    else:
        console.print(f"Without MovieLens latest-small: there is no {LATEST_SMALL}", highlight=False)


def compared(data: Path, console: Console) -> Iterator[Score]:
    """The scores of every contender on a data set, each once."""
    seen = set()
    for recipes in ROUNDS:
        with offline_stack(data, console) as here, tempfile.TemporaryDirectory() as folder:
            evaluated, _ = run_evaluation(here.stack, {**here.request, "recipes": recipes}, Path(folder), console)
        for score in evaluated["scores"]:
            if (key := (score["contender"], score["form"])) not in seen:
                seen.add(key)
                yield score


def row(score: Score) -> Row:
    """A row of the table; ± is half of the 95% interval of the mean reciprocal rank."""
    metrics = score["metrics"]
    first = metrics["mean_reciprocal_rank"]
    half = {"±": round((first["high"] - first["low"]) / 2, 4)}
    values = {name: round(metrics[metric]["value"], 4) for name, metric in COLUMNS.items()}
    return {"model": score["contender"], "form": score["form"], "MRR": values["MRR"], **half, **values}


def publish(tables: Mapping[str, Sequence[Row]], folder: Path = report.RESULTS) -> None:
    """Print tables, and write evaluation.md. Models with equal figures, such as recipes of one model, share a row."""
    text = "\n\n".join(f"**{name}**\n\n{report.table(report.merged(rows))}" for name, rows in tables.items())
    print(text)
    (folder / "evaluation.md").write_text(f"{text}\n", encoding="utf-8")


def main(console: Console) -> None:
    """Compare on all data, save the figures, and publish them."""
    tables: dict[str, Sequence[Row]] = {}
    for name, data in sets(console):
        tables[name] = [row(score) for score in compared(data, console)]
    report.keep("evaluation", tables)
    publish(tables)


if __name__ == "__main__":
    main(Console(stderr=True))
