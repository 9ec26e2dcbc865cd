"""An evaluation's answers are collected and scored, and the report is written in all its forms."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from usher.aws import now
from usher.datasets.files import read_files
from usher.errors import Problem
from usher.evaluation import baselines, predictions, scoring
from usher.evaluation.inference import Campaign
from usher.evaluation.plan import Entrant, Home
from usher.evaluation.split_step import read_parts
from usher.evaluation.splits import Events
from usher.formats.typed_json import fit
from usher.reports.evaluation_page import page, pictures
from usher.reports.png import png
from usher.resources.kinds import KINDS
from usher.resources.lookup import describe
from usher.runs.record import Run
from usher.storage.bucket import Bucket

TITLES = ("TITLE", "NAME", "ITEM_NAME")
"""Columns of items that people know them by; the first one that is there counts."""


def score(run: Run, clients: Mapping[str, Any], is_late: Callable[[], bool]) -> bool:
    """Ask the campaigns, then write the report. False: it is late, and there is more to ask.

    `clients`: of personalize and personalize-runtime.
    """
    plan, record = run.read("plan.json"), run.read()
    home = Home.of(run)
    states = {state["id"]: state for state in record["resources"]}
    for one in (fit(Entrant, one) for one in plan["entrants"]):
        if one.campaign and (arn := _arn(states, one.campaign)):
            campaign = Campaign(clients["personalize-runtime"], arn, plan["options"]["requestsPerSecond"])
            if not campaign.answer(home, one.input, one.folder, is_late):
                return False
    _write_report(run, home, _report(run, home, plan, clients["personalize"]))
    return True


def _arn(states: Mapping[str, Mapping[str, Any]], name: str) -> str:
    """A resource's ARN, by id; empty for one that could not be made. An ARN is itself."""
    if name.startswith("arn:"):
        return name
    return str(states[name]["arn"]) if states[name]["status"] == "READY" else ""


def _report(run: Run, home: Home, plan: Mapping[str, Any], personalize: Any) -> dict[str, Any]:
    train, held, one_in = read_parts(home)
    record = run.read()
    states = {state["id"]: state for state in record["resources"]}
    found, problems = [*baselines.contenders(train)], []
    for one in (fit(Entrant, one) for one in plan["entrants"]):
        state = states.get(one.version, {"status": "READY"})
        if state["status"] != "READY":
            problems.append(
                Problem(one.name, f"could not be trained: {state.get('reason', '')}", state.get("remedy", ""))
            )
            continue
        answered = predictions.read(home.files(f"output/{one.folder}", ".out"))
        notes = _live_notes(personalize, one.version, held) if one.kind == "live" else []
        found.append(predictions.Contender(one.name, one.kind, one.recipe, answered, notes))
    titles = _titles(run.bucket, record["data"])
    content = scoring.report(plan["options"]["split"], train, held, found, titles)
    return {
        "group": run.group,
        "run": run.name,
        "createdAt": now().isoformat(),
        **_best_first(content),
        "split": content["split"] | {"oneIn": one_in},
        "problems": [*map(asdict, problems), *content["problems"]],
        "diagnosis": record["data"]["interactions"].get("diagnosis"),
    }


def _best_first(content: Mapping[str, Any]) -> dict[str, Any]:
    """The report's content with the contenders in the order of their mean reciprocal ranks, new items first."""
    ranks = {one["contender"]: -one["metrics"]["mean_reciprocal_rank"]["value"] for one in content["scores"]}
    parts = {name: sorted(content[name], key=lambda one: ranks[one["contender"]]) for name in ("scores", "segments")}
    return {**content, **parts, "contenders": sorted(content["contenders"], key=lambda one: ranks[one["name"]])}


def _live_notes(personalize: Any, arn: str, held: Events) -> list[str]:
    """What a live version may know of what is held back: it was trained on everything that was there then."""
    details = describe(personalize, KINDS["solution_version"], arn)
    if not details:
        return []
    trained = details["creationDateTime"]
    share = float((held.time < trained.timestamp()).mean())
    said = f"It was trained on {trained:%Y-%m-%d}, when {share:.0%} of what is held back was there: it may know that"
    return [f"{said}, or leave it out as met before."]


def _titles(bucket: Bucket, data: Mapping[str, Any]) -> dict[str, str]:
    """What people call the items, as far as the items' files tell."""
    found: dict[str, str] = {}
    for block in read_files(bucket, data.get("items", {}).get("files", [])):
        column = next((name for name in TITLES if name in block.columns), None)
        if column:
            pairs = block.columns["ITEM_ID"].to_pylist(), block.columns[column].to_pylist()
            found.update(zip(*pairs, strict=True))
    return found


def _write_report(run: Run, home: Home, report: Mapping[str, Any]) -> None:
    """Write the report in all its forms; `latest.json` last, so that it never names what is not there."""
    bucket = run.bucket
    bucket.write_json(home.key("report.json"), report)
    bucket.write(home.key("report.html"), page(report).encode(), ContentType="text/html; charset=utf-8")
    for name, svg in pictures(report).items():
        bucket.write(home.key(f"pictures/{name}.png"), png(svg), ContentType="image/png")
    latest = {"run": run.name, "createdAt": report["createdAt"], "report": home.key("report.html")}
    bucket.write_json(f"{run.group}/out/evaluation/latest.json", latest)
