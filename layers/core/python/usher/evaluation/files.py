"""The files of an evaluation.

<group>/out/evaluation/<run>/train/*.csv               the interactions that models learn from
<group>/out/evaluation/<run>/holdout/*.csv             the interactions that are held out
<group>/out/evaluation/<run>/input/<kind>/*.json       requests to the models: users, items or rankings, in parts
<group>/out/evaluation/<run>/output/<contender>/*.out  their predictions, as batch inference jobs write them
<group>/out/evaluation/<run>/report.json               the scores; report.html and pictures/ show them
<group>/out/evaluation/latest.json                     the name of the newest report
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from usher.reports.evaluation_report import EvaluationReport
from usher.runs.record import Run
from usher.storage.bucket import Bucket

TRAIN, HOLDOUT = "train", "holdout"
STAGING = "staging"
"""The folder of Athena's temporary files."""


@dataclass(frozen=True, slots=True)
class EvaluationFiles:
    """The files of one evaluation."""

    bucket: Bucket
    group: str
    run: str

    @classmethod
    def of(cls, run: Run) -> "EvaluationFiles":
        """The files of a run."""
        return cls(run.bucket, run.group, run.name)

    def key(self, name: str) -> str:
        """The key of a file or a folder, by its name in the evaluation's folder."""
        return f"{self.group}/out/evaluation/{self.run}/{name}"

    def url(self, name: str) -> str:
        """The s3:// address of a file or a folder."""
        return self.bucket.url(self.key(name))

    def open(self, folder: str, suffix: str = "") -> Iterator[tuple[str, IO[bytes]]]:
        """The files of a folder as (key, stream), each opened when the iterator reaches it."""
        keys = self.bucket.keys(self.key(f"{folder}/"))
        return ((key, self.bucket.open(key)) for key in keys if key.endswith(suffix))

    def write_report(self, report: EvaluationReport) -> None:
        """Write report.json."""
        self.bucket.write_json(self.key("report.json"), report)

    def read_report(self) -> EvaluationReport | None:
        """The content of report.json; None if there is none."""
        report: EvaluationReport | None = self.bucket.read_json(self.key("report.json"))
        return report

    def delete_intermediate(self) -> None:
        """Delete the training part and Athena's files. The held-out part and the predictions stay."""
        folders = (self.key(f"{folder}/") for folder in (TRAIN, STAGING))
        self.bucket.delete([key for folder in folders for key in self.bucket.keys(folder)])
