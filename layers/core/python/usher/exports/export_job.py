"""Exports: recommendations for many at once, as files in the bucket, and in the table if they are wanted there.

<group>/out/export/<solution>/<run>/input/part-0001.json      for whom
<group>/out/export/<solution>/<run>/output/part-0001.json.out as Personalize's batch job writes it
<group>/out/export/<solution>/<run>/csv/part-0001.csv          a row for each recommendation; likewise parquet/
<group>/out/export/<solution>/<run>/errors/part-0001.json     the lines that failed, if any
<group>/out/export/<solution>/<run>/parts/part-0001.json       what became of a part
<group>/out/export/<solution>/<run>/manifest.json              all files of a complete export, with counts and hashes
<group>/out/export/<solution>/latest.json                      the manifest of the newest complete export
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from usher.aws import now
from usher.batch.job_input import MAX_RESULTS_PER_FILE, write_job_input
from usher.config.exports import UNABLE
from usher.costs.ceilings import AboveCeilingError, Ceilings, Estimate
from usher.costs.ledger import Past
from usher.costs.prices import Size, max_cost
from usher.datasets.files import dataset_keys, read_files
from usher.errors import InputError, Problem, UsherError
from usher.exports import assembly
from usher.exports.recipients import Input
from usher.formats.typed_json import UnfitError, fit, parse
from usher.names import unique_name
from usher.recipes import BatchShape, recipe_of
from usher.resources.kinds import KINDS, Resource
from usher.runs.naming import EXPORT
from usher.storage.bucket import Bucket
from usher.storage.layout import export_prefix

MANIFEST = "manifest.json"
LATEST = "latest.json"
RUN = re.compile(rf"(\d{{8}}T\d{{9}}Z-[^/]{{4}}-[^/]+{EXPORT})/")
"""The folder of a run, as runs.run_name calls it. All else below a solution's exports is not Usher's."""
AGAIN = "Start the export again."
SEGMENT_JOB = "batch_segment_job"
UNKNOWN = "can't be estimated: no run of the pipeline has told yet how many users there are."
TO_THE_RUN = "See the group's last pipeline run."


@dataclass(frozen=True, slots=True)
class Setting:
    """Where exports are made."""

    arn_prefix: str
    role_arn: str
    ceilings: Ceilings = field(default_factory=Ceilings)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Setting":
        """As the template sets it."""
        return cls(environ["PERSONALIZE_ARN_PREFIX"], environ["PERSONALIZE_ROLE_ARN"], Ceilings.from_env(environ))


@dataclass(frozen=True, slots=True)
class Made:
    """A file that was made of answers."""

    key: str
    bytes: int
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a file of answers."""

    answers: str
    lines: int
    errors: int
    empty: int
    rows: int
    firstError: str  # noqa: N815 - as it stands in the file
    files: Sequence[Made]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the plan of a run tells of its export."""

    solution: str
    folder: str
    wish: Mapping[str, Any]
    shape: BatchShape
    solutionVersionArn: str  # noqa: N815
    input: Mapping[str, Any]
    dollars: float = 0
    """What its jobs cost at max_cost."""


def facts_of(plan: Mapping[str, Any], group: str, run: str) -> dict[str, Any]:
    """What the plan of a run tells of its export. Raises UnfitError where that is none of the group's."""
    given: dict[str, Any] = plan.get("export", {})
    facts = fit(Facts, given, "export")
    if facts.folder != f"{export_prefix(group, facts.solution)}{run}/" or "/" in facts.solution:
        raise UnfitError(f"the export is in {facts.folder[:99]!r}, which is not its run's folder")
    return given


