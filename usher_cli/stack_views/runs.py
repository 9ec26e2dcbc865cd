"""The runs of a group: pages of them, and a view of one with its stages and its expected end."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple, TypedDict

from usher.aws import now
from usher.errors import UsherError
from usher.evaluation.files import EvaluationFiles
from usher.reports.evaluation_page import verdict
from usher.resources.kinds import Resource
from usher.resources.plan import Plan
from usher.resources.states import STAGES
from usher.run_record import Outcome, ResourceEstimate, RunRecord, StateRecord
from usher.run_summary import RunSummary, summarize
from usher.runs.naming import EVALUATION, EXPORT
from usher.runs.record import Run
from usher.storage.layout import export_prefix

from usher_cli.deployed_stack import DeployedStack
from usher_cli.parallel import in_parallel

PAGE_SIZE = 20
SETTLED = {"READY", "HELD", "FAILED", "SKIPPED", "DELETED"}
"""Statuses of resources that take no more time."""
MINUTE = 60


class RunRow(TypedDict):
    """A run in a list."""

    run: str
    what: str
    """`pipeline`, `evaluation` or `export <solution>`."""
    outcome: Outcome
    startedAt: str
    seconds: float
    """The seconds from its start to its end, or until now."""
    headline: str
    """The first problem, blocked version or change, in one line."""
    cost: float | None
    """US dollars; None if it is not known."""


class RunPage(TypedDict):
    """Some runs of a group, newest first."""

    rows: list[RunRow]
    older: str
    """The run with which the next page begins; empty if there is no older one."""


class OtherRun(TypedDict):
    """The last run of an export, or of the evaluations."""

    run: str
    what: str
    """The kind of the run, as in a RunRow."""
    outcome: Outcome
    startedAt: str
    headline: str
    """The result in one line."""
    place: str
    """The s3:// address of its files; empty: it has published none."""


class Step(TypedDict):
    """A resource of a run."""

    id: str
    action: str
    status: str
    reason: str
    remedy: str
    minutes: float
    """The usual minutes; 0: there is nothing to do, or it takes no time."""
    waited: float
    """The seconds in its status, at the last pass."""


class StageView(TypedDict):
    """A stage of a run, `import`, `train`, `export` or `delete`, with its resources in their order."""

    stage: str
    steps: list[Step]


class ExpectedEnd(NamedTuple):
    """The expected end of a running run, from the usual durations of its resources."""

    at: datetime
    is_late: bool
    """Whether a resource takes longer than usual."""


class RunView(TypedDict):
    """The view of a run."""

    summary: RunSummary
    what: str
    execution: str
    stages: list[StageView]
    expectedEnd: str
    """ISO time; empty: it has ended, or is still being planned."""
    late: bool
    """Whether a resource takes longer than usual, so that the end is unknown."""
    result: list[str]
    """The result of an export or an evaluation, in sentences."""
    page: str
    """The s3:// address of the run's page, and below it the link to it in the console."""


def runs_from(stack: DeployedStack, group: str, newest: str = "") -> RunPage:
    """The runs from a named one on, or from the newest on. A call for each, and one for the list."""
    runs = [run for run in reversed(stack.all_runs(group)) if not newest or run.name <= newest]
    records = in_parallel(Run.read_or_empty, runs[:PAGE_SIZE])
    return {
        "rows": [_row(record) for record in records if record],
        "older": runs[PAGE_SIZE].name if len(runs) > PAGE_SIZE else "",
    }


def run_view(stack: DeployedStack, group: str, name: str) -> RunView:
    """A run by its name. Raises UsherError if there is none."""
    run = Run(stack.bucket, group, name)
    record = run.read()
    if not record:
        raise UsherError(
            f"{group} has no run {name}. Its folder lists all runs: {stack.bucket.url(f'{group}/out/runs/')}"
        )
    plan = run.plan_or_none()
    end = expected_end(plan, record, now()) if plan and record["outcome"] == "RUNNING" else None
    return {
        "summary": summarize(record),
        "what": kind_of_run(name),
        "execution": record["execution"],
        "stages": list(stages_of(plan.resources if plan else (), record)),
        "expectedEnd": end.at.isoformat() if end else "",
        "late": end.is_late if end else False,
        "result": list(_result(run, record)),
        "page": run.link,
    }


def last_others(stack: DeployedStack, group: str) -> list[OtherRun]:
    """The last export of each solution, and the last evaluation, by name."""
    newest = {kind_of_run(run.name): run for run in stack.runs(group, others=True)}
    records = in_parallel(Run.read_or_empty, newest.values())
    return [_other_run(stack, what, record) for what, record in sorted(zip(newest, records, strict=True)) if record]


