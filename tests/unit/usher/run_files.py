"""The type check of the documents that runs write: a misspelt key, or a value of another type, is an error."""

import re
from collections.abc import Mapping
from typing import Any

from usher.exports.documents import Manifest
from usher.formats.typed_json import as_type
from usher.reports.diagnosis_report import DiagnosisReport
from usher.reports.evaluation_report import EvaluationReport
from usher.resources.plan import Plan
from usher.run_record import RunRecord

DOCUMENTS: Mapping[str, Any] = {
    r"[^/]+/out/runs/[^/]+/run\.json": RunRecord,
    r"[^/]+/out/runs/[^/]+/plan\.json": Plan,
    r"[^/]+/out/export/[^/]+/[^/]+/manifest\.json": Manifest,
    r"[^/]+/out/export/[^/]+/latest\.json": Manifest,
    r"[^/]+/out/evaluation/[^/]+/report\.json": EvaluationReport,
}
"""The type of each document, by the pattern of its key."""


def check_document(key: str, content: Any) -> None:
    """Raise UnfitError if a document of a run has an unknown member, lacks one, or has one of another type."""
    [kind] = (kind for pattern, kind in DOCUMENTS.items() if re.fullmatch(pattern, key))
    as_type(kind, content, key)
    if kind is RunRecord:
        if "export" in content:
            as_type(Manifest, content["export"], f"{key}.export")
        for dataset in content.get("data", {}).values():
            if dataset.get("diagnosis", {}).get("events"):
                as_type(DiagnosisReport, dataset["diagnosis"], f"{key}.diagnosis")


def check_documents(contents: Mapping[str, Any]) -> None:
    """Check several documents, by key."""
    for key, content in contents.items():
        check_document(key, content)
