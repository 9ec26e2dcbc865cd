"""The third step of an evaluation: collect predictions, score them, and write the report and its page."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from usher.aws import now
from usher.clients import PersonalizeClient, PersonalizeRuntimeClient
from usher.datasets.columns import texts_of
from usher.datasets.dataset_files import read_files
from usher.errors import Problem
from usher.evaluation.baselines import predict_baselines
from usher.evaluation.files import TRAIN, EvaluationFiles
from usher.evaluation.inference import CampaignClient
from usher.evaluation.interactions import Interactions, Mask, read_items
from usher.evaluation.plan import Contender, EvaluationPlan
from usher.evaluation.predictions import MAX_RESULTS, Predictions, read_predictions
from usher.evaluation.scoring import score_predictions
from usher.evaluation.split_step import read_parts
from usher.reports.evaluation_page import evaluation_charts, render_evaluation_page
from usher.reports.evaluation_report import EXPLORATION_ON, EXPLORATION_REMOVED, EvaluationReport
from usher.reports.png import render_png
from usher.resources.kinds import KINDS
from usher.resources.lookup import describe
from usher.run_record import ProblemRecord
from usher.runs.record import Run

TITLE_COLUMNS = ("TITLE", "NAME", "ITEM_NAME")
"""Columns with an item's title; the first of them in a file counts."""
NOTES = {
    "items": "A user's list has items similar to the user's last item.",
    "rankings": f"It orders the {MAX_RESULTS} most popular items for each user.",
    EXPLORATION_REMOVED: "As Personalize sets its exploration, items that nobody had met at its training are removed.",
    EXPLORATION_ON: "It explores: its lists include random items that few users know, or none.",
}
"""Notes on a contender, by the kind of its requests and by its exploration."""
States = Mapping[str, Mapping[str, Any]]


def score_contenders(
    run: Run,
    personalize: PersonalizeClient,
    runtime: PersonalizeRuntimeClient,
    max_bytes: int,
    is_late: Callable[[], bool],
) -> bool:
    """Get the campaigns' predictions, then write the report. False: the time is up, and predictions are missing.

    `personalize`, `runtime`: boto3 clients of Personalize and of its runtime; `max_bytes`: of interactions that memory
    holds.
    """
    plan, files = EvaluationPlan.of(run.plan()), EvaluationFiles.of(run)
    record = run.read()
    states: States = {state["id"]: state for state in record["resources"]}
    for contender in plan.contenders:
        if contender.campaign and (arn := _arn(states, contender.campaign)):
            client = CampaignClient(runtime, arn, plan.options.requestsPerSecond)
            if not client.predict(files, contender.input, contender.folder, is_late):
                return False
    parts, titles = read_parts(files, max_bytes), _titles(run)
    _write_report(files, _report(files, plan, states, record["data"], titles, personalize, *parts))
    return True


def _arn(states: States, name: str) -> str:
    """The ARN of a resource by its id, empty if its creation failed. An ARN is returned as it is."""
    if name.startswith("arn:"):
        return name
    return str(states[name]["arn"]) if states[name]["status"] == "READY" else ""


def _report(
    files: EvaluationFiles,
    plan: EvaluationPlan,
    states: States,
    data: Mapping[str, Any],
    titles: Mapping[str, str],
    personalize: PersonalizeClient,
    train: Interactions,
    held_out: Interactions,
    one_in: int,
) -> EvaluationReport:
    predictions, problems = predict_baselines(train), list[ProblemRecord]()
    learnt = learnt_items(files, train, one_in)
    for contender in plan.contenders:
        if failed := _failure(contender, states):
            problems.append({"place": failed.place, "message": failed.message, "remedy": failed.remedy})
            continue
        is_live, allowed = contender.kind == "live", None
        version = describe(personalize, KINDS["solution_version"], contender.version) if is_live else {}
        known, notes = known_events(contender, version, held_out)
        if contender.exploration == EXPLORATION_REMOVED:
            allowed = pa.concat_arrays([learnt, held_out.item_ids.take(pa.array(held_out.item[known]))])
        predictions.append(
            Predictions(
                contender.name,
                contender.kind,
                contender.recipe,
                read_predictions(files.open(f"output/{contender.folder}", ".out"), allowed),
                [*notes, *(NOTES[one] for one in (contender.input, contender.exploration) if one in NOTES)],
                contender.exploration,
                float(known.mean()),
                contender.event_type or version.get("eventType", ""),
            )
        )
    scores = score_predictions(plan.options.split, train, held_out, predictions, titles, one_in)
    return {
        "group": files.group,
        "run": files.run,
        "createdAt": now().isoformat(),
        **scores,
        "problems": [*problems, *scores["problems"]],
        "diagnosis": data["interactions"].get("diagnosis"),
    }


