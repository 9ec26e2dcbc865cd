"""The documents of an export: its part of the run's plan, a report for each file of output, and the manifest.

<group>/out/export/<solution>/<run>/input/part-0001.json       the recipients
<group>/out/export/<solution>/<run>/output/part-0001.json.out  the output of Personalize's batch job
<group>/out/export/<solution>/<run>/csv/part-0001.csv          a row for each recommendation; likewise parquet/
<group>/out/export/<solution>/<run>/errors/part-0001.json      the lines that failed, if any
<group>/out/export/<solution>/<run>/parts/part-0001.json       the report of a file of output
<group>/out/export/<solution>/<run>/manifest.json              the files of a complete export, with hashes
<group>/out/export/<solution>/latest.json                      the manifest of the newest complete export
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from usher.config.model import DesiredExport
from usher.errors import InputError, Problem
from usher.formats.typed_json import UnfitError, as_type, parse_json
from usher.recipes import BatchShape
from usher.resources.plan import Plan
from usher.storage.bucket import Bucket
from usher.storage.layout import export_prefix

MANIFEST = "manifest.json"
LATEST = "latest.json"
START_AGAIN = "Start the export again."


@dataclass(frozen=True, slots=True)
class InputSummary:
    """The input lines of an export's jobs."""

    lines: int
    refused: int
    """The number of the group's own lines that can't be sent."""
    digest: str


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """The member `export` of a run's plan."""

    solution: str
    folder: str
    """`<group>/out/export/<solution>/<run>/`"""
    spec: DesiredExport
    shape: BatchShape
    solutionVersionArn: str  # noqa: N815 - members of JSON have its spelling
    input: InputSummary
    dollars: float
    """The estimated cost of its jobs, in US dollars."""

    @classmethod
    def of(cls, plan: Plan, group: str, run: str) -> "ExportPlan":
        """The export of a run's plan. Raises UnfitError if the plan has none of this group and run."""
        export = as_type(cls, plan.export or {}, "export")
        if export.folder != f"{export_prefix(group, export.solution)}{run}/" or "/" in export.solution:
            raise UnfitError(f"the export is in {export.folder[:99]!r}, which is not its run's folder")
        return export

    def output_files(self, bucket: Bucket) -> list[str]:
        """The keys of the output files of the export's jobs."""
        return [key for key in bucket.keys(f"{self.folder}output/") if key.endswith(".out")]


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file for people, made of a job's output."""

    key: str
    bytes: int
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class PartReport:
    """The files that were made of one file of output, and the counts of its lines."""

    answers: str
    """The key of the file of output."""
    lines: int
    errors: int
    """The number of failed lines."""
    empty: int
    """The number of lines without any recommendation: a filter may leave none."""
    rows: int
    """The number of recommendations."""
    firstError: str  # noqa: N815
    files: Sequence[ExportedFile]

    def write(self, bucket: Bucket, export: ExportPlan) -> None:
        """Write the report to the export's folder."""
        bucket.write_json(_report_key(export, self.answers), asdict(self))

    @classmethod
    def read(cls, bucket: Bucket, export: ExportPlan, output_file: str) -> "PartReport":
        """The report of a file of output. Raises InputError if there is none of Usher's."""
        key = _report_key(export, output_file)
        content = bucket.read(key)
        if content is None:
            place = bucket.url(f"{export.folder}output/")
            raise InputError([Problem(place, "has answers that were not assembled.", START_AGAIN)])
        try:
            report = as_type(cls, parse_json(content))
        except UnfitError as unfit:
            message = f"was not written by Usher: {unfit}."
            raise InputError([Problem(bucket.url(key), message, START_AGAIN)]) from None
        if any(not file.key.startswith(export.folder) for file in report.files):
            raise InputError([Problem(bucket.url(key), "names files of another export.", START_AGAIN)])
        return report


def _report_key(export: ExportPlan, output_file: str) -> str:
    return f"{export.folder}parts/{output_file.rpartition('/')[2].partition('.')[0]}.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """A complete export."""

    solution: str
    run: str
    solutionVersionArn: str  # noqa: N815
    recipe: str
    filter: str
    filterValues: Mapping[str, str]  # noqa: N815
    startedAt: str  # noqa: N815
    completedAt: str  # noqa: N815
    input: InputSummary
    lines: int
    errors: int
    empty: int
    rows: int
    files: Sequence[ExportedFile]
    answers: Sequence[str]
    """The keys of the files of output."""
