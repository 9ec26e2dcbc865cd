"""The whole local cloud on the smallest stack that uses all of it."""

import base64
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from usher_local.clock import Clock
from usher_local.cloud.access.credentials import client
from usher_local.cloud.server import LocalCloud

TEMPLATE = Path(__file__).parent / "fixtures/stack/template.yaml"
NIGHT = datetime(2026, 7, 1, 0, 0, tzinfo=UTC)


class Time:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = NIGHT

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def night() -> Time:
    return Time()


@pytest.fixture(scope="module")
def cloud(night: Time) -> Iterator[LocalCloud]:
    with LocalCloud(TEMPLATE, 0, 0, Clock(600), {"Greeting": "good day"}, night) as cloud:
        yield cloud


def eventually(found: Callable[[], Any]) -> Any:
    """The first result of `found` that is true."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if result := found():
            return result
        time.sleep(0.02)
    raise AssertionError("it did not happen")


def execution_with(cloud: LocalCloud, wanted: Callable[[Any], bool]) -> Any:
    """The ended execution of the flow whose input is `wanted`."""
    states = cloud.client("stepfunctions")

    def found() -> Any:
        for listed in states.list_executions(stateMachineArn=cloud.outputs["FlowArn"])["executions"]:
            execution = states.describe_execution(executionArn=listed["executionArn"])
            if execution["status"] != "RUNNING" and wanted(json.loads(execution["input"])):
                return execution
        return None

    return eventually(found)


def start(cloud: LocalCloud, **given: Any) -> str:
    states = cloud.client("stepfunctions")
    started = states.start_execution(stateMachineArn=cloud.outputs["FlowArn"], input=json.dumps(given))
    arn: str = started["executionArn"]
    return arn


def invoke(cloud: LocalCloud, **event: Any) -> tuple[str | None, Any]:
    answer = cloud.client("lambda").invoke(FunctionName=cloud.outputs["WorkName"], Payload=json.dumps(event))
    return answer.get("FunctionError"), json.loads(answer["Payload"].read())


def call(
    cloud: LocalCloud, method: str, path: str, body: bytes = b"", secret: str | None = "", token: str | None = None
) -> tuple[int, Any]:
    """Status and answer of the API; signed by the developer, with another `secret`, or (None) unsigned."""
    request = AWSRequest(method, cloud.outputs["ApiUrl"] + path, data=body or None)
    if secret is not None:
        key = cloud.environment["AWS_ACCESS_KEY_ID"]
        credentials = Credentials(key, secret or cloud.environment["AWS_SECRET_ACCESS_KEY"], token)
        SigV4Auth(credentials, "execute-api", "us-east-1").add_auth(request)
    connection = HTTPConnection(urlsplit(cloud.outputs["ApiUrl"]).netloc)
    with closing(connection):
        connection.request(method, path, body or None, dict(request.headers.items()))
        response = connection.getresponse()
        return response.status, json.loads(response.read())


def test_a_drop_starts_one_execution_that_waits_retries_and_succeeds(cloud: LocalCloud) -> None:
    bucket = cloud.outputs["BucketName"]
    began = time.monotonic()
    cloud.client("s3").put_object(Bucket=bucket, Key="in/a b.csv", Body=b"x")
    cloud.client("s3").put_object(Bucket=bucket, Key="elsewhere/a.csv", Body=b"x")
    execution = execution_with(cloud, lambda given: "detail" in given)
    assert execution["status"] == "SUCCEEDED"
    output = json.loads(execution["output"])
    assert output["doubled"] == [2, 4, 6]
    assert output["greeting"] == "good day"
    assert output["event"]["detail"]["object"]["key"] == "in/a b.csv"
    assert datetime.fromisoformat(output["started"]) == execution["startDate"].replace(
        microsecond=execution["startDate"].microsecond // 1000 * 1000
    )
    assert time.monotonic() - began < 15  # a wait of 60 s and two retries after 60 s, on a clock of 600
    arns = cloud.client("stepfunctions").list_executions(stateMachineArn=cloud.outputs["FlowArn"])["executions"]
    assert len(arns) == 1


def test_a_caught_error_ends_the_execution_with_the_functions_own_words(cloud: LocalCloud) -> None:
    start(cloud, do="break")
    execution = execution_with(cloud, lambda given: given.get("do") == "break")
    assert (execution["status"], execution["error"], execution["cause"]) == ("FAILED", "BrokenError", "it is broken")


@pytest.mark.parametrize(
    ("name", "limit", "key", "outcome"),
    [
        ("map-1", 3, "in/numbers.json", ("SUCCEEDED", None)),
        ("map-2", 2, "in/numbers.json", ("FAILED", "States.ExceedToleratedFailureThreshold")),
        ("map-3", 3, "elsewhere/numbers.json", ("FAILED", "States.ItemReaderFailed")),
        ("forbidden", 3, "in/numbers.json", ("FAILED", "States.Permissions")),
    ],
)
def test_a_distributed_map_reads_as_its_role_and_fails_with_its_executions(
    cloud: LocalCloud, name: str, limit: int, key: str, outcome: tuple[str, str | None]
) -> None:
    bucket, states = cloud.outputs["BucketName"], cloud.client("stepfunctions")
    cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=b"[1, 2, 3]")
    choices = [{"Condition": f"{{% $states.input.number <= {limit} %}}", "Next": "Good"}]
    each = {
        "Type": "Map",
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "JSON"},
            "Arguments": {"Bucket": bucket, "Key": key},
        },
        "ItemSelector": {"number": "{% $states.context.Map.Item.Value %}"},
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "Small?",
            "States": {
                "Small?": {"Type": "Choice", "Choices": choices, "Default": "Bad"},
                "Good": {"Type": "Succeed"},
                "Bad": {"Type": "Fail", "Error": "TooLarge"},
            },
        },
        "End": True,
    }
    definition = {"QueryLanguage": "JSONata", "StartAt": "Each", "States": {"Each": each}}
    made = states.create_state_machine(
        name=name, definition=json.dumps(definition), roleArn=cloud.outputs["FlowRoleArn"]
    )
    arn = states.start_execution(stateMachineArn=made["stateMachineArn"])["executionArn"]
    running = {"RUNNING"}
    ended = eventually(lambda: (one := states.describe_execution(executionArn=arn))["status"] not in running and one)
    assert (ended["status"], ended.get("error")) == outcome


def test_a_schedule_fires_once_when_it_is_due_in_its_own_time_zone(cloud: LocalCloud, night: Time) -> None:
    night.now = NIGHT + timedelta(minutes=59)
    assert cloud.scheduler.tick() == 0
    night.now = NIGHT + timedelta(minutes=61)
    assert cloud.scheduler.tick() + cloud.scheduler.tick() <= 1  # otherwise, the ticker of the cloud was faster
    execution = execution_with(cloud, lambda given: "at" in given)
    assert json.loads(execution["input"]) == {"at": "2026-07-01T01:00:00Z"}


def test_a_function_error_keeps_its_class_and_the_worker(cloud: LocalCloud) -> None:
    _, before = invoke(cloud)
    errored, answer = invoke(cloud, do="break")
    assert (errored, answer["errorType"], answer["errorMessage"]) == ("Unhandled", "BrokenError", "it is broken")
    assert invoke(cloud)[1]["pid"] == before["pid"]


@pytest.mark.parametrize("event", [{"do": "exit"}, {"do": "sleep", "seconds": 9}], ids=["exits", "is killed"])
def test_a_lost_worker_is_an_exit_error_and_the_next_call_gets_a_fresh_one(
    cloud: LocalCloud, event: dict[str, Any]
) -> None:
    pid = invoke(cloud)[1]["pid"]
    killer = threading.Timer(1, os.kill, (pid, 9)) if event["do"] == "sleep" else threading.Timer(0, lambda: None)
    killer.start()
    errored, answer = invoke(cloud, **event)
    killer.join()
    assert (errored, answer["errorType"]) == ("Unhandled", "Runtime.ExitError")
    errored, answer = invoke(cloud)
    assert errored is None
    assert answer["pid"] != pid


def test_a_function_that_takes_too_long_is_timed_out(cloud: LocalCloud) -> None:
    functions, name = cloud.client("lambda"), cloud.outputs["WorkName"]
    functions.update_function_configuration(FunctionName=name, Timeout=1)
    try:
        errored, answer = invoke(cloud, do="sleep", seconds=60)
    finally:
        functions.update_function_configuration(FunctionName=name, Timeout=30)
    assert (errored, answer["errorType"]) == ("Unhandled", "Sandbox.Timedout")
    assert "timed out after 1.00 seconds" in answer["errorMessage"]


def test_an_event_invocation_returns_at_once_and_logs_to_the_functions_own_group(cloud: LocalCloud) -> None:
    event = json.dumps({"do": "print", "text": "a line"})
    name = cloud.outputs["WorkName"]
    answer = cloud.client("lambda").invoke(FunctionName=name, Payload=event, InvocationType="Event")
    assert answer["StatusCode"] == 202
    logs = cloud.client("logs")

    def printed() -> bool:
        events = logs.filter_log_events(logGroupName=cloud.outputs["LogGroup"])["events"]
        return any("printed a line" in event["message"] for event in events)

    assert eventually(printed)


@pytest.mark.parametrize(
    ("deed", "error"), [("scan", "AccessDeniedException"), ("read a secret", "AccessDenied")], ids=["table", "bucket"]
)
def test_actions_outside_a_functions_role_are_denied(cloud: LocalCloud, deed: str, error: str) -> None:
    _, answer = invoke(cloud, do=deed)
    assert error in (answer["errorType"], answer["errorMessage"].partition("(")[2].partition(")")[0])


def test_a_signed_request_reaches_the_function_as_payload_2(cloud: LocalCloud) -> None:
    status, answer = call(cloud, "GET", "/g%20x/things/caf%C3%A9?b=1&a=2%20x&a=3")
    event = answer["event"]
    assert status == 200
    assert event["routeKey"] == "GET /{group}/things/{thing}"
    assert event["pathParameters"] == {"group": "g x", "thing": "café"}
    assert event["queryStringParameters"] == {"a": "2 x,3", "b": "1"}
    assert event["requestContext"]["authorizer"]["iam"]["userArn"].endswith(":user/developer")
    assert "body" not in event


def test_a_posted_body_arrives(cloud: LocalCloud) -> None:
    status, answer = call(cloud, "POST", "/g/things", b'{"x": 1}')
    assert (status, answer["event"]["body"]) == (200, '{"x": 1}')


@pytest.mark.parametrize(
    "given", [{"secret": None}, {"secret": "x" * 40}, {"token": "made-up"}], ids=["unsigned", "wrong secret", "token"]
)
def test_an_unsigned_request_is_forbidden(cloud: LocalCloud, given: dict[str, Any]) -> None:
    assert call(cloud, "GET", "/g/things/1", **given) == (403, {"message": "Forbidden"})


@pytest.mark.parametrize(("method", "path"), [("GET", "/nowhere"), ("PUT", "/g/things/1")])
def test_an_unknown_route_is_not_found(cloud: LocalCloud, method: str, path: str) -> None:
    assert call(cloud, method, path) == (404, {"message": "Not Found"})


def test_a_failing_function_is_an_internal_server_error(cloud: LocalCloud) -> None:
    assert call(cloud, "GET", "/g/things/1?fail=1") == (500, {"message": "Internal Server Error"})


def test_a_request_is_in_the_access_log_of_the_stage(cloud: LocalCloud) -> None:
    call(cloud, "GET", "/g/things/logged")
    events = cloud.client("logs").filter_log_events(logGroupName=cloud.outputs["ApiLogGroup"])["events"]
    assert "GET /{group}/things/{thing} /g/things/logged 200" in [event["message"] for event in events]


def test_ten_callers_at_once_are_all_answered(cloud: LocalCloud) -> None:
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda thing: call(cloud, "GET", f"/g/things/{thing}?sleep=0.05"), range(20)))
    assert [status for status, _ in answers] == [200] * 20
    assert [answer["event"]["pathParameters"]["thing"] for _, answer in answers] == [str(n) for n in range(20)]


def test_callers_beyond_the_concurrency_get_service_unavailable(cloud: LocalCloud) -> None:
    functions = cloud.client("lambda")
    name = next(
        one["FunctionName"] for one in functions.list_functions()["Functions"] if "Answer" in one["FunctionName"]
    )
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        assert call(cloud, "GET", "/g/things/1") == (503, {"message": "Service Unavailable"})
        keys = cloud.environment["AWS_ACCESS_KEY_ID"], cloud.environment["AWS_SECRET_ACCESS_KEY"]
        once = client("lambda", cloud.endpoint, Credentials(*keys), Config(retries={"total_max_attempts": 1}))
        with pytest.raises(ClientError, match=r"TooManyRequestsException.*Rate Exceeded\."):
            once.invoke(FunctionName=name, Payload=b"{}")
    finally:
        functions.delete_function_concurrency(FunctionName=name)


def test_the_api_calls_the_alias_and_the_function_sees_its_arn(cloud: LocalCloud) -> None:
    _, answer = call(cloud, "GET", "/g/things/1")
    assert answer["arn"].endswith(":live")
    assert answer["version"] == "1"


def test_an_event_that_fails_three_times_is_left_in_the_dead_letter_queue(cloud: LocalCloud) -> None:
    event = json.dumps({"do": "break"})
    cloud.client("lambda").invoke(FunctionName=cloud.outputs["WorkName"], Payload=event, InvocationType="Event")
    sqs, queue = cloud.client("sqs"), cloud.outputs["QueueUrl"]

    def left() -> Any:
        return sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"]).get("Messages")

    (message,) = eventually(left)
    assert json.loads(message["Body"]) == {"do": "break"}
    assert message["MessageAttributes"]["ErrorMessage"]["StringValue"] == "it is broken"
    logs = cloud.client("logs").filter_log_events(logGroupName=cloud.outputs["LogGroup"])["events"]
    requests = {json.loads(one["message"])["requestId"] for one in logs if "it is broken" in one["message"]}
    assert len(requests) >= 3


def test_a_destination_gets_the_error(cloud: LocalCloud) -> None:
    functions, sqs, queue = cloud.client("lambda"), cloud.client("sqs"), cloud.outputs["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    name = cloud.outputs["WorkName"]
    functions.put_function_event_invoke_config(
        FunctionName=name, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    functions.invoke(FunctionName=name, Payload=json.dumps({"do": "break"}), InvocationType="Event")

    def record() -> Any:
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", ())
        bodies = [json.loads(message["Body"]) for message in messages]
        return next((body for body in bodies if "requestContext" in body), None)

    failure = eventually(record)
    functions.delete_function_event_invoke_config(FunctionName=name)
    assert failure["requestContext"]["condition"] == "RetriesExhausted"
    assert failure["requestContext"]["approximateInvokeCount"] == 1
    assert failure["requestPayload"] == {"do": "break"}
    assert failure["responsePayload"]["errorType"] == "BrokenError"


def test_the_end_of_the_log_comes_with_the_answer_on_request(cloud: LocalCloud) -> None:
    event = json.dumps({"do": "print", "text": "a line"})
    answer = cloud.client("lambda").invoke(FunctionName=cloud.outputs["WorkName"], Payload=event, LogType="Tail")
    assert base64.b64decode(answer["LogResult"]) == b"printed a line\n"
    assert answer["ExecutedVersion"] == "$LATEST"


@pytest.mark.parametrize(
    ("service", "operation", "given"),
    [
        ("iam", "generate_service_last_accessed_details", {"Arn": "arn:aws:iam::123456789012:role/x"}),
        ("health", "describe_events", {}),
    ],
)
def test_an_operation_that_is_not_there_is_refused_in_a_line(
    cloud: LocalCloud, service: str, operation: str, given: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client = cloud.client(service)
    with pytest.raises(client.exceptions.ClientError, match=r"NotImplemented.*The local cloud does not have this"):
        getattr(client, operation)(**given)
    (line,) = [one for one in caplog.records if one.name == "usher_local.cloud.services.unknown_operations"]
    assert line.exc_info is None
    assert "Traceback" not in caplog.text


def test_the_stack_reports_its_resources(cloud: LocalCloud) -> None:
    (stack,) = cloud.client("cloudformation").describe_stacks(StackName="usher")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]} == cloud.outputs
    assert cloud.outputs["ApiUrl"].startswith("http://127.0.0.1:")
    versioning = cloud.client("s3").get_bucket_versioning(Bucket=cloud.outputs["BucketName"])
    assert versioning["Status"] == "Enabled"
    assert len(cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]) == 1
    with pytest.raises(ClientError, match="ResourceNotFound"):
        cloud.client("lambda").invoke(FunctionName="nothing")


# The last test here, since its function continues for a while.
def test_a_running_execution_can_be_stopped_even_while_its_function_runs(cloud: LocalCloud) -> None:
    arn = start(cloud, do="sleep", seconds=1.5)
    states = cloud.client("stepfunctions")
    states.stop_execution(executionArn=arn)
    assert states.describe_execution(executionArn=arn)["status"] == "ABORTED"
