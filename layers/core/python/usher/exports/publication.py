"""The end of an export: its manifest becomes the latest of its solution, and old exports are deleted."""

import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from botocore.exceptions import ClientError

from usher.aws import now
from usher.errors import InputError, Problem, UsherError
from usher.exports.documents import LATEST, MANIFEST, START_AGAIN, ExportPlan, Manifest, PartReport
from usher.runs.naming import EXPORT
from usher.storage.bucket import Bucket

RUN = re.compile(rf"(\d{{8}}T\d{{9}}Z-[^/]{{4}}-[^/]+{EXPORT})/")
"""The folder of a run, as usher.runs.naming names it. Usher leaves all else in a solution's folder alone."""


def publish_export(
    bucket: Bucket, run: str, export: ExportPlan, started_at: str
) -> tuple[dict[str, Any], list[Problem]]:
    """Make a complete export the latest of its solution; return its manifest as JSON, and notes to people.

    Raises InputError if the export is incomplete, or all its lines failed: the former one then stays the latest.
    """
    output_files = export.output_files(bucket)
    place = bucket.url(f"{export.folder}output/")
    reports = [PartReport.read(bucket, export, file) for file in output_files]
    if not reports:
        raise InputError([Problem(place, "has no answers.", START_AGAIN)])
    manifest = _manifest(run, export, reports, started_at)
    first_error = next((report.firstError for report in reports if report.errors), "")
    _check_lines(place, manifest, first_error)
    home, content = export.folder.removesuffix(f"{run}/"), asdict(manifest)
    bucket.write_json(f"{export.folder}{MANIFEST}", content)
    bucket.write_json(f"{home}{LATEST}", content)
    notes = []
    if manifest.errors:
        message = f"has {manifest.errors} lines that failed. The first says: {first_error}"
        remedy = "Correct these lines, or leave them out."
        notes.append(Problem(bucket.url(f"{export.folder}errors/"), message, remedy))
    try:
        bucket.delete(outdated_keys(bucket.keys(home), home, export.spec["keep"], run))
    except (UsherError, ClientError) as error:
        message = f"still has expired exports: {error}"
        notes.append(Problem(bucket.url(home), message, "The next export deletes them; if it does not, delete them."))
    return content, notes


def _manifest(run: str, export: ExportPlan, reports: Sequence[PartReport], started_at: str) -> Manifest:
    return Manifest(
        solution=export.solution,
        run=run,
        solutionVersionArn=export.solutionVersionArn,
        recipe=export.spec["recipe"],
        filter=export.spec["filter"],
        filterValues=export.spec["filterValues"],
        startedAt=started_at,
        completedAt=now().isoformat(),
        input=export.input,
        lines=sum(report.lines for report in reports),
        errors=sum(report.errors for report in reports),
        empty=sum(report.empty for report in reports),
        rows=sum(report.rows for report in reports),
        files=[file for report in reports for file in report.files],
        answers=[report.answers for report in reports],
    )


def _check_lines(place: str, manifest: Manifest, first_error: str) -> None:
    """Raise InputError unless all lines of the input have an output line, and some of them without an error."""
    missing = manifest.input.lines - manifest.lines
    if missing > 0:
        message = f"has no answer for {missing} of {manifest.input.lines} lines."
        raise InputError([Problem(place, message, "Start the export again; if it recurs, ask AWS.")])
    if manifest.errors == manifest.lines:
        message = f"has {manifest.lines} lines, all of them errors. The first says: {first_error}"
        raise InputError([Problem(place, message, "Correct the input or the filter.")])


def outdated_keys(keys: Sequence[str], home: str, keep: int, latest: str) -> list[str]:
    """The keys of a solution's exports that are older than the `keep` newest complete ones. Pure.

    `keys`: all below `home`, the solution's folder. `latest`: a run that is never outdated, whatever its start.
    """
    runs = {key: match[1] for key in keys if (match := RUN.match(key, len(home)))}
    complete = sorted(run for key, run in runs.items() if key == f"{home}{run}/{MANIFEST}")
    oldest = min(complete[-keep:], default=latest)
    return [key for key, run in runs.items() if run < oldest and run != latest]
