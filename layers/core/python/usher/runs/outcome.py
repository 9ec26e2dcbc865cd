"""The outcome of a run, its problems, and a summary. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import cast

from usher.errors import MAX_MESSAGE_LENGTH, Problem, lambda_error_message
from usher.run_record import ProblemRecord, RunRecord, StateRecord
from usher.runs.naming import EVALUATION, EXPORT
from usher.texts import clean, listing

MAX_SUMMARY_LENGTH = 20_000
"""The most characters of a summary. As JSON in ASCII, with 12 bytes for each character at worst, it fits into the
262,144 bytes of a notification, of an event and of a function's result in Step Functions, whose causes take 32,768
characters.
"""
RUN_PAGE = "the run's page"
STILL_THERE = "These resources of the group still exist: {}. Its files stay."
RESUME_REMEDIES = {
    EXPORT: "Start the export again: it makes new jobs.",
    EVALUATION: "Start the evaluation again; the resources of this one are deleted.",
    "": "Drop a file again, or start the pipeline by hand: it resumes where it stopped.",
}
"""The remedy that resumes an interrupted run, by the suffix of its name."""


def has_ended(record: RunRecord) -> bool:
    """Whether a record has an outcome already. It is not changed then."""
    return record.get("outcome", "RUNNING") != "RUNNING"


def has_problem(record: RunRecord, error: Mapping[str, str]) -> bool:
    """Whether an error that broke an execution is among the problems of a record."""
    return _broke_off(record, error) in record.get("problems", ())


def with_outcome(record: RunRecord, error: Mapping[str, str] | None) -> RunRecord:
    """A run's record with its outcome, its problems and a summary, from its content until then.

    The outcome is FAILED if there is a problem, HELD if there is none but a gate keeps a new version from serving, else
    SUCCEEDED. `error`: the execution's, from Step Functions: `{Error, Cause}`.
    """
    states = record.get("resources", ())
    undeleted = [one for one in record.get("deletions", ()) if one["status"] == "SKIPPED" and record.get("removal")]
    found = [
        *([_broke_off(record, error)] if error else []),
        *_as_problems(states, "FAILED", "failed"),
        *_as_problems(undeleted, "SKIPPED", "is still there"),
    ]
    known = record.get("problems", ())
    problems = [*known, *(problem for problem in found if problem not in known)]
    held = list(_as_problems(states, "HELD", "held back"))
    lines = [f"{one['place']}: {one['message']} {one['remedy']}" for one in [*problems, *held]]
    if skipped := [one["id"] for one in states if one["status"] == "SKIPPED"]:
        lines.append(clean(f"Skipped because of that: {', '.join(skipped)}.", MAX_MESSAGE_LENGTH))
    note = record.get("note") or f"{sum(one['status'] == 'READY' for one in states)} resources are as desired."
    ended: RunRecord = {
        **record,
        "outcome": "FAILED" if problems else "HELD" if held else "SUCCEEDED",
        "problems": problems,
        "summary": listing(lines, MAX_SUMMARY_LENGTH, RUN_PAGE) or clean(note, MAX_SUMMARY_LENGTH),
    }
    if undeleted:
        ended["note"] = STILL_THERE.format(", ".join(one["id"] for one in undeleted))
    return ended


def _broke_off(record: RunRecord, error: Mapping[str, str]) -> ProblemRecord:
    """The error that broke an execution, as a problem of its run."""
    message = f"broke off: {error.get('Error')}: {lambda_error_message(error.get('Cause') or '')}"
    remedy = next(remedy for suffix, remedy in RESUME_REMEDIES.items() if record["run"].endswith(suffix))
    return problem_record(Problem(record["execution"], message, f"{remedy} If it recurs, see the logs."))


def _as_problems(states: Iterable[StateRecord], status: str, word: str) -> Iterator[ProblemRecord]:
    """The states of a status as problems."""
    for state in states:
        if state["status"] == status:
            message = f"{word}: {state.get('reason', '').rstrip('.')}."
            yield problem_record(Problem(state["id"], message, state.get("remedy", "")))


def problem_record(problem: Problem) -> ProblemRecord:
    """A problem in the form of a record."""
    return cast(ProblemRecord, asdict(problem))
