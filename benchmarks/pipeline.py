"""From a drop to live recommendations on the local cloud, and the API's latency after it.

Run it with `python -m benchmarks.pipeline`; it uses MovieLens 100K, as the demo does. The API's latency is compared
with that of a direct call of the campaign: the ratio is the cost of Usher's layers (signature, gateway, function).
"""

import time
from collections.abc import Callable
from typing import Any

from botocore.credentials import Credentials

from benchmarks.report import quantile, report
from usher_local.cloud.server import LocalCloud
from usher_local.demo.__main__ import CACHE, GROUP
from usher_local.demo.caller import Caller
from usher_local.demo.movielens import fetch, prepare

REQUESTS = 500


def milliseconds(call: Callable[[int], object]) -> list[float]:
    """Sorted latencies of REQUESTS calls, one after the other."""
    latencies = []
    for number in range(REQUESTS):
        start = time.perf_counter()
        call(number)
        latencies.append((time.perf_counter() - start) * 1000)
    return sorted(latencies)


def run() -> list[dict[str, float | str]]:
    """Measure a first run, the same bytes again, and requests."""
    data = prepare(fetch(CACHE), CACHE / "prepared")
    rows: list[dict[str, float | str]] = []
    with LocalCloud(aws_port=0, api_port=0) as cloud:
        stepfunctions, s3 = cloud.client("stepfunctions"), cloud.client("s3")
        earlier: set[str] = set()
        for name in ("first run", "same bytes again"):
            start = time.perf_counter()
            s3.upload_file(str(data.interactions), cloud.outputs["BucketName"], f"{GROUP}/interactions.csv")
            arns = ended(stepfunctions, cloud.outputs["PipelineArn"], earlier)
            seconds = time.perf_counter() - start
            types = max((event_types(stepfunctions, arn) for arn in arns), key=len)
            earlier |= arns
            rows += [
                {"what": f"{name}, seconds", "value": round(seconds, 2)},
                {"what": f"{name}, state transitions", "value": sum(one.endswith("StateEntered") for one in types)},
                {"what": f"{name}, Lambda invocations", "value": types.count("TaskScheduled")},
            ]
        keys = Credentials(cloud.environment["AWS_ACCESS_KEY_ID"], cloud.environment["AWS_SECRET_ACCESS_KEY"])
        api = Caller(cloud.outputs["ApiUrl"], cloud.environment["AWS_DEFAULT_REGION"], keys)
        campaigns = cloud.client("personalize").list_campaigns()["campaigns"]
        arn = next(one["campaignArn"] for one in campaigns if "user-personalization" in one["name"])
        runtime = cloud.client("personalize-runtime")
        milliseconds(lambda number: api.get(f"/{GROUP}/recommendations/{number + 1}"))  # warm-up
        through = milliseconds(lambda number: api.get(f"/{GROUP}/recommendations/{number + 1}"))
        direct = milliseconds(lambda number: runtime.get_recommendations(campaignArn=arn, userId=str(number + 1)))
    for name, latencies in (("API", through), ("campaign, directly", direct)):
        rows += [{"what": f"{name}, p{q} ms", "value": round(quantile(latencies, q / 100), 1)} for q in (50, 99)]
    return [*rows, {"what": "API / direct, p50", "value": round(quantile(through, 0.5) / quantile(direct, 0.5), 2)}]


def ended(stepfunctions: Any, machine: str, earlier: set[str]) -> set[str]:
    """Wait for the end of executions that are not among the earlier ones. Returns their ARNs.

    S3 may report a drop twice.
    """
    while True:
        executions = stepfunctions.list_executions(stateMachineArn=machine)["executions"]
        new = {one["executionArn"]: one["status"] for one in executions if one["executionArn"] not in earlier}
        if new and "RUNNING" not in new.values():
            return set(new)
        time.sleep(0.02)


def event_types(stepfunctions: Any, arn: str) -> list[str]:
    """The types of the events in an execution's history."""
    pages = stepfunctions.get_paginator("get_execution_history").paginate(executionArn=arn)
    return [event["type"] for page in pages for event in page["events"]]


if __name__ == "__main__":
    report("pipeline", run())