def _failure(contender: Contender, states: States) -> Problem | None:
    """The reason why a contender has no predictions: its version, its campaign or its job has failed."""
    for id_, what in (
        (contender.version, "could not be trained"),
        (contender.campaign or f"batch_inference_job/{contender.folder}", "has no predictions"),
    ):
        state = states.get(id_, {"status": "READY"})
        if state["status"] != "READY":
            return Problem(contender.name, f"{what}: {state.get('reason', '')}", state.get("remedy", ""))
    return None


def learnt_items(files: EvaluationFiles, train: Interactions, one_in: int) -> pa.StringArray:
    """The items of the training part, including those of users who were not read."""
    return read_items(files.open(TRAIN)) if one_in > 1 else train.item_ids.take(pa.array(np.unique(train.item)))


def known_events(contender: Contender, version: Mapping[str, Any], held_out: Interactions) -> tuple[Mask, list[str]]:
    """The held-out events that a contender may have learnt from (n,), and a note on it.

    `version`: its description, empty if Personalize has none. A live version may know all events from before its
    training; one with a campaign may know all events, as it learns from new ones at once.
    """
    if contender.kind != "live":
        return np.zeros(len(held_out.time), np.bool_), []
    if contender.campaign or not version:
        reason = "its campaign learns from events at once" if version else "Personalize does not have the version"
        return np.ones(len(held_out.time), np.bool_), [f"It may know all held-out events, as {reason}."]
    trained = version["creationDateTime"]
    known = np.asarray(held_out.time < trained.timestamp())
    note = f"Trained on {trained:%Y-%m-%d}, when {known.mean():.0%} of the held-out events existed."
    remark = " It may know them, or leave their items out because the user has met them."
    return known, [note + (remark if known.any() else "")]


def _titles(run: Run) -> dict[str, str]:
    """The titles of items by their IDs, from the copies of the items' files that the evaluation imports."""
    titles: dict[str, str] = {}
    imports = (one for one in run.plan().resources if one.id == "dataset_import_job/items")
    folders = [str(one.params["dataSource"]["dataLocation"]).removeprefix(run.bucket.url("")) for one in imports]
    for block in read_files(run.bucket, [file for folder in folders for file in run.bucket.files(folder)]):
        column = next((name for name in TITLE_COLUMNS if name in block.columns), None)
        if column:
            pairs = texts_of(block.columns["ITEM_ID"]), texts_of(block.columns[column])
            titles.update(zip(*pairs, strict=True))
    return titles


def _write_report(files: EvaluationFiles, report: EvaluationReport) -> None:
    """Write the report, its page and its charts; `latest.json` last, so that it names existing files only."""
    bucket = files.bucket
    files.write_report(report)
    page = render_evaluation_page(report)
    bucket.write(files.key("report.html"), page.encode(), ContentType="text/html; charset=utf-8")
    for name, svg in evaluation_charts(report).items():
        bucket.write(files.key(f"pictures/{name}.png"), render_png(svg), ContentType="image/png")
    latest = {"run": files.run, "createdAt": report["createdAt"], "report": files.key("report.html")}
    bucket.write_json(f"{files.group}/out/evaluation/latest.json", latest)