def asked_for(given: Mapping[str, Any], maps: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    """The exports that an execution is about: group and solution. Pure.

    `given`: the execution's input: a group and a solution, a group, or nothing for all without a schedule of their own.
    `maps`: the serving maps of the groups. A group that has no export is named all the same, with an empty solution: to
    be told so.
    """
    if "group" not in given:
        for group, content in maps.items():
            for name, one in content.get("exports", {}).items():
                if not one["scheduled"]:
                    yield {"group": group, "solution": name}
        return
    named = [given["solution"]] if "solution" in given else maps.get(given["group"], {}).get("exports", {})
    for name in named or [""]:
        yield {"group": given["group"], "solution": name}


def prepare(
    bucket: Bucket, group: str, name: str, run: str, serving: Mapping[str, Any], at: Setting, past: Past
) -> tuple[dict[str, Any], list[Problem], Estimate]:
    """Write an export's input; return the plan of its run, what could not be taken of the group's own lines, and costs.

    `past`: what the group has ordered. Raises InputError where there is nothing to export, or too much.
    """
    wish, solution, shape = _wanted(group, name, serving)
    if wish["metadata"]:
        _check_metadata(bucket, group, name, wish["metadata"])
    folder = f"{export_prefix(group, name)}{run}/"
    source = Input(name, wish, shape)
    lines, extra = source.lines(bucket, group), {"filterValues": wish["filterValues"]} if wish["filterValues"] else {}
    room = shape.max_lines or max(1, MAX_RESULTS_PER_FILE // wish["settings"]["numResults"])
    place = f"{group}/: exports.{name}"
    if shape.job == SEGMENT_JOB and not past.users:
        raise InputError([Problem(place, UNKNOWN, f'Start the pipeline with {{"group": "{group}"}}.')])
    job_input = write_job_input(bucket, f"{folder}input/", _limited(lines, place, at.ceilings), extra, room)
    if not job_input.lines:
        said = "asks for nobody: no line can be sent."
        raise InputError([*source.problems, Problem(place, said, "Correct what it goes by.")])
    estimate = Estimate.beside(past, {place: _cost(shape, wish, job_input.lines, past.users)})
    params = {
        "solutionVersionArn": solution["solutionVersionArn"],
        "roleArn": at.role_arn,
        "jobOutput": {"s3DataDestination": {"path": bucket.url(f"{folder}output/")}},
        **({"filterArn": serving["filters"][wish["filter"]]} if wish["filter"] else {}),
        **wish["settings"],
    }
    inputs = [bucket.url(key) for key in job_input.keys] if shape.max_lines else [bucket.url(f"{folder}input/")]
    facts = {
        "solution": name,
        "folder": folder,
        "wish": wish,
        "shape": asdict(shape),
        "solutionVersionArn": solution["solutionVersionArn"],
        "input": {"lines": job_input.lines, "refused": source.refused, "digest": job_input.digest},
        "dollars": estimate.of_run,
    }
    plan = {"group": group, "resources": list(_jobs(shape, group, name, run, params, inputs, at)), "known_failures": {}}
    return {**plan, "export": facts}, source.problems, estimate


def _limited(lines: Iterable[dict[str, Any]], place: str, ceilings: Ceilings) -> Iterator[dict[str, Any]]:
    """The lines, as long as they are not too many. InputError from then on."""
    for number, line in enumerate(lines, start=1):
        if above := ceilings.check_lines(place, number):
            raise AboveCeilingError(above)
        yield line


def _cost(shape: BatchShape, wish: Mapping[str, Any], lines: int, users: int) -> float:
    """What a batch job for so many lines costs at max_cost, in US dollars."""
    job = Resource(f"{shape.job}/export", shape.job, "export", wish["settings"])
    size = Size({}, 0, users, {}, {job.id: lines})
    return max_cost(job, {"recipeArn": wish["recipe"]}, size)


def _wanted(
    group: str, name: str, serving: Mapping[str, Any]
) -> tuple[Mapping[str, Any], Mapping[str, Any], BatchShape]:
    """An export's wish, its live solution and its shape."""
    known, solution = serving.get("exports", {}), serving.get("solutions", {}).get(name)
    if name and known and name not in known:
        said, remedy = f"has no export {name}.", f"Name one of {', '.join(known)}, or add it to usher.yaml."
        raise InputError([Problem(f"{group}/", said, remedy)])
    if name not in known or not solution:
        said = f"has no live solution to export{f' ({name})' if name else ''}."
        remedy = "Drop data and let the pipeline finish, or name a solution under `exports` in usher.yaml."
        raise InputError([Problem(f"{group}/", said, remedy)])
    wish = known[name]
    shape = recipe_of(wish["recipe"], solution["type"]).batch
    if not shape:
        raise InputError([Problem(f"{group}/: exports.{name}", UNABLE, "Remove it.")])
    if wish["filter"] and wish["filter"] not in serving["filters"]:
        said = f"has no live filter {wish['filter']} to export with."
        raise InputError([Problem(f"{group}/", said, TO_THE_RUN)])
    return wish, solution, shape


def _jobs(
    shape: BatchShape, group: str, name: str, run: str, params: Mapping[str, Any], inputs: Sequence[str], at: Setting
) -> Iterator[Resource]:
    """The batch jobs that answer an export's input."""
    kind = KINDS[shape.job]
    for number, path in enumerate(inputs, start=1):
        job = unique_name(group, name, run, number)
        members = {"jobName": job, "jobInput": {"s3DataSource": {"path": path}}, **params}
        arn = f"{at.arn_prefix}:{kind.arn.format(**members)}"
        part = f"-{number}" if len(inputs) > 1 else ""
        yield Resource(f"{kind.name}/{name}{part}", kind.name, "export", members, arn=arn)


def answers(bucket: Bucket, export: Mapping[str, Any]) -> list[str]:
    """The files that an export's jobs have written. `export`: of the run's plan."""
    return [key for key in bucket.keys(f"{export['folder']}output/") if key.endswith(".out")]


def assemble(bucket: Bucket, group: str, export: Mapping[str, Any], file: str) -> None:
    """Make the files of one of the answers, and note what became of its lines."""
    wish, metadata = export["wish"], assembly.NO_METADATA
    if wish["metadata"]:
        blocks = read_files(bucket, dataset_keys(bucket.keys(f"{group}/"), group, "items"))
        metadata = assembly.Metadata.of((block.columns for block in blocks), wish["metadata"])
    shape = BatchShape(**export["shape"])
    escape = wish.get("escapeFormulas", False)  # a serving map of before this option has none
    told = assembly.assemble(bucket, file, export["folder"], shape, wish["formats"], metadata, escape_formulas=escape)
    bucket.write_json(_told(export, file), told)


def _told(export: Mapping[str, Any], file: str) -> str:
    """Where it is noted what became of a file of answers."""
    return f"{export['folder']}parts/{file.rpartition('/')[2].partition('.')[0]}.json"


def _check_metadata(bucket: Bucket, group: str, name: str, wanted: Sequence[str]) -> None:
    """Whether the items have the columns: before a job is paid for."""
    place, keys = f"usher.yaml: exports.{name}.metadata", dataset_keys(bucket.keys(f"{group}/"), group, "items")
    if not keys:
        raise InputError([Problem(place, f"needs {group}/items.csv, which is not there.", "Drop it, or remove this.")])
    columns = next(read_files(bucket, keys)).columns
    if unknown := sorted(set(wanted) - set(columns)):
        said = f"names {unknown[0]}, which is no column of {keys[0]}."
        raise InputError([Problem(place, said, f"Use some of: {', '.join(columns)}.")])


def publish(bucket: Bucket, run: str, export: Mapping[str, Any], begun: str) -> tuple[dict[str, Any], list[Problem]]:
    """Make a complete export the latest of its solution; return its manifest, and what people should know of it.

    `begun`: when the run did. Raises InputError where an export is not complete or has no answer but errors: the former
    one stays the latest.
    """
    files = answers(bucket, export)
    told = list(_read_told(bucket, export, files))
    if not told:
        raise InputError([Problem(bucket.url(f"{export['folder']}output/"), "has no answers.", AGAIN)])
    counts = {name: sum(one[name] for one in told) for name in ("lines", "errors", "empty", "rows")}
    problem = next((one["firstError"] for one in told if one["errors"]), "")
    _check_counts(bucket.url(f"{export['folder']}output/"), counts, export["input"]["lines"], problem)
    wish = export["wish"]
    manifest = {
        "solution": export["solution"],
        "run": run,
        "solutionVersionArn": export["solutionVersionArn"],
        "recipe": wish["recipe"],
        "filter": wish["filter"],
        "filterValues": wish["filterValues"],
        "startedAt": begun,
        "completedAt": now().isoformat(),
        "input": export["input"],
        **counts,
        "files": [file for one in told for file in one["files"]],
        "answers": files,
    }
    home = export["folder"].removesuffix(f"{run}/")
    bucket.write_json(f"{export['folder']}{MANIFEST}", manifest)
    bucket.write_json(f"{home}{LATEST}", manifest)
    notes = []
    if counts["errors"]:
        said = f"has {counts['errors']} lines that failed. The first says: {problem}"
        remedy = "Correct these lines, or leave them out."
        notes.append(Problem(bucket.url(f"{export['folder']}errors/"), said, remedy))
    try:
        bucket.delete(outdated(bucket.keys(home), home, wish["keep"], run))
    except (UsherError, ClientError) as error:
        said = f"still has exports that are older than the ones to keep: {error}"
        notes.append(Problem(bucket.url(home), said, "They go with the next export; if not, delete them."))
    return manifest, notes


def _read_told(bucket: Bucket, export: Mapping[str, Any], files: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What became of each file of answers. Raises InputError where that is not told."""
    for file in files:
        key = _told(export, file)
        content = bucket.read(key)
        if content is None:
            said = "has answers that were not assembled."
            raise InputError([Problem(bucket.url(f"{export['folder']}output/"), said, AGAIN)])
        try:
            told: dict[str, Any] = parse(content)
            made = fit(Told, told).files
        except UnfitError as unfit:
            said = f"is not what Usher has written there: {unfit}."
            raise InputError([Problem(bucket.url(key), said, AGAIN)]) from None
        if any(not one.key.startswith(export["folder"]) for one in made):
            raise InputError([Problem(bucket.url(key), "tells of files of another export.", AGAIN)])
        yield told


def _check_counts(place: str, counts: Mapping[str, int], asked: int, problem: str) -> None:
    """Whether all lines of the input are answered, some of them well. Raises InputError."""
    if counts["lines"] < asked:
        said = f"has no answer for {asked - counts['lines']} of {asked} lines."
        raise InputError([Problem(place, said, "Start the export again; ask AWS if it recurs.")])
    if counts["errors"] == counts["lines"]:
        said = f"has {counts['lines']} lines, all of them errors. The first says: {problem}"
        raise InputError([Problem(place, said, "Correct the input or the filter.")])


def outdated(keys: Sequence[str], home: str, keep: int, latest: str) -> list[str]:
    """The keys of a solution's exports that are older than the `keep` newest complete ones. Pure.

    `keys`: all below `home`. `latest`: the run that is never outdated, whenever it began.
    """
    runs = {key: found[1] for key in keys if (found := RUN.match(key, len(home)))}
    complete = sorted(run for key, run in runs.items() if key == f"{home}{run}/{MANIFEST}")
    oldest = min(complete[-keep:], default=latest)
    return [key for key, run in runs.items() if run < oldest and run != latest]
