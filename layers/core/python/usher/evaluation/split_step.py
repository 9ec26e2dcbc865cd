"""The second step of an evaluation: hold out a part of a group's interactions, and write the requests to the models."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from tempfile import TemporaryFile
from typing import IO, Final

import numpy as np

from usher.batch.job_input import MAX_RESULTS_PER_FILE, write_job_input
from usher.datasets.columns import texts_of
from usher.errors import InputError, Problem
from usher.evaluation import athena_split
from usher.evaluation.athena_split import Athena, SplitJob
from usher.evaluation.baselines import predict_baselines
from usher.evaluation.files import HOLDOUT, TRAIN, EvaluationFiles
from usher.evaluation.inference import input_lines
from usher.evaluation.interactions import Interactions, rank_by_time, read_interactions, write_parts
from usher.evaluation.plan import EvaluationPlan
from usher.evaluation.predictions import MAX_RESULTS
from usher.evaluation.splits import Split, hold_out
from usher.limits import MIN_INTERACTIONS
from usher.runs.record import Run

BYTES_PER_MEGABYTE = 195_000
"""Bytes of interactions that a megabyte of memory splits, with a third to spare (benchmarks/README.md)."""
ATHENA_POLL_SECONDS = 30
QUERIES: Final = "athena.json"
"""The run's file with the ids of its queries."""


def max_bytes(environ: Mapping[str, str]) -> int:
    """The bytes of interactions that fit into the function. Athena splits more; of more, a sample of users
    is scored.
    """
    return BYTES_PER_MEGABYTE * int(environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "10240"))


def split_interactions(
    run: Run,
    athena: Athena | None,
    max_bytes: int,
    is_late: Callable[[], bool],
    max_results_per_file: int = MAX_RESULTS_PER_FILE,
) -> int | None:
    """Write the two parts, and the inputs of batch inference jobs; return the seconds to wait, or None when done.

    `athena`: None to split in memory; `max_bytes`: of interactions that memory holds. Raises InputError if a part is
    too small, or the whole is too large.
    """
    files, plan = EvaluationFiles.of(run), EvaluationPlan.of(run.plan())
    split = plan.options.to_split()
    if athena is None:
        _split_in_memory(files, plan.files, split, max_bytes)
    elif not _split_in_athena(run, files, plan, athena, is_late):
        return ATHENA_POLL_SECONDS
    train, held_out, _ = read_parts(files, max_bytes)
    if len(train.time) < MIN_INTERACTIONS:
        message = f"leaves {len(train.time)} interactions to train on; Personalize needs {MIN_INTERACTIONS}."
        raise InputError([Problem(f"the split {split.kind}", message, "Hold out less, or add more history.")])
    _write_inputs(files, {contender.input for contender in plan.contenders}, train, held_out, max_results_per_file)
    return None


def read_parts(files: EvaluationFiles, max_bytes: int) -> tuple[Interactions, Interactions, int]:
    """The training and the held-out part, and n if only one in n users was read."""
    size = sum(file.size for part in (TRAIN, HOLDOUT) for file in files.bucket.files(files.key(f"{part}/")))
    one_in = max(1, -(-size // max_bytes))
    train, held_out = read_interactions(files.open(TRAIN), files.open(HOLDOUT), one_in=one_in)
    return train, held_out, one_in


def _split_in_memory(files: EvaluationFiles, keys: Collection[str], split: Split, max_bytes: int) -> None:
    size = sum(file.size for file in files.bucket.files_of(files.group) if file.key in keys)
    if size > max_bytes:
        message = f"are {size / 1e9:.1f} GB; this function splits up to {max_bytes / 1e9:.1f} GB."
        remedy = "Give the stack more EvaluationMemory, or an AthenaWorkgroup: docs/evaluation.md, large data."
        raise InputError([Problem(f"{files.group}: the interactions", message, remedy)])

    def csvs() -> Iterator[tuple[str, IO[bytes]]]:
        return ((key, files.bucket.open(key)) for key in keys)

    (interactions,) = read_interactions(csvs())
    mask = hold_out(interactions, split)
    with TemporaryFile() as train, TemporaryFile() as holdout:
        write_parts(csvs(), mask, train, holdout)
        for folder, file in ((TRAIN, train), (HOLDOUT, holdout)):
            file.seek(0)
            files.bucket.s3.upload_fileobj(file, files.bucket.name, files.key(f"{folder}/00000.csv"))


def _split_in_athena(
    run: Run, files: EvaluationFiles, plan: EvaluationPlan, athena: Athena, is_late: Callable[[], bool]
) -> bool:
    """Advance the split; return whether both parts are written. Call it again until they are."""
    job = SplitJob(files.key(""), plan.files, plan.header, plan.options.to_split())
    try:
        started, done = athena_split.advance(athena, files.bucket, job, run.read(QUERIES))
    except InputError:
        athena_split.drop_table(athena, files.bucket, job)
        raise
    run.write(started, QUERIES)
    return done and not any(is_late() for _ in athena_split.finish(files.bucket, job))


def _write_inputs(
    files: EvaluationFiles, kinds: Iterable[str], train: Interactions, held_out: Interactions, max_results_per_file: int
) -> None:
    """Write the inputs of batch inference jobs, for every user with held-out events."""
    users = texts_of(train.user_ids.take(np.unique(held_out.user)))
    rank, size = rank_by_time(train.user, train.time)
    last = rank == size
    ids = texts_of(train.user_ids.take(train.user[last])), texts_of(train.item_ids.take(train.item[last]))
    newest, popular = dict(zip(*ids, strict=True)), texts_of(predict_baselines(train)[0].lists.item_ids)
    for kind in sorted(kinds):
        lines = input_lines(kind, users, newest, popular)
        write_job_input(files.bucket, files.key(f"input/{kind}/"), lines, {}, max_results_per_file // MAX_RESULTS)
