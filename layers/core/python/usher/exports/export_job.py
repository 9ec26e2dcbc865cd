"""The plan of an export: its batch jobs' input is written, and the jobs are planned as resources of a run."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from usher.batch.job_input import MAX_RESULTS_PER_FILE, write_job_input
from usher.config.exports import UNABLE
from usher.config.model import DesiredExport
from usher.costs.calculation import Size, max_cost
from usher.costs.ceilings import AboveCeilingError, Ceilings, Estimate
from usher.costs.ledger import Past
from usher.costs.months import priced_use
from usher.datasets.dataset_files import dataset_files, read_files
from usher.datasets.reading import PLAIN
from usher.errors import InputError, Problem
from usher.exports.documents import ExportPlan, InputSummary
from usher.exports.recipients import Recipients
from usher.formats.typed_json import UnfitError, as_type
from usher.names import unique_name
from usher.recipes import BatchShape, recipe_of
from usher.resources.kinds import KINDS, Resource
from usher.resources.plan import Plan
from usher.storage.bucket import Bucket
from usher.storage.layout import export_prefix

SEGMENT_JOB = "batch_segment_job"
UNKNOWN_USERS = "can't be estimated: no run of the pipeline has counted the users yet."


@dataclass(frozen=True, slots=True)
class ExportTarget:
    """The account in which exports are made."""

    arn_prefix: str
    """`arn:aws:personalize:<region>:<account>`"""
    role_arn: str
    """The role with which Personalize reads the input and writes the output."""
    ceilings: Ceilings = field(default_factory=Ceilings)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "ExportTarget":
        """The target that the template's variables describe."""
        return cls(environ["PERSONALIZE_ARN_PREFIX"], environ["PERSONALIZE_ROLE_ARN"], Ceilings.from_env(environ))


@dataclass(frozen=True, slots=True)
class PreparedExport:
    """An export whose input is written."""

    plan: Plan
    """The plan of its run, with an ExportPlan as `export`."""
    problems: Sequence[Problem]
    """Lines of the group's own files that can't be sent."""
    estimate: Estimate


def requested_exports(
    request: Mapping[str, Any], serving_maps: Mapping[str, Mapping[str, Any]]
) -> Iterator[dict[str, str]]:
    """The group and solution of every export that an execution is to make. Pure.

    `request`: a group and a solution, or a group, or nothing for all exports without a schedule of their own.
    `serving_maps`: by group. A group without exports is yielded with an empty solution, so that its run reports that.
    """
    if "group" not in request:
        for group, serving in serving_maps.items():
            for name, export in serving.get("exports", {}).items():
                if not export["scheduled"]:
                    yield {"group": group, "solution": name}
        return
    exports = serving_maps.get(request["group"], {}).get("exports", {})
    for name in [request["solution"]] if "solution" in request else exports or [""]:
        yield {"group": request["group"], "solution": name}


