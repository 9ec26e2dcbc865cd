"""CloudWatch's metrics of logs, functions, state machines, the API, Personalize and queues.

The gap upstream (moto 5.2.5): only PutMetricData makes metrics. Names, units and dimension sets are those of the
services' guides. A metric that counts events has a point for each event, and none of 0.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import wraps
from types import MappingProxyType
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends
from moto.core.exceptions import JsonRESTError
from moto.logs.models import LogsBackend
from moto.sqs.models import sqs_backends
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution

from usher_local.cloud.aws_lambda.functions import Answer, Lambdas
from usher_local.cloud.aws_lambda.limits import ThrottledError
from usher_local.cloud.cloudwatch import emf, metric_queries
from usher_local.cloud.cloudwatch.alarms import TICK_SECONDS, Alarms, acting
from usher_local.cloud.cloudwatch.metrics import Dimensions, Values, listed, milliseconds, put
from usher_local.cloud.core import backends
from usher_local.cloud.core.patching import replaced
from usher_local.cloud.core.ticking import ticking
from usher_local.cloud.eventbridge.scheduler import utc_now
from usher_local.cloud.http_api.gateway import HttpApi
from usher_local.cloud.http_api.stages import api_sets
from usher_local.personalize.core.errors import PersonalizeError
from usher_local.personalize.models import PersonalizeBackend, personalize_backends
from usher_local.personalize.responses import _Response

# https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
ENDS = MappingProxyType(
    {
        ExecutionStatus.SUCCEEDED: "ExecutionsSucceeded",
        ExecutionStatus.FAILED: "ExecutionsFailed",
        ExecutionStatus.TIMED_OUT: "ExecutionsTimedOut",
        ExecutionStatus.ABORTED: "ExecutionsAborted",
    }
)
# https://docs.aws.amazon.com/personalize/latest/dg/cloudwatch-metrics.html
JOBS = MappingProxyType({"DatasetImportJob": "DatasetImportJob", "SolutionVersion": "SolutionTrainingJob"})
"""The measured kinds of Personalize's resources, and the prefixes of their metrics."""
CALLS = MappingProxyType(
    {
        "GetRecommendations": ("GetRecommendations", "GetRecommendationsLatency"),
        "GetPersonalizedRanking": ("GetPersonalizedRanking", "GetPersonalizedRankingLatency"),
        "PutEvents": ("PutEventsRequests", "PutEventLatency"),
    }
)
"""The measured operations: the metrics of their successes and of their latency."""


@contextmanager
def measuring() -> Iterator[Alarms]:
    """Make metrics, answer queries, and evaluate alarms every ten seconds, until the block ends."""
    with ExitStack() as stack:
        stack.enter_context(metric_queries.answered())
        stack.enter_context(acting())
        for owner, name, value in (
            (LogsBackend, "put_log_events", extracting(LogsBackend.put_log_events)),
            (Lambdas, "invoke", invocations(Lambdas.invoke)),
            (Execution, "start", starts(Execution.start)),
            (Execution, "stop", ends(Execution.stop)),
            (BaseExecutionWorkerCommunication, "terminated", ends(BaseExecutionWorkerCommunication.terminated)),
            (HttpApi, "_invoke_lambda_function", integrations(HttpApi._invoke_lambda_function)),
            (PersonalizeBackend, "create", creations(PersonalizeBackend.create)),
            (_Response, "_answer", calls(_Response._answer)),
        ):
            stack.enter_context(replaced(owner, name, value))
        alarms = Alarms(utc_now, Gauges().collect)
        stack.enter_context(ticking("alarms", TICK_SECONDS, alarms.tick))
        yield alarms


def extracting(put_log_events: Any) -> Any:
    """PutLogEvents that makes metrics of events in the embedded metric format."""

    @wraps(put_log_events)
    def extract(backend: Any, group: str, stream: str, log_events: list[dict[str, Any]]) -> Any:
        answer = put_log_events(backend, group, stream, log_events)
        for event in log_events:
            for one in emf.measured(event["message"], datetime.now(UTC)):
                datum = {
                    "MetricName": one.name,
                    "Dimensions": listed(one.dimensions),
                    "Values": one.values,
                    "Unit": one.unit,
                    "Timestamp": one.time.replace(tzinfo=None),
                }
                cloudwatch_backends[backend.account_id][backend.region_name].put_metric_data(one.namespace, [datum])
        return answer

    return extract


def invocations(invoke: Any) -> Any:
    """Measured invocations of functions: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html"""
    running: Counter[str] = Counter()
    lock = threading.Lock()

    @wraps(invoke)
    def measured(lambdas: Lambdas, function: Any, event: str, arn: str = "") -> Answer:
        name, qualifier = function.function_name, arn.split(":")[7:]
        sets: list[Dimensions] = [{}, {"FunctionName": name}]
        if qualifier:
            sets.append({"FunctionName": name, "Resource": f"{name}:{qualifier[0]}"})
        with lock:
            running[name] += 1
            values = {"ConcurrentExecutions": float(running[name])}
        began = time.monotonic()
        try:
            answer: Answer = invoke(lambdas, function, event, arn)
        except ThrottledError:
            values = {"Throttles": 1.0}
            raise
        else:
            values |= {"Invocations": 1.0, "Errors": float(answer.errored), "Duration": milliseconds(began)}
        finally:
            with lock:
                running[name] -= 1
            put("AWS/Lambda", values, sets, function.account_id, function.region)
        return answer

    return measured


