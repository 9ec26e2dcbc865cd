"""Models without the service, each in a process of its own: those of the recipes, and those of `implicit`."""

import importlib
import os
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from scipy.sparse import csr_matrix

from benchmarks.recommenders import offers
from benchmarks.recommenders.holdout import Holdout, List, table
from benchmarks.recommenders.sasrec import SASRec
from benchmarks.report import Row, quantile
from benchmarks.service import memory, timed
from usher_cli.ratings import Ratings
from usher_local.recommenders.actions import NextBestAction
from usher_local.recommenders.base import Interactions, Query, Recommender
from usher_local.recommenders.metrics import DEPTH
from usher_local.recommenders.segments import ItemAffinity

BLOCK = 256
"""The number of lists that are made at once."""
FACTORS, NEIGHBOURS = 64, 100


def costs(name: str, seconds: float, one: Callable[[int], object], many: Callable[[], int]) -> Row:
    """The row of a model: the seconds of its fit, the latency of `one`, and the lists per second of `many`.

    `many` returns the number of its lists.
    """
    timed(one, lambda done: done < BLOCK)  # warm-up
    milliseconds, start = timed(one), time.perf_counter()
    speed = many() / (time.perf_counter() - start)
    peak = memory(os.getpid(), "VmHWM")
    latencies = {f"p{share} ms": round(quantile(milliseconds, share / 100), 2) for share in (50, 99)}
    return {"model": name, "fit s": round(seconds, 2), "peak MB": round(peak), **latencies, "lists/s": round(speed)}


def own(model: type[Recommender], interactions: Interactions) -> Row:
    """The costs of a recipe's model: lists of items; of users for segments, of actions for the next best action."""
    start = time.perf_counter()
    fitted = model.fit(interactions, {})
    seconds = time.perf_counter() - start
    queries = [query for query in interactions.queries() if query.history.size]
    if issubclass(model, ItemAffinity):
        queries = [Query(np.array([item], np.int32)) for item in np.unique(interactions.item)]

    def many() -> int:
        for begin in range(0, len(queries), BLOCK):
            scores = fitted.score_many(queries[begin : begin + BLOCK])
            np.argpartition(-scores, min(DEPTH, scores.shape[1] - 1), axis=1)
        return len(queries)

    return costs(model.__name__, seconds, lambda number: fitted.score(queries[number % len(queries)]), many)


def learnable(model: type[Recommender], ratings: Ratings, holdout: Holdout) -> Interactions:
    """The training data of a model, as the service prepares it."""
    learnt = holdout.learnt
    if model is NextBestAction:
        users, actions, answers, timestamps = zip(
            *offers.answers(learnt.user_ids, int(learnt.timestamp.max())), strict=True
        )
        taken = np.array([answer == "TAKEN" for answer in answers], np.float32)
        return Interactions.of(users, actions, timestamps, weights=taken)
    about = [ratings.about.get(item, ("", "")) for item in learnt.item_ids]
    labels = [[f"GENRES={genre}" for genre in genres.split("|") if genre] for _, genres in about]
    return replace(learnt, labels=labels, texts=[f"{title} {genres}" for title, genres in about])


Answer = Callable[[Sequence[int], bool], Iterable[List]]
"""Returns the lists of users, at most DEPTH items each, best first; only new items if the flag is set."""


def fit_implicit(module: str, kind: str, arguments: Mapping[str, int], holdout: Holdout) -> Answer:
    """Fit one of `implicit`'s models."""
    importlib.import_module("threadpoolctl").threadpool_limits(1, "blas")  # as implicit demands
    warnings.filterwarnings("ignore", "Method expects CSR")  # about its own matrix
    model = getattr(importlib.import_module(f"implicit.{module}"), kind)(**arguments)
    learnt = holdout.learnt
    size = len(learnt.user_ids), len(learnt.item_ids)
    rows = csr_matrix((np.ones(len(learnt.user), np.float32), (learnt.user, learnt.item)), size)
    rows.data[:] = 1
    model.fit(rows, show_progress=False)

    def answer(users: Sequence[int], unseen: bool) -> Iterable[List]:
        lists = model.recommend(users, rows[users], N=DEPTH, filter_already_liked_items=unseen)[0]
        return (found[found >= 0] for found in np.asarray(lists, np.int64))  # -1 fills up short lists

    return answer


def fit_sasrec(holdout: Holdout) -> Answer:
    """Train the neural network."""
    model = SASRec(holdout)

    def answer(users: Sequence[int], unseen: bool) -> Iterable[List]:
        for begin in range(0, len(users), BLOCK):
            histories = [holdout.histories[user] for user in users[begin : begin + BLOCK]]
            for scores, history in zip(model.score(histories), histories, strict=True):
                if unseen:
                    scores[history] = -np.inf
                yield np.argsort(-scores, kind="stable")[:DEPTH]

    return answer


PEERS: dict[str, Callable[[Holdout], Answer]] = {
    "implicit ALS": partial(fit_implicit, "als", "AlternatingLeastSquares", {"factors": FACTORS, "random_state": 0}),
    "implicit BPR": partial(
        fit_implicit,
        "bpr",
        "BayesianPersonalizedRanking",
        {"factors": FACTORS, "random_state": 0, "num_threads": 1},  # with more threads, runs differ
    ),
    "implicit item-item": partial(fit_implicit, "nearest_neighbours", "CosineRecommender", {"K": NEIGHBOURS}),
    "SASRec": fit_sasrec,
}


def peer(name: str, holdout: Holdout) -> tuple[list[Row], Row]:
    """The hold-out's rows and the costs of another library's model. ImportError if the library is not installed."""
    start = time.perf_counter()
    answer = PEERS[name](holdout)
    seconds, users = time.perf_counter() - start, range(len(holdout.truths))
    raw, new = (dict(enumerate(answer(users, unseen))) for unseen in (False, True))

    def one(number: int) -> None:
        list(answer([number % len(users)], False))

    return table(name, holdout, raw, new), costs(name, seconds, one, lambda: len(list(answer(users, False))))
