"""The third step of an evaluation: collect predictions, score them, and write the report and its page."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from usher.aws import now
from usher.datasets.dataset_files import read_files
from usher.errors import Problem
from usher.evaluation.baselines import predict_baselines
from usher.evaluation.files import EvaluationFiles
from usher.evaluation.inference import CampaignClient
from usher.evaluation.interactions import Interactions
from usher.evaluation.plan import EvaluationPlan
from usher.evaluation.predictions import Predictions, read_predictions
from usher.evaluation.scoring import score_predictions
from usher.evaluation.split_step import read_parts
from usher.reports.evaluation_page import evaluation_charts, render_evaluation_page
from usher.reports.evaluation_report import EvaluationReport, Score, Scores
from usher.reports.png import render_png
from usher.resources.kinds import KINDS
from usher.resources.lookup import describe
from usher.run_record import ProblemRecord
from usher.runs.record import Run

TITLE_COLUMNS = ("TITLE", "NAME", "ITEM_NAME")
"""Columns with an item's title; the first one that a file has counts."""
States = Mapping[str, Mapping[str, Any]]
AnyScore = TypeVar("AnyScore", bound=Score)


def score_contenders(run: Run, personalize: Any, runtime: Any, max_bytes: int, is_late: Callable[[], bool]) -> bool:
    """Get the campaigns' predictions, then write the report. False: it is late, and predictions are missing.

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
    """The ARN of a resource by its id, empty if its creation failed; or the ARN that was given."""
    if name.startswith("arn:"):
        return name
    return str(states[name]["arn"]) if states[name]["status"] == "READY" else ""


def _report(
    files: EvaluationFiles,
    plan: EvaluationPlan,
    states: States,
    data: Mapping[str, Any],
    titles: Mapping[str, str],
    personalize: Any,
    train: Interactions,
    held_out: Interactions,
    one_in: int,
) -> EvaluationReport:
    predictions, problems = predict_baselines(train), list[ProblemRecord]()
    for contender in plan.contenders:
        state = states.get(contender.version, {"status": "READY"})
        if state["status"] != "READY":
            message = f"could not be trained: {state.get('reason', '')}"
            problem = Problem(contender.name, message, state.get("remedy", ""))
            problems.append({"place": problem.place, "message": problem.message, "remedy": problem.remedy})
            continue
        lists = read_predictions(files.open(f"output/{contender.folder}", ".out"))
        notes = _live_notes(personalize, contender.version, held_out) if contender.kind == "live" else []
        predictions.append(Predictions(contender.name, contender.kind, contender.recipe, lists, notes))
    scores = _best_first(score_predictions(plan.options.split, train, held_out, predictions, titles, one_in))
    return {
        "group": files.group,
        "run": files.run,
        "createdAt": now().isoformat(),
        **scores,
        "problems": [*problems, *scores["problems"]],
        "diagnosis": data["interactions"].get("diagnosis"),
    }


def _best_first(scores: Scores) -> Scores:
    """The scores with contenders in descending order of their mean reciprocal rank, that of `dedup` lists."""
    ranks = {score["contender"]: -score["metrics"]["mean_reciprocal_rank"]["value"] for score in scores["scores"]}

    def ordered(blocks: Sequence[AnyScore]) -> list[AnyScore]:
        return sorted(blocks, key=lambda block: ranks[block["contender"]])

    return {
        **scores,
        "contenders": sorted(scores["contenders"], key=lambda contender: ranks[contender["name"]]),
        "scores": ordered(scores["scores"]),
        "segments": ordered(scores["segments"]),
    }


def _live_notes(personalize: Any, arn: str, held_out: Interactions) -> list[str]:
    """How much of the held-out part a live version may know: all events from before its training."""
    details = describe(personalize, KINDS["solution_version"], arn)
    if not details:
        return []
    trained = details["creationDateTime"]
    share = float((held_out.time < trained.timestamp()).mean())
    return [
        f"Trained on {trained:%Y-%m-%d}, when {share:.0%} of the held-out events existed. It may know them, or leave "
        "their items out because the user has met them."
    ]


def _titles(run: Run) -> dict[str, str]:
    """The titles of items by their IDs, from the copies of the items' files that the evaluation imports."""
    titles: dict[str, str] = {}
    imports = (one for one in run.plan().resources if one.id == "dataset_import_job/items")
    folders = [str(one.params["dataSource"]["dataLocation"]).removeprefix(run.bucket.url("")) for one in imports]
    for block in read_files(run.bucket, [file for folder in folders for file in run.bucket.files(folder)]):
        column = next((name for name in TITLE_COLUMNS if name in block.columns), None)
        if column:
            pairs = block.columns["ITEM_ID"].to_pylist(), block.columns[column].to_pylist()
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