def starts(start: Any) -> Any:
    """The measured start of an execution."""

    @wraps(start)
    def started(execution: Any) -> None:
        put_of(execution, {"ExecutionsStarted": 1.0})
        start(execution)

    return started


def ends(method: Any) -> Any:
    """A method that may end an execution (its own, or its owner's), with metrics of the end."""

    @wraps(method)
    def end(owner: Any, *arguments: Any, **named: Any) -> None:
        execution = getattr(owner, "execution", owner)
        before = execution.exec_status
        method(owner, *arguments, **named)
        if before == ExecutionStatus.RUNNING and execution.exec_status in ENDS:
            lasted = (execution.stop_date - execution.start_date).total_seconds() * 1000
            put_of(execution, {ENDS[execution.exec_status]: 1.0, "ExecutionTime": lasted})

    return end


def put_of(execution: Any, values: Values) -> None:
    """Write values of an execution's state machine."""
    dimensions = {"StateMachineArn": execution.state_machine.arn}
    put("AWS/States", values, [dimensions], execution.account_id, execution.region_name)


def integrations(invoke: Any) -> Any:
    """The measured calls of functions by the API."""

    @wraps(invoke)
    def measured(http_api: Any, name: str, event: Mapping[str, Any], *arguments: Any) -> Any:
        began = time.monotonic()
        try:
            return invoke(http_api, name, event, *arguments)
        finally:
            values = {"IntegrationLatency": milliseconds(began)}
            put("AWS/ApiGateway", values, api_sets(event["requestContext"]["apiId"]))

    return measured


def creations(create: Any) -> Any:
    """The measured start of imports and trainings."""

    @wraps(create)
    def created(backend: Any, name: str, params: Mapping[str, Any]) -> Any:
        resource = create(backend, name, params)
        if name in JOBS:
            put_of_job(backend, resource, {"Requests": 1.0})
        return resource

    return created


def put_of_job(backend: Any, resource: Any, values: Values) -> None:
    """Write values of an import or a training, under names that begin with its kind."""
    if resource.kind.name == "DatasetImportJob":
        group = backend.group_of(resource)
        about = {
            "DatasetGroupArn": group,
            "DatasetArn": resource.values["datasetArn"],
            "DatasetImportJobArn": resource.arn,
        }
    else:
        about = {"SolutionArn": resource.values["solutionArn"], "SolutionVersionArn": resource.arn}
    named = {f"{JOBS[resource.kind.name]}{name}": value for name, value in values.items()}
    put("AWS/Personalize", named, [about], backend.account_id, backend.region_name)


def calls(answer_of: Any) -> Any:
    """The measured requests for recommendations, and events."""

    @wraps(answer_of)
    def measured(response: Any, operation: str, answer: Any) -> Any:
        if operation not in CALLS:
            return answer_of(response, operation, answer)
        began = time.monotonic()
        succeeded, latency = CALLS[operation]
        values = {f"{operation}5xxErrors": 1.0}
        try:
            result = answer_of(response, operation, answer)
            values = {succeeded: 1.0, latency: milliseconds(began)}
        except (PersonalizeError, JsonRESTError):
            values = {f"{operation}4xxErrors": 1.0}
            raise
        finally:
            account, region = response.current_account, response.region
            if dimensions := about(personalize_backends[account][region], response.body):
                put("AWS/Personalize", values, [dimensions], account, region)
        return result

    return measured


def about(backend: Any, body: bytes) -> dict[str, str]:
    """The dimensions of a request to Personalize: its campaign or event tracker, if that exists."""
    try:
        params = json.loads(body)
        wanted = {"Campaign": params.get("campaignArn"), "EventTracker": params.get("trackingId")}
    except (ValueError, AttributeError):
        return {}
    for kind, name in wanted.items():
        for one in backend.find(kind) if isinstance(name, str) else ():
            if name in (one.arn, one.values.get("trackingId")):
                return {f"{kind}Arn": one.arn}
    return {}


class Gauges:
    """Metrics that need polling: those of queues, and of the ends of Personalize's jobs."""

    def __init__(self) -> None:
        self._ended = {resource.arn for _, resource in jobs() if not resource.life.pending}

    def collect(self) -> None:
        """Write the current values."""
        for backend, resource in jobs():
            if resource.arn not in self._ended and not resource.life.pending:
                self._ended.add(resource.arn)
                life = resource.life
                lasted = max(life.minutes * 60, life.clock.simulated_seconds(life.worked - life.created))
                failed = resource.status == "CREATE FAILED"
                put_of_job(backend, resource, {"ExecutionTime": lasted} | ({"Error": 1.0} if failed else {}))
        for account, region, backend in backends.every(sqs_backends):
            for name, queue in list(backend.queues.items()):
                sent = min((one.sent_timestamp for one in list(queue._messages)), default=None)
                values = {
                    "ApproximateNumberOfMessagesVisible": float(len(queue.messages)),
                    "ApproximateAgeOfOldestMessage": 0.0 if sent is None else max(0.0, time.time() - sent / 1000),
                }
                put("AWS/SQS", values, [{"QueueName": name}], account, region)


def jobs() -> list[tuple[Any, Any]]:
    """Personalize's measured resources, with their backends."""
    return [
        (backend, resource)
        for _, _, backend in backends.every(personalize_backends)
        for resource in list(backend.resources.values())
        if resource.kind.name in JOBS
    ]
