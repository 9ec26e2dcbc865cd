"""`python -m benchmarks.recommenders [file ...]`: every recipe on a temporal hold-out, through the local service."""

import argparse
import multiprocessing
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.recommenders.groups import Groups
from benchmarks.recommenders.holdout import Holdout, table
from benchmarks.recommenders.inprocess import PEERS, learnable, own, peer
from benchmarks.recommenders.questions import ABOUT_ITEMS, NotApplicableError, Questions
from benchmarks.recommenders.results import Results
from benchmarks.recommenders.synthetic import purchases
from benchmarks.report import RESULTS, Row
from benchmarks.service import serving
from usher_cli.ratings import Ratings, RatingsError, read_ratings
from usher_local.demo.__main__ import CACHE
from usher_local.demo.movielens import DownloadError, fetch, prepare
from usher_local.personalize.core.recipes import RECIPES, Recipe
from usher_local.recommenders.base import Recommender
from usher_local.recommenders.registry import RECIPES as MODELS

LATEST_SMALL = Path("../shared/data/movielens-latest-small/ratings.csv")
HOLDOUT, SERVED, ALONE = "hold-out", "service", "in process"
POPULARITY = "popularity"
T = TypeVar("T")
Tables = Mapping[str, Sequence[Row]]


@dataclass(frozen=True)
class Step:
    """A measurement, and the rows that it returns, by table."""

    name: str
    run: Callable[[], Tables]


def main(arguments: Sequence[str], console: Console, folder: Path = RESULTS) -> int:
    """Measure the files. Returns the exit status: 0, or 1 after printing an error of a file. `folder`: of the
    figures."""
    options, results = parse(arguments), Results(folder)
    try:
        sets = [read_ratings(path) for path in options.files] or list(own_sets(console))
    except RatingsError as error:
        console.print(str(error), style="red", highlight=False)
        return 1
    for ratings in sets:
        with ExitStack() as stack:
            named = [step for step in steps(ratings, stack) if not options.only or step.name in options.only]
            todo = [step for step in named if not (options.resume and results.has(ratings.name, step.name))]
            measure(ratings.name, todo, results, console)
        print(results.show(ratings.name))
    results.publish()
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The files and options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recommenders", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="ratings.dat, ratings.csv, .inter; without: our data sets")
    parser.add_argument("--only", type=lambda text: text.split(","), help="recipes, models or peers, by commas")
    parser.add_argument("--resume", action="store_true", help="measure only what results/ does not have yet")
    options = parser.parse_args(arguments)
    known = {POPULARITY, *PEERS, *MODELS, *(model.__name__ for model in MODELS.values())}
    if unknown := set(options.only or ()) - known:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
    return options


def own_sets(console: Console) -> Iterator[Ratings]:
    """The data sets that are measured by default."""
    try:
        yield read_ratings(prepare(fetch(CACHE), CACHE / "prepared").interactions, "movielens-100k")
    except DownloadError as error:
        console.print(f"Without movielens-100k: {error}", highlight=False)
    if LATEST_SMALL.exists():
        yield read_ratings(LATEST_SMALL)
    else:
        console.print(f"Without movielens-latest-small: there is no {LATEST_SMALL}", highlight=False)
    yield purchases()


def measure(name: str, todo: Sequence[Step], results: Results, console: Console) -> None:
    """Do all steps; a step that is not applicable, installed or trainable is reported and skipped."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(name, total=len(todo))
        for step in todo:
            progress.update(task, description=f"{name}: {step.name}")
            try:
                results.put(name, step.name, step.run())
            except (NotApplicableError, ImportError, RuntimeError) as error:
                console.print(f"{name}: without {step.name}: {error}", highlight=False)
            progress.advance(task)
        progress.update(task, description=name)


def steps(ratings: Ratings, stack: ExitStack) -> Iterator[Step]:
    """All steps of a data set. `stack` ends the service, which starts with the first step that needs it."""
    holdout = Holdout.of(ratings)
    genres = sorted({genre for _, joined in ratings.about.values() for genre in joined.split("|") if genre})
    questions = Questions(holdout, genres)
    started: list[Groups] = []

    def popularity() -> Tables:
        items = holdout.popular()
        lists = dict.fromkeys(range(len(holdout.truths)), items)
        return {HOLDOUT: table(POPULARITY, holdout, lists, lists)}

    def recipe_rows(recipe: Recipe) -> Tables:
        if not started:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            started.append(Groups(stack.enter_context(serving()), ratings, holdout, folder))
        rows, costs = questions.measure(started[0], recipe)
        return {HOLDOUT: rows, SERVED: [costs]}

    def model_rows(model: type[Recommender]) -> Tables:
        return {ALONE: [apart(own, model, learnable(model, ratings, holdout))]}

    def peer_rows(name: str) -> Tables:
        rows, costs = apart(peer, name, holdout)
        return {HOLDOUT: rows, ALONE: [costs]}

    yield Step(POPULARITY, popularity)
    yield from (Step(name, partial(peer_rows, name)) for name in PEERS)
    yield from (Step(recipe.name, partial(recipe_rows, recipe)) for recipe in RECIPES)
    models = {model.__name__: model for name, model in MODELS.items() if ratings.about or name not in ABOUT_ITEMS}
    yield from (Step(name, partial(model_rows, model)) for name, model in models.items())


def apart(work: Callable[..., T], *arguments: object) -> T:
    """Do work in a process of its own, so that its peak memory is its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Console(stderr=True)))
