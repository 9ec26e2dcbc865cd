"""The speed and memory of an evaluation's split and scores, compared with the loop of the samples' notebook.

Run it with `python -m benchmarks.evaluation`. All data is synthetic: users and items as in MovieLens 1M, or more of
them. Each figure comes from a process of its own, and has its own peak memory. Seconds are processor seconds of all
cores.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv
from usher.evaluation.baselines import predict_baselines
from usher.evaluation.interactions import Interactions, read_interactions, write_parts
from usher.evaluation.metrics import DEPTH, InteractionSet, compute_metrics, summarize
from usher.evaluation.predictions import MAX_RESULTS, Predictions, read_predictions
from usher.evaluation.scoring import FORMS, score_predictions
from usher.evaluation.splits import Split, hold_out

from benchmarks.memory import peak_megabytes
from benchmarks.report import Row, report

T = TypeVar("T")
MILLIONS = (1, 5, 25)
CUTS = (5, 10, 25)
START = 1_500_000_000


def seconds(work: Callable[[], T]) -> tuple[float, T]:
    """Processor seconds of some work, and its result."""
    start = time.process_time()
    found = work()
    return time.process_time() - start, found


def row(what: str, size: str, taken: float, ratio: float | str = "") -> Row:
    """A figure, with the peak memory so far."""
    return {
        "what": what,
        "size": size,
        "seconds": round(taken, 3),
        "memory MB": round(peak_megabytes()),
        "times as fast": ratio,
    }


def synthetic(users: int, each: int, items: int) -> Interactions:
    """Synthetic interactions, in which a few items are much more popular than others."""
    chance = np.random.default_rng(0)
    user = np.repeat(np.arange(users, dtype=np.int32), each)
    item = (items * chance.random(len(user)) ** 3).astype(np.int32)
    user_ids, item_ids = (pa.array(np.arange(count).astype(str)) for count in (users, items))
    return Interactions(user_ids, item_ids, user, item, START + chance.permutation(len(user)))


def ranked(users: int, items: int, length: int = DEPTH) -> NDArray[np.int32]:
    """A list of different items for each user."""
    chance = np.random.default_rng(1)
    step = items // length
    return (chance.integers(0, step, (users, length)) + step * np.arange(length)).astype(np.int32)


def notebook() -> list[Row]:
    """The notebook's loops, and Usher's code, on the same lists: a model's and popularity's.

    There are four loops: for each of the two, raw and without the items of the history.
    """
    users, items = 6040, 3700
    events = synthetic(users, 165, items)
    held = hold_out(events, Split())
    train, kept = events.where(~held), events.where(held)
    best = np.argsort(-np.bincount(train.item, minlength=items))[:MAX_RESULTS].astype(np.int32)
    lists, popular = ranked(users, items), np.broadcast_to(best, (users, len(best)))
    past, future = (pd.DataFrame({"USER_ID": part.user, "ITEM_ID": part.item}) for part in (train, kept))

    def loops() -> None:
        for ranking in (lists, popular):
            notebook_scores(future, ranking)
            notebook_scores(future, ranking, past)

    def scored(*rankings: NDArray[np.int32]) -> NDArray[np.float64]:
        truth = InteractionSet.of(kept.user, kept.item, items)
        return np.stack([compute_metrics(ranking, truth, np.ones(items)) for ranking in rankings])

    def scored_in_all_forms() -> NDArray[np.float64]:
        history = InteractionSet.of(train.user, train.item, items)
        forms = FORMS.values()
        return scored(*(form(ranking, history, 0) for ranking in (lists, popular) for form in forms))

    loop, theirs = seconds(lambda: notebook_scores(future, lists))
    all_loops, _ = seconds(loops)
    scored(lists)  # start-up costs of the process are not counted
    ours, values = seconds(lambda: scored(lists))
    all_ours, _ = seconds(scored_in_all_forms)
    intervals, _ = seconds(lambda: summarize(scored(lists)[0]))
    if not np.isclose(values[0, :, 0].mean(), theirs["mean_reciprocal_rank"]):
        raise ValueError("The two ways score differently.")
    size = f"{users} lists of {DEPTH}"
    return [
        row("notebook's loop, 7 metrics", size, loop),
        row("16 metrics", size, ours, round(loop / ours)),
        row("16 metrics with intervals", size, intervals, round(loop / intervals)),
        row("notebook's four loops, 7 metrics", f"4 x {size}", all_loops),
        row("16 metrics in their four forms", f"4 x {size}", all_ours, round(all_loops / all_ours)),
    ]


def notebook_scores(held: pd.DataFrame, lists: NDArray[np.int32], data: pd.DataFrame | None = None) -> dict[str, float]:
    """The notebook's scores, user by user. `data` is the training data if known items move to the list's end."""
    relevance = []
    for user, truth in enumerate(true for _, true in held.groupby("USER_ID").ITEM_ID):
        items = lists[user].tolist()
        if data is not None:
            past = data[data.USER_ID.eq(user)].ITEM_ID.values
            new = [item for item in items if item not in past]
            items = new if len(new) >= DEPTH else new + [item for item in items if item not in new]
        relevance.append([int(item in truth.values) for item in items[:DEPTH]])
    metrics: dict[str, Callable[[list[int]], float]] = {"mean_reciprocal_rank": reciprocal_rank}
    for cut in CUTS:
        metrics |= {f"precision_at_{cut}": partial(precision, cut=cut), f"ndcg_at_{cut}": partial(ndcg, cut=cut)}
    return {name: float(np.mean([metric(hits) for hits in relevance])) for name, metric in metrics.items()}


def reciprocal_rank(hits: list[int]) -> float:
    """The reciprocal rank of the first hit."""
    places = np.flatnonzero(hits)
    return 1 / (1 + places[0]) if places.size else 0.0


def precision(hits: list[int], cut: int) -> float:
    """The share of hits in the first `cut` places."""
    return float(np.mean(hits[:cut]))


def ndcg(hits: list[int], cut: int) -> float:
    """The NDCG with the notebook's gain."""

    def gain(values: list[int]) -> float:
        top = np.asarray(values, np.float64)[:cut]
        return float(top[0] + (top[1:] / np.log2(np.arange(2, len(top) + 1))).sum())

    best = gain(sorted(hits, reverse=True))
    return gain(hits) / best if best else 0.0


