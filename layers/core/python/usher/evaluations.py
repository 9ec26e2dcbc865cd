"""Evaluations: what models recommend that know only a part of a group's history, held against the other part.

<group>/out/evaluation/<run>/train/*.csv               what is learnt from
<group>/out/evaluation/<run>/holdout/*.csv             what is held back
<group>/out/evaluation/<run>/input/*.jsonl             what models are asked
<group>/out/evaluation/<run>/output/<contender>/*.out  what they answer, as batch inference jobs write it
<group>/out/evaluation/<run>/report.json               the scores; report.html and the pictures show them
<group>/out/evaluation/latest.json                     the newest report

Models are trained in a dataset group of their own, which is gone afterwards (evaluation_plan.py).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np

from usher import answers, baselines, csvs, holdout, prices, scoring
from usher.asking import Campaign, lines, write_lines
from usher.aws import now
from usher.bucket import Bucket
from usher.data import chunks
from usher.errors import InputError, Problem, UsherError
from usher.evaluation_page import page, pictures
from usher.evaluation_plan import Entrant, Evaluation, Home
from usher.holdout import Events
from usher.intake import Intake, take_in
from usher.pictures import png
from usher.plan import Setting
from usher.reconcile import State
from usher.resources import KINDS, describe
from usher.rules import MIN_INTERACTIONS
from usher.runs import Run

USAGE = (
    'Start the evaluation with {"group": "<a folder of the bucket>"} and, if you like: "split" ('
    + ", ".join(holdout.SPLITS)
    + '), "share" (0.01 to 0.5), "cut" (Unix seconds, for the split global), "recipes" (a list of names, or ["all"]), '
    '"live" (true or false), "requestsPerSecond" (0.1 to 1000).'
)
TITLES = ("TITLE", "NAME", "ITEM_NAME")
"""Columns of items that people know them by; the first one that is there counts."""
WIDTH = 1400
"""Of pictures, in pixels."""


@dataclass(frozen=True, slots=True)
class Options:
    """What an evaluation is asked to do."""

    split: str = "last-tenth"
    share: float = 0.1
    """Of each user's events, or of all, that is held back."""
    cut: float | None = None
    """Unix seconds from which on everything is held back; then `share` says nothing."""
    recipes: Sequence[str] = ()
    """What to compare, with default settings; without any, the solutions of the group's config."""
    live: bool = True
    """Whether the versions that serve are compared, too."""
    requestsPerSecond: float = 10  # noqa: N815 - as it stands in the input
    """How fast a campaign is asked."""

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Options":
        """From an execution's input, which names the group, too. Raises UsherError where it says something wrong."""
        members = {name: value for name, value in given.items() if name != "group"}
        if not isinstance(given.get("group"), str) or members.keys() - {one.name for one in fields(cls)}:
            raise UsherError(USAGE)
        options = cls(**members)
        fine = (
            options.split in holdout.SPLITS,
            _is_number(options.share, 0.01, 0.5),
            options.cut is None or (options.split == "global" and _is_number(options.cut, 0, 10**11)),
            isinstance(options.recipes, list | tuple) and all(isinstance(one, str) for one in options.recipes),
            isinstance(options.live, bool),
            _is_number(options.requestsPerSecond, 0.1, 1000),
        )
        if not all(fine):
            raise UsherError(USAGE)
        return options


