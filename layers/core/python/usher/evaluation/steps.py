"""The steps of an evaluation, as its state machine takes them. Each may be repeated, and continues where it stopped."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from usher.clients import Clients, PersonalizeRuntimeClient
from usher.costs.ceilings import Ceilings
from usher.costs.ledger import Spending
from usher.datasets.read_limits import LIMITS, ReadLimits
from usher.errors import InputError
from usher.evaluation.athena_split import Athena
from usher.evaluation.files import EvaluationFiles
from usher.evaluation.options import Options
from usher.evaluation.preparation import is_deleted, prepare_evaluation
from usher.evaluation.score_step import score_contenders
from usher.evaluation.split_step import split_interactions
from usher.resources.target import Target
from usher.runs.naming import EVALUATION, group_of_input, run_name
from usher.runs.notifications import EVENT, NOTIFICATION, Channels
from usher.runs.record import Run
from usher.serving.serving_map import ServingMaps
from usher.storage.bucket import Bucket


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Evaluations of a stack. `runtime` is a boto3 client of Personalize's runtime."""

    bucket: Bucket
    serving: ServingMaps
    spending: Spending
    ceilings: Ceilings
    arn_prefix: str
    """arn:aws:personalize:<region>:<account>"""
    role_arn: str
    """The ARN of PersonalizeRole."""
    clients: Clients
    """Clients of Personalize, and of Service Quotas."""
    runtime: PersonalizeRuntimeClient
    athena: Athena | None
    """None: interactions are split in memory."""
    max_bytes: int
    """The bytes of interactions that the function's memory holds."""
    channels: Channels
    limits: ReadLimits = LIMITS

    def prepare(self, content: Mapping[str, Any], execution: str, started_at: str) -> dict[str, Any]:
        """Plan the comparison. `content`: the execution's input."""
        options, run = Options.from_input(content), self._run(content, execution, started_at)
        run.begin(execution)
        at = Target(run.group, run.name, self.arn_prefix, self.role_arn, bucket_url=self.bucket.url(""))
        try:
            serving, past = self.serving.read(run.group), self.spending.of(run.group)
            prepared = prepare_evaluation(
                self.bucket, at, self.clients, serving, options, self.ceilings, past, self.limits
            )
            self.ceilings.order(self.spending, run.group, run.name, prepared.estimate)
        except InputError as error:
            run.update({"data": error.report, "problems": error.as_dicts()})
            return {"group": run.group, "run": run.name, "ready": False}
        run.write_plan(prepared.plan_with_copies(run, self.limits))
        run.update(prepared.findings)
        return {"group": run.group, "run": run.name, "ready": True}

    def split(self, group: str, run: str, is_late: Callable[[], bool]) -> dict[str, Any]:
        """Hold out a part of the interactions; return `ready`, or the seconds to wait before the next call."""
        try:
            wait = split_interactions(Run(self.bucket, group, run), self.athena, self.max_bytes, is_late)
        except InputError as error:
            Run(self.bucket, group, run).update({"problems": error.as_dicts()})
            return {"ready": False, "waitSeconds": None}
        return {"ready": wait is None, "waitSeconds": wait}

    def score(self, group: str, run: str, is_late: Callable[[], bool]) -> dict[str, Any]:
        """Get the predictions of campaigns while there is time; write the report once all are there."""
        run_ = Run(self.bucket, group, run)
        return {"written": score_contenders(run_, self.clients["personalize"], self.runtime, self.max_bytes, is_late)}

    def publish(
        self, content: Mapping[str, Any], execution: str, started_at: str, error: Mapping[str, str] | None
    ) -> dict[str, Any]:
        """Conclude the run and notify once all its resources are deleted. `error`: of the execution."""
        run = self._run(content, execution, started_at)
        record = run.read_or_empty()
        plan = run.find_plan()
        if plan and not is_deleted(plan, record):
            return {"outcome": "RUNNING", "cause": ""}
        record = run.conclude(execution, error, channels_for=lambda _: [NOTIFICATION, EVENT])
        try:
            self.channels.deliver(run, record)
        finally:
            EvaluationFiles.of(run).delete_intermediate()
        return {"outcome": "CLEARED" if "clearUp" in content else record["outcome"], "cause": record["summary"]}

    def _run(self, content: Mapping[str, Any], execution: str, started_at: str) -> Run:
        """The execution's run, the same however often a step is repeated; or the run to clean up."""
        name = run_name(execution, EVALUATION, datetime.fromisoformat(started_at))
        return Run(self.bucket, group_of_input(content), content.get("clearUp", name))
