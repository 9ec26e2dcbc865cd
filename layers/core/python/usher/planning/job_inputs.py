"""Checks the inputs of a config's batch jobs before Personalize reads them."""

from collections.abc import Collection, Iterator, Mapping
from itertools import islice

from usher.batch.lines import read_lines
from usher.config.exports import parsed
from usher.config.model import Config, Job
from usher.datasets.schemas import Field
from usher.errors import Problem
from usher.filters.expressions import needed
from usher.filters.grammar import parse_attributes
from usher.filters.rules import attribute_errors
from usher.recipes import BatchShape, recipe_of
from usher.storage.bucket import Bucket

MAX_CHECKED_LINES = 10_000
"""The number of lines that are checked of each file: mistakes are mostly made in all lines."""
MAX_REPORTED = 10
"""The most lines of a file that are reported."""


def missing_inputs(bucket: Bucket, config: Config) -> dict[str, Problem]:
    """The problem of each job whose input does not exist, by its input."""
    remedy = "Put the job's input there, one JSON per line."
    return {
        job.input: Problem(job.input, f"does not exist, but the job {job.name} needs it.", remedy)
        for job in config.jobs
        if job.input and job.input not in bucket.keys(job.input)
    }


def input_problems(
    bucket: Bucket, config: Config, missing: Collection[str], columns: Mapping[str, Mapping[str, Field]]
) -> Iterator[Problem]:
    """The problems of the first lines of each job's input. `columns`: of the group's datasets."""
    recipes = {solution.name: solution.recipe for solution in config.solutions}
    fields = {dataset.upper(): list(some.values()) for dataset, some in columns.items()}
    for job in config.jobs:
        shape = recipe_of(recipes.get(job.solution, "")).batch
        if shape and shape.job == job.kind and job.input and job.input not in missing:
            yield from islice(_line_problems(bucket, config, job, shape, fields), MAX_REPORTED)


def _line_problems(
    bucket: Bucket, config: Config, job: Job, shape: BatchShape, fields: Mapping[str, Collection[Field]]
) -> Iterator[Problem]:
    needs, number = needed(parsed(config.filters, job.filter)), 0
    texts = islice(bucket.lines(job.input), MAX_CHECKED_LINES)
    for number, line, message, remedy in read_lines(texts, shape, needs, {}):
        place = f"{job.input} line {number}"
        if message:
            yield Problem(place, message, remedy)
        elif "itemAttributes" in line:
            for error in attribute_errors(parse_attributes(line["itemAttributes"]), fields):
                yield Problem(place, f"can't be used: {error}.", error.remedy)
    if not number:
        yield Problem(job.input, "is empty.", "Put the job's input there, one JSON per line.")