def _is_number(value: Any, least: float, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def prepare(
    bucket: Bucket, at: Setting, personalize: Any, serving: Mapping[str, Any], options: Options
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Hold a part back, and write down the rest and what is to be asked; return the plan, and what the record tells.

    Raises InputError where the group has nothing to evaluate with. `at`: of the group; `serving`: its serving map.
    """
    home = Home(bucket, at.group, at.run)
    intake = take_in(bucket, at.group, personalize, at.arn_prefix)
    if intake is None:
        raise InputError([Problem(f"{at.group}/", "has no interactions.", "Drop interactions.csv first.")])
    live = serving.get("solutions", {}) if options.live else {}
    evaluation = Evaluation.of(home, at, personalize, intake, options.recipes, live)
    train, held = _hold_out(home, intake, options)
    _write_inputs(home, evaluation, train, held)
    plan = evaluation.plan() | {"requestsPerSecond": options.requestsPerSecond, "split": options.split}
    states = [State(one.id, "create", "PLANNED", reason="It is compared.") for one in plan["resources"]]
    foretold = prices.foretell(plan["resources"], states, prices.size_of(intake.report, {}), intake.config.prices, {})
    return plan, {"data": intake.report, "resources": states, "plan": foretold}


def _hold_out(home: Home, intake: Intake, options: Options) -> tuple[Events, Events]:
    """Write the two parts of the interactions, and return them."""
    increments = [url.removeprefix(home.bucket.url("")) for url in intake.data["interactions"].increments]
    keys = [*intake.report["interactions"]["files"], *increments]

    def files() -> Iterator[tuple[str, IO[bytes]]]:
        return ((key, home.bucket.open(key)) for key in keys)

    (events,) = holdout.read(files())
    held = holdout.hold_out(events, holdout.Split(options.split, options.share, options.cut))
    if (rows := int((~held).sum())) < MIN_INTERACTIONS:
        said = f"leaves {rows} interactions to train on; Personalize needs {MIN_INTERACTIONS}."
        raise InputError([Problem(f"the split {options.split}", said, "Hold back less, or add more history.")])
    with TemporaryFile() as learnt, TemporaryFile() as future:
        holdout.write(files(), held, learnt, future)
        for name, file in (("train/0.csv", learnt), ("holdout/0.csv", future)):
            file.seek(0)
            home.bucket.s3.upload_fileobj(file, home.bucket.name, home.key(name))
    return events.where(~held), events.where(held)


def _write_inputs(home: Home, evaluation: Evaluation, train: Events, held: Events) -> None:
    """Write what is asked about everyone of whom something is held back."""
    users = train.user_ids.take(np.unique(held.user)).to_pylist()
    place, size = holdout.places(train.user, train.time)
    last = place == size
    ids = train.user_ids.take(train.user[last]).to_pylist(), train.item_ids.take(train.item[last]).to_pylist()
    newest = dict(zip(*ids, strict=True))
    for kind in sorted({one.input for one in evaluation.entrants()}):
        write_lines(home, kind, lines(kind, users, newest, baselines.contenders(train)[0].lists.item_ids.to_pylist()))


def score(run: Run, clients: Mapping[str, Any], is_late: Callable[[], bool]) -> bool:
    """Ask the campaigns, then write the report. False: it is late, and there is more to ask.

    `clients`: of personalize and personalize-runtime.
    """
    plan, record = run.read("plan.json"), run.read()
    home = Home(run.bucket, run.group, run.name)
    states = {state["id"]: state for state in record["resources"]}
    entrants = [Entrant(**one) for one in plan["entrants"]]
    for one in entrants:
        if one.campaign and (arn := _arn(states, one.campaign)):
            campaign = Campaign(clients["personalize-runtime"], arn, plan["requestsPerSecond"])
            if not campaign.answer(home, one.input, one.folder, is_late):
                return False
    _write_report(run, home, _report(run, home, entrants, clients["personalize"]))
    return True


def _arn(states: Mapping[str, Mapping[str, Any]], name: str) -> str:
    """A resource's ARN, by id; empty for one that could not be made. An ARN is itself."""
    if name.startswith("arn:"):
        return name
    return str(states[name]["arn"]) if states[name]["status"] == "READY" else ""


def _report(run: Run, home: Home, entrants: Sequence[Entrant], personalize: Any) -> dict[str, Any]:
    train, held = holdout.read(home.files("train"), home.files("holdout"))
    found = [*baselines.contenders(train)]
    for one in entrants:
        answered = answers.read(home.files(f"output/{one.folder}", ".out"))
        notes = _live_notes(personalize, one.version, held) if one.kind == "live" else []
        found.append(answers.Contender(one.name, one.kind, one.recipe, answered, notes))
    kind = run.read("plan.json")["split"]
    return {
        "group": run.group,
        "run": run.name,
        "createdAt": now().isoformat(),
        **scoring.report(kind, train, held, found, _titles(run.bucket, run.read()["data"])),
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
    bucket.write(home.key("report.html"), page(report).encode(), "text/html; charset=utf-8")
    for name, svg in pictures(report).items():
        bucket.write(home.key(f"pictures/{name}.png"), png(svg, WIDTH), "image/png")
    latest = {"run": run.name, "createdAt": report["createdAt"], "report": home.key("report.html")}
    bucket.write_json(f"{run.group}/out/evaluation/latest.json", latest)
