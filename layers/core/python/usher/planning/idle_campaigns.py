"""Idle campaigns that the config removes (`idle: table`): their exports in the table answer instead.

The task `idle` removes a campaign, and the task `wake` creates it again; the later one of the two counts. `watch`
requests the former for a campaign without a request for two weeks, and the latter after a request that the export can't
answer.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from usher.aws import now
from usher.config.model import Config, Solution
from usher.costs.traffic import Traffic, is_idle
from usher.errors import Problem
from usher.formats.strict_json import parse_strict
from usher.planning.tasks import RequestedTasks
from usher.runs.record import Run
from usher.serving.export_store import LIFETIME
from usher.serving.serving_map import ServedSolution
from usher.storage.bucket import Bucket
from usher.storage.layout import export_prefix


def without_idle(
    bucket: Bucket, group: str, config: Config, tasks: RequestedTasks
) -> tuple[Config, list[str], list[Problem]]:
    """The config without the removed campaigns, their ids, and notes on the requested removals."""
    requested = [one for one in config.solutions if is_let_go(one, tasks)]
    going = {one.name for one in requested if is_in_table(bucket, group, one.name)}
    solutions = (replace(one, campaign=None) if one.name in going else one for one in config.solutions)
    ids = [f"campaign/{name}" for name in sorted(going)]
    return replace(config, solutions=tuple(solutions)), ids, list(_notes(config, requested, going))


def is_let_go(solution: Solution, tasks: RequestedTasks) -> bool:
    """Whether tasks remove a solution's campaign. Pure."""
    idle, wake = (tasks.get(f"{task}#{solution.name}", {}).get("at", "") for task in ("idle", "wake"))
    return solution.idle == "table" and solution.campaign is not None and idle > wake


def is_in_table(bucket: Bucket, group: str, solution: str) -> bool:
    """Whether the newest export of a solution was loaded into the table, and less than half of its lifetime is over."""
    content = bucket.read(f"{export_prefix(group, solution)}latest.json")
    try:
        manifest = parse_strict(content.decode()) if content else {}
        plan = Run(bucket, group, str(manifest["run"])).plan_or_none()
        begun = datetime.fromisoformat(manifest["startedAt"])
    except (ValueError, KeyError, TypeError):
        return False
    spec = (plan.export or {}).get("spec", {}) if plan else {}
    return bool(spec.get("table")) and begun + LIFETIME / 2 > now()


def tasks_to_request(
    names: Sequence[str],
    served: Mapping[str, ServedSolution],
    traffic: Mapping[str, Traffic],
    tasks: RequestedTasks,
    demand: Mapping[str, str],
    at: datetime,
) -> Iterator[dict[str, str]]:
    """The tasks to request now for solutions whose idle campaigns the config removes. Pure.

    `names`: the solutions; `served`: the serving map's; `traffic`: by campaign's ARN; `demand`: the ISO time of the
    last request that needed a campaign, by solution. The removal of a campaign that still exists is requested once a
    day.
    """
    yesterday = (at - timedelta(days=1)).isoformat()
    for name in names:
        entry = served.get(name, {})
        idle, wake = (tasks.get(f"{task}#{name}", {}).get("at", "") for task in ("idle", "wake"))
        measured = traffic.get(entry.get("campaignArn") or "")
        if entry.get("idle") and idle > wake and demand.get(name, "") > idle:
            yield {"task": "wake", "solution": name}
        elif measured and is_idle(measured) and "answeredBy" not in entry and idle < yesterday:
            yield {"task": "idle", "solution": name}


def _notes(config: Config, requested: list[Solution], going: set[str]) -> Iterator[Problem]:
    for one in requested:
        place = f"{config.file}: solutions.{one.name}.idle"
        if one.name in going:
            message = "table: the campaign had no request for two weeks, so its export answers instead."
            remedy = "It is created again within an hour of a request that the export can't answer."
        else:
            message = "table: the campaign is idle, but stays: no export of the last month is in the table."
            remedy = f"Start the export of {one.name}."
        yield Problem(place, message, remedy)