def million() -> list[Row]:
    """A million lists, in the form of the metrics."""
    users, items = 1_000_000, 100_000
    lists, truth = ranked(users, items), synthetic(users, 3, items)
    taken, _ = seconds(
        lambda: summarize(compute_metrics(lists, InteractionSet.of(truth.user, truth.item, items), np.ones(items)))
    )
    return [row("16 metrics with intervals", f"{users} lists of {DEPTH}", taken)]


def whole(folder: str) -> list[Row]:
    """A whole report on a million users, from a batch job's output: three contenders, two forms, five segments."""
    users, items = 1_000_000, 100_000
    events = synthetic(users, 10, items)
    held = hold_out(events, Split())
    path, scores = Path(folder, "lists.out"), [0.5] * DEPTH
    with path.open("w") as file:
        for user, places in enumerate(ranked(users, items)):
            output = {"recommendedItems": places.astype(str).tolist(), "scores": scores}
            file.write(json.dumps({"input": {"userId": str(user)}, "output": output, "error": None}) + "\n")
    with path.open("rb") as stream:
        reading, lists = seconds(lambda: read_predictions([(path.name, stream)]))
    read = row("batch output read", f"{users} lines, {path.stat().st_size >> 20} MB", reading)
    train = events.where(~held)
    contenders = [*predict_baselines(train), Predictions("model", "trained", "", lists)]
    taken, _ = seconds(lambda: score_predictions("last-tenth", train, events.where(held), contenders, {}))
    return [read, row("whole report, 3 contenders", f"{users} users, {len(events.time)} events", taken)]


def split(folder: str, millions: str) -> list[Row]:
    """Read a file of interactions, split it, and write both parts."""
    path, size = interactions(folder, int(millions)), f"{millions} M rows"
    with path.open("rb") as stream:
        reading, (events,) = seconds(lambda: read_interactions([(path.name, stream)]))
    rows = [row("interactions read", f"{size}, {path.stat().st_size >> 20} MB", reading)]
    taken, mask = seconds(lambda: hold_out(events, Split()))
    rows.append(row("split", size, taken))
    with path.open("rb") as stream, Path(folder, "a").open("wb") as train, Path(folder, "b").open("wb") as rest:
        writing, _ = seconds(lambda: write_parts([(path.name, stream)], mask, train, rest))
    rows.append(row("two parts written", size, writing))
    return [*rows, row("all three", size, reading + taken + writing)]


def interactions(folder: str, millions: int) -> Path:
    """Write a CSV of 100 events per user, in the order of time."""
    path, count = Path(folder, f"{millions}.csv"), millions * 1_000_000
    chance = np.random.default_rng(0)
    schema = pa.schema(dict.fromkeys(("USER_ID", "ITEM_ID", "TIMESTAMP"), pa.int64()))
    write_options: Any = {"quoting_header": "none"}
    with csv.CSVWriter(path, schema, write_options=csv.WriteOptions(**write_options)) as file:
        for start in range(0, count, 1_000_000):
            columns: Any = (
                chance.integers(0, count // 100, 1_000_000),
                (60_000 * chance.random(1_000_000) ** 3).astype(np.int64),
                START + np.arange(start, start + 1_000_000),
            )
            file.write_table(pa.table(dict(zip(schema.names, columns, strict=True)), schema))
    return path


MEASURES: Mapping[str, Callable[..., list[Row]]] = {
    "notebook": notebook,
    "million": million,
    "whole": whole,
    "split": split,
}


def main() -> None:
    """Measure everything, each in a process of its own."""
    rows: list[Any] = []
    with tempfile.TemporaryDirectory() as folder:
        calls = [["notebook"], ["million"], ["whole", folder], *(["split", folder, str(count)] for count in MILLIONS)]
        for call in calls:
            answer = subprocess.check_output([sys.executable, "-m", "benchmarks.evaluation", *call])  # noqa: S603
            rows += json.loads(answer)
    report("evaluation_speed", rows)


if __name__ == "__main__":
    print(json.dumps(MEASURES[sys.argv[1]](*sys.argv[2:]))) if len(sys.argv) > 1 else main()
