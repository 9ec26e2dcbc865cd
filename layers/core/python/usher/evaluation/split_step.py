"""Hold back a part of a group's interactions, and write down what models are asked about the users in it."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Any, Final

import numpy as np

from usher.batch.job_input import MAX_RESULTS_PER_FILE, write_job_input
from usher.errors import InputError, Problem
from usher.evaluation import athena_split, baselines, splits
from usher.evaluation.inference import lines
from usher.evaluation.plan import Home
from usher.evaluation.predictions import LONGEST
from usher.evaluation.splits import Events
from usher.limits import MIN_INTERACTIONS
from usher.runs.record import Run

TRAIN, HOLDOUT = "train", "holdout"
BYTES_PER_MEGABYTE = 195_000
"""So much of the interactions is split in a megabyte of memory, with a third to spare (benchmarks/README.md)."""
MOST_BYTES = BYTES_PER_MEGABYTE * int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "10240"))
"""So much of them fits into the function. Athena splits more; of more, one user in so many is judged."""
ATHENA_SECONDS = 30
"""Between two looks at Athena."""
QUERIES: Final = "athena.json"
"""The run's file with the ids of its queries."""


@dataclass(frozen=True, slots=True)
class Athena:
    """Where a split runs that no Lambda has room for. `client` is a boto3 client."""

    client: Any
    at: athena_split.Setting


def split(run: Run, engine: Athena | None, is_late: Callable[[], bool]) -> int | None:
    """Write the two parts, and the inputs of batch inference jobs; None, or how long to wait before it goes on.

    Raises InputError where a part is too small, or all is too large. `engine`: where to split; None: in memory.
    """
    home, plan = Home.of(run), run.read("plan.json")
    how = splits.Split(*(plan["options"][name] for name in ("split", "share", "cut")))
    if engine is None:
        _split_in_memory(home, plan["files"], how)
    elif not _split_in_athena(run, home, plan, how, engine, is_late):
        return ATHENA_SECONDS
    train, held, _ = read_parts(home)
    if len(train.time) < MIN_INTERACTIONS:
        said = f"leaves {len(train.time)} interactions to train on; Personalize needs {MIN_INTERACTIONS}."
        raise InputError([Problem(f"the split {how.kind}", said, "Hold back less, or add more history.")])
    _write_inputs(home, {one["input"] for one in plan["entrants"]}, train, held)
    return None


def read_parts(home: Home) -> tuple[Events, Events, int]:
    """The two parts as written, and of how many users one was read."""
    size = sum(file.size for part in (TRAIN, HOLDOUT) for file in home.bucket.files(home.key(f"{part}/")))
    one_in = max(1, -(-size // MOST_BYTES))
    train, held = splits.read(home.files(TRAIN), home.files(HOLDOUT), one_in=one_in)
    return train, held, one_in


def clear(home: Home) -> None:
    """Delete the copy of what was learnt from, and what Athena has left; what was held back stays, with the answers."""
    home.bucket.delete(
        [key for folder in (TRAIN, athena_split.STAGING) for key in home.bucket.keys(home.key(f"{folder}/"))]
    )


def _split_in_memory(home: Home, keys: Collection[str], how: splits.Split) -> None:
    size = sum(file.size for file in home.bucket.files(f"{home.group}/") if file.key in keys)
    if size > MOST_BYTES:
        said = f"are {size / 1e9:.1f} GB; this function splits {MOST_BYTES / 1e9:.1f}."
        remedy = "Give the stack more EvaluationMemory, or an AthenaWorkgroup: docs/evaluation.md, large data."
        raise InputError([Problem(f"{home.group}: the interactions", said, remedy)])

    def files() -> Iterator[tuple[str, IO[bytes]]]:
        return ((key, home.bucket.open(key)) for key in keys)

    (events,) = splits.read(files())
    held = splits.hold_out(events, how)
    with TemporaryFile() as train, TemporaryFile() as rest:
        splits.write(files(), held, train, rest)
        for folder, file in ((TRAIN, train), (HOLDOUT, rest)):
            file.seek(0)
            home.bucket.s3.upload_fileobj(file, home.bucket.name, home.key(f"{folder}/00000.csv"))


def _split_in_athena(
    run: Run, home: Home, plan: Mapping[str, Any], how: splits.Split, engine: Athena, is_late: Callable[[], bool]
) -> bool:
    """Whether the parts are there; to be asked again until they are."""
    work = athena_split.Work(home.key(""), plan["files"], plan["header"], how)
    try:
        started, done = athena_split.advance(engine.client, home.bucket, work, engine.at, run.read(QUERIES))
    except InputError:
        athena_split.abandon(engine.client, home.bucket, work, engine.at)
        raise
    run.write(started, QUERIES)
    return done and not any(is_late() for _ in athena_split.finish(home.bucket, work))


def _write_inputs(home: Home, kinds: Iterable[str], train: Events, held: Events) -> None:
    """Write what is asked about everyone of whom something is held back."""
    users = train.user_ids.take(np.unique(held.user)).to_pylist()
    place, size = splits.places(train.user, train.time)
    last = place == size
    ids = train.user_ids.take(train.user[last]).to_pylist(), train.item_ids.take(train.item[last]).to_pylist()
    newest, popular = dict(zip(*ids, strict=True)), baselines.contenders(train)[0].lists.item_ids.to_pylist()
    for kind in sorted(kinds):
        asked = lines(kind, users, newest, popular)
        write_job_input(home.bucket, home.key(f"input/{kind}/"), asked, {}, MAX_RESULTS_PER_FILE // LONGEST)
