"""An evaluation's answers are collected and scored, and the report is written in all its forms."""

from collections.abc import Callable, Mapping
from typing import Any

from usher import answers, baselines, csvs, scoring
from usher.asking import Campaign
from usher.aws import now
from usher.bucket import Bucket
from usher.data import chunks
from usher.evaluation_page import page, pictures
from usher.evaluation_plan import Entrant, Home
from usher.evaluation_split import read_parts
from usher.holdout import Events
from usher.pictures import png
from usher.resources import KINDS, describe
from usher.runs import Run

TITLES = ("TITLE", "NAME", "ITEM_NAME")
"""Columns of items that people know them by; the first one that is there counts."""


def score(run: Run, clients: Mapping[str, Any], is_late: Callable[[], bool]) -> bool:
    """Ask the campaigns, then write the report. False: it is late, and there is more to ask.

    `clients`: of personalize and personalize-runtime.
    """
    plan, record = run.read("plan.json"), run.read()
    home = Home.of(run)
    states = {state["id"]: state for state in record["resources"]}
    for one in (Entrant(**one) for one in plan["entrants"]):
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
    data = run.read()["data"]
    found = [*baselines.contenders(train)]
    for one in (Entrant(**one) for one in plan["entrants"]):
        answered = answers.read(home.files(f"output/{one.folder}", ".out"))
        notes = _live_notes(personalize, one.version, held) if one.kind == "live" else []
        found.append(answers.Contender(one.name, one.kind, one.recipe, answered, notes))
    content = scoring.report(plan["options"]["split"], train, held, found, _titles(run.bucket, data))
    return {
        "group": run.group,
        "run": run.name,
        "createdAt": now().isoformat(),
        **content,
        "split": content["split"] | {"oneIn": one_in},
        "diagnosis": data["interactions"].get("diagnosis"),
    }


def _live_notes(personalize: Any, arn: str, held: Events) -> list[str]:
    """What a live version may know of what is held back: it was trained on everything that was there then."""
    details = describe(personalize, KINDS["solution_version"], arn)
    if not details:
        return []
    trained = details["creationDateTime"]
    share = float((held.time < trained.timestamp()).mean())
    return [f"It was trained on {trained:%Y-%m-%d}, when {share:.0%} of what is held back was there: it may know that."]


def _titles(bucket: Bucket, data: Mapping[str, Any]) -> dict[str, str]:
    """What people call the items, as far as the items' files tell."""
    found: dict[str, str] = {}
    for key in data.get("items", {}).get("files", []):
        for block in csvs.read(key, chunks(bucket.open(key))):
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