def prepare_export(
    bucket: Bucket, group: str, name: str, run: str, serving: Mapping[str, Any], target: ExportTarget, past: Past
) -> PreparedExport:
    """Write an export's input and plan its run.

    `name`: of its solution; `past`: the group's spending. Raises InputError if there is nothing to export, or too much.
    """
    spec, solution, shape = live_export(group, name, serving)
    if spec["metadata"]:
        _check_metadata(bucket, group, name, spec)
    place = f"{group}/: exports.{name}"
    if shape.job == SEGMENT_JOB and not past.users:
        raise InputError([Problem(place, UNKNOWN_USERS, f'Start the pipeline with {{"group": "{group}"}}.')])
    folder = f"{export_prefix(group, name)}{run}/"
    recipients = Recipients(name, spec, shape)
    job_input = write_job_input(
        bucket,
        f"{folder}input/",
        _limited(recipients.lines(bucket, group), place, target.ceilings),
        {"filterValues": spec["filterValues"]} if spec["filterValues"] else {},
        shape.max_lines or max(1, MAX_RESULTS_PER_FILE // spec["settings"]["numResults"]),
    )
    if not job_input.lines:
        remedy = "Check the export's users, items or attributes, or its lines."
        raise InputError([*recipients.problems, Problem(place, "has no recipients: no line can be sent.", remedy)])
    cost = job_dollars(shape, spec, job_input.lines, past.users)
    estimate = Estimate.without_resources(past, {place: cost}, {"batch": priced_use(job_input.lines, cost)})
    params = {
        "solutionVersionArn": solution["solutionVersionArn"],
        "roleArn": target.role_arn,
        "jobOutput": {"s3DataDestination": {"path": bucket.url(f"{folder}output/")}},
        **({"filterArn": serving["filters"][spec["filter"]]} if spec["filter"] else {}),
        **spec["settings"],
    }
    inputs = [bucket.url(key) for key in job_input.keys] if shape.max_lines else [bucket.url(f"{folder}input/")]
    summary = InputSummary(job_input.lines, recipients.refused, job_input.digest)
    export = ExportPlan(name, folder, spec, shape, solution["solutionVersionArn"], summary, estimate.of_run)
    jobs = list(_jobs(shape, group, name, run, params, inputs, target))
    return PreparedExport(Plan(group, jobs, export=asdict(export)), recipients.problems, estimate)


def _limited(lines: Iterable[dict[str, Any]], place: str, ceilings: Ceilings) -> Iterator[dict[str, Any]]:
    """Yield the lines. Raises AboveCeilingError at the first line above the ceiling."""
    for number, line in enumerate(lines, start=1):
        if above := ceilings.check_lines(place, number):
            raise AboveCeilingError(above)
        yield line


def job_dollars(shape: BatchShape, spec: DesiredExport, lines: int, users: int) -> float:
    """The most that a batch job for some lines costs, in US dollars."""
    job = Resource(f"{shape.job}/export", shape.job, "export", spec["settings"])
    size = Size({}, 0, users, {}, {job.id: lines})
    return max_cost(job, {"recipeArn": spec["recipe"]}, size)


def live_export(
    group: str, name: str, serving: Mapping[str, Any]
) -> tuple[DesiredExport, Mapping[str, Any], BatchShape]:
    """An export's spec, its live solution and its shape. Raises InputError if one of them does not exist."""
    exports, solution = serving.get("exports", {}), serving.get("solutions", {}).get(name)
    if name and exports and name not in exports:
        message, remedy = f"has no export {name}.", f"Name one of {', '.join(exports)}, or add it to usher.yaml."
        raise InputError([Problem(f"{group}/", message, remedy)])
    if name not in exports or not solution:
        message = f"has no live solution to export{f' ({name})' if name else ''}."
        remedy = "Drop data and let the pipeline finish, or name a solution under `exports` in usher.yaml."
        raise InputError([Problem(f"{group}/", message, remedy)])
    try:  # check before paying for a job: an earlier version of Usher may have published the spec
        spec = as_type(DesiredExport, exports[name], f"exports.{name}")
    except UnfitError as error:
        remedy = f'Start the pipeline with {{"group": "{group}"}}, which publishes it again.'
        raise InputError([Problem(f"{group}/: exports.{name}", f"is unreadable: {error}.", remedy)]) from None
    shape = recipe_of(spec["recipe"], solution["type"]).batch
    if not shape:
        raise InputError([Problem(f"{group}/: exports.{name}", UNABLE, "Remove it.")])
    if spec["filter"] and spec["filter"] not in serving["filters"]:
        message = f"has no live filter {spec['filter']} to export with."
        raise InputError([Problem(f"{group}/", message, "See the group's last pipeline run.")])
    return spec, solution, shape


def _jobs(
    shape: BatchShape,
    group: str,
    name: str,
    run: str,
    params: Mapping[str, Any],
    inputs: Sequence[str],
    target: ExportTarget,
) -> Iterator[Resource]:
    """A batch job for each input."""
    kind = KINDS[shape.job]
    for number, path in enumerate(inputs, start=1):
        job = unique_name(group, name, run, number)
        members = {"jobName": job, "jobInput": {"s3DataSource": {"path": path}}, **params}
        arn = f"{target.arn_prefix}:{kind.arn.format(**members)}"
        part = f"-{number}" if len(inputs) > 1 else ""
        yield Resource(f"{kind.name}/{name}{part}", kind.name, "export", members, arn=arn)


def _check_metadata(bucket: Bucket, group: str, name: str, spec: DesiredExport) -> None:
    """Raise InputError if the items lack one of the columns, before a job is paid for."""
    place, files = f"usher.yaml: exports.{name}.metadata", dataset_files(bucket, group, "items")
    if not files:
        message = f"needs {group}/items.csv, which does not exist."
        raise InputError([Problem(place, message, "Drop it, or remove `metadata`.")])
    existing = next(read_files(bucket, files, spec.get("readings", {}).get("items", PLAIN))).columns
    if unknown := sorted({*spec["metadata"]} - set(existing)):
        message = f"names {unknown[0]}, which is not a column of {files[0].key}."
        raise InputError([Problem(place, message, f"Use some of: {', '.join(existing)}.")])
