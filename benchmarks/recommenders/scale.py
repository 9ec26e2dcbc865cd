"""The costs of every model as the data grow: training as the service does it, metrics included, and single requests.

Run it with `python -m benchmarks.recommenders.scale`; names of models restrict it to these. The data are synthetic:
items by Zipf's law, lengths of histories log-normal, all draws independent, which gives more different pairs than real
data have. Each run has a process of its own, and its peak memory includes the data.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from benchmarks.memory import peak_megabytes
from benchmarks.report import quantile, report
from usher_local.recommenders.actions import NextBestAction
from usher_local.recommenders.base import Interactions, Query
from usher_local.recommenders.registry import RECIPES, train

MODELS = {RECIPES[recipe].__name__: recipe for recipe in reversed(RECIPES)}
"""One recipe for each model: other recipes with this model cost the same."""
REQUESTS = 300
YEAR, SPREAD, WORDS, VOCABULARY, LABELS = 365 * 86400, 1.0, 20, 20_000, 20


@dataclass(frozen=True, slots=True)
class Size:
    """The size of the data, and the limits of the costs."""

    events: int
    users: int
    items: int
    seconds: int
    megabytes: int

    def share(self, part: float) -> "Size":
        """A share of the data."""
        return replace(self, **{name: int(getattr(self, name) * part) for name in ("events", "users", "items")})


SIZES = Size(1_000_000, 20_000, 60_000, 300, 4096), Size(20_000_000, 140_000, 27_000, 900, 8192)


def zipf(chance: np.random.Generator, items: int, draws: int) -> NDArray[np.int32]:
    """Independent draws (draws,), in which item k has 1/k of the first one's probability; the order is random."""
    edges = np.cumsum(1 / np.arange(1, items + 1))
    names: NDArray[np.int32] = chance.permutation(items).astype(np.int32)
    drawn: NDArray[np.int32] = names[np.searchsorted(edges, chance.random(draws) * edges[-1])]
    return drawn


def generate(size: Size, recipe: str, seed: int = 0) -> Interactions:
    """The synthetic data, equal for equal arguments."""
    chance = np.random.default_rng(seed)
    eager = chance.lognormal(0, SPREAD, size.users)
    user = np.sort(chance.choice(size.users, size.events, p=eager / eager.sum())).astype(np.int32)
    timestamp = chance.integers(0, YEAR, size.users)[user] + 60 * (np.arange(size.events) - np.searchsorted(user, user))
    taken = chance.random(size.events) < 0.3 if RECIPES[recipe] is NextBestAction else np.ones(size.events)
    terms = zipf(chance, VOCABULARY, size.items * WORDS).reshape(size.items, WORDS)
    return Interactions(
        user,
        zipf(chance, size.items, size.events),
        timestamp,
        [f"u{user}" for user in range(size.users)],
        [f"i{item}" for item in range(size.items)],
        taken.astype(np.float32),
        [[f"GENRE={label}"] for label in zipf(chance, LABELS, size.items).tolist()],
        [" ".join(map(str, row)) for row in terms.tolist()],
    )


def measure(recipe: str, size: Size) -> dict[str, float]:
    """Train in this process, which should do nothing else."""
    interactions = generate(size, recipe)
    with TemporaryDirectory() as folder:
        begin = time.perf_counter()
        train(recipe, interactions, {}, Path(folder))
        seconds = time.perf_counter() - begin
        peak = peak_megabytes()
        stored = sum(path.stat().st_size for path in Path(folder).rglob("*.npy")) / 2**20
        model = RECIPES[recipe].load(Path(folder))
        histories, times = interactions.histories(), list[float]()
        for user in np.random.default_rng(1).integers(0, size.users, REQUESTS):
            history = histories[user][-100:]
            begin = time.perf_counter()
            model.score(Query(history, int(history[-1]) if len(history) else None))
            times.append(1000 * (time.perf_counter() - begin))
    times.sort()
    return {
        "training s": round(seconds, 3),
        "peak MB": round(peak),
        "model MB": round(stored),
        "p50 ms": round(quantile(times, 0.5), 2),
        "p99 ms": round(quantile(times, 0.99), 2),
    }


def runs(models: list[str]) -> Iterator[dict[str, float | str]]:
    """Each model on growing parts of each size, in a process each."""
    for model in models:
        for size in SIZES:
            for part in (0.25, 0.5, 1):
                less = size.share(part)
                what = [MODELS[model], *map(str, (less.events, less.users, less.items))]
                command = [sys.executable, "-m", "benchmarks.recommenders.scale", *what]
                done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
                if done.returncode:
                    raise RuntimeError(f"{' '.join(what)}: {done.stderr}")
                row: dict[str, float] = json.loads(done.stdout)
                met = row["training s"] <= size.seconds and row["peak MB"] <= size.megabytes
                yield {
                    "model": model,
                    "events": less.events,
                    "items": less.items,
                    **row,
                    "within": "yes" if met else "no",
                }


if __name__ == "__main__":
    if len(sys.argv) == 5 and sys.argv[1] in RECIPES:
        events, users, items = map(int, sys.argv[2:])
        print(json.dumps(measure(sys.argv[1], Size(events, users, items, 0, 0))))
    else:
        report("recommenders_scale", list(runs(sys.argv[1:] or list(MODELS))))