def _other_run(stack: DeployedStack, what: str, record: RunRecord) -> OtherRun:
    solution = what.partition(" ")[2]
    folder = export_prefix(record["group"], solution) if solution else f"{record['group']}/out/evaluation/"
    published = bool(record.get("export")) if solution else record["outcome"] == "SUCCEEDED"
    return {
        "run": record["run"],
        "what": what,
        "outcome": record["outcome"],
        "startedAt": record["startedAt"],
        "headline": headline(summarize(record)) or record.get("summary", "").partition("\n")[0],
        "place": stack.bucket.url(f"{folder}{record['run']}/") if published else "",
    }


def _result(run: Run, record: RunRecord) -> Iterator[str]:
    """The result of an export or an evaluation, in sentences."""
    if manifest := record.get("export"):
        yield f"{manifest['rows']:,d} recommendations of {manifest['lines']:,d} lines; {manifest['errors']:,d} failed."
        yield from (run.bucket.url(one["key"]) for one in manifest["files"])
    if run.name.endswith(EVALUATION) and (report := EvaluationFiles.of(run).read_report()):
        yield from verdict(report)
        yield EvaluationFiles.of(run).url("report.html")


def kind_of_run(name: str) -> str:
    """The kind of a run, by its name."""
    tail = name.partition("Z-")[2][5:]
    if name.endswith(EXPORT):
        return f"export {tail.removesuffix(EXPORT)}"
    return "evaluation" if name.endswith(EVALUATION) else "pipeline"


def headline(run: RunSummary) -> str:
    """The first problem, blocked version, present work or change, in one line."""
    problems = [f"{one['place']}: {one['message']}" for one in [*run["problems"], *run["held"]]]
    return next(iter([*problems, *filter(None, [run["progress"], "; ".join(run["done"])]), *run["notes"]]), "")


def stages_of(planned: Iterable[Resource], record: RunRecord) -> Iterator[StageView]:
    """The stages of a run, and its deletions, without those that have nothing to do. Pure."""
    stage_of = {one.id: one.stage for one in planned}
    estimate = record.get("estimate")
    rows = estimate["resources"] if estimate else {}
    found: dict[str, list[Step]] = {stage: [] for stage in (*STAGES, "delete")}
    for state in record.get("resources", ()):
        found[stage_of.get(state["id"], STAGES[-1])].append(_step(state, rows))
    found["delete"] = [_step(state, {}) for state in record.get("deletions", ())]
    return ({"stage": stage, "steps": steps} for stage, steps in found.items() if steps)


def expected_end(plan: Plan, record: RunRecord, at: datetime) -> ExpectedEnd | None:
    """The expected end of a run, as of a time: the longest chain of the remaining work. Pure.

    None while the run is being planned. A resource that takes longer than usual counts as nearly done.
    """
    estimate, states = record.get("estimate"), {one["id"]: one for one in record.get("resources", ())}
    if not estimate:
        return None
    ends: dict[str, float] = {}
    is_late = False
    for resource in plan.resources:
        state = states.get(resource.id)
        row = estimate["resources"].get(resource.id)
        usual = row["minutes"] * MINUTE if row else 0
        left = 0.0 if state and state["status"] in SETTLED else usual
        if state and state["status"] == "PENDING":
            waited = state.get("waited", 0)
            is_late = is_late or waited > usual
            left = max(usual - waited, 0)
        ends[resource.id] = left + max((ends.get(need, 0) for need in resource.needs), default=0)
    return ExpectedEnd(at + timedelta(seconds=max(ends.values(), default=0)), is_late)


def _row(record: RunRecord) -> RunRow:
    summary = summarize(record)
    ended = datetime.fromisoformat(summary["endedAt"]) if summary["endedAt"] else now()
    return {
        "run": record["run"],
        "what": kind_of_run(record["run"]),
        "outcome": record["outcome"],
        "startedAt": record["startedAt"],
        "seconds": (ended - datetime.fromisoformat(record["startedAt"])).total_seconds(),
        "headline": headline(summary) or record.get("summary", "").partition("\n")[0],
        "cost": summary["cost"].get("cost"),
    }


def _step(state: StateRecord, rows: Mapping[str, ResourceEstimate]) -> Step:
    """A state; one that is READY has the action and the reason of the plan, as its own are those of `reuse`."""
    row = rows.get(state["id"])
    return {
        "id": state["id"],
        "action": row["action"] if row else state["action"],
        "status": state["status"],
        "reason": row["reason"] if row and state["status"] == "READY" else state.get("reason", ""),
        "remedy": state.get("remedy", ""),
        "minutes": row["minutes"] if row else 0,
        "waited": state.get("waited", 0),
    }
