"""A function of the API in a process of its own, with Lambda's environment; benchmarks.api starts it.

Arguments: the function's folder, and the number of requests to time. Prints a JSON object, in milliseconds and
megabytes.
"""

import contextlib
import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

Call = Callable[[str], object]
"""A call with a user's ID."""
WARM_UP = 100
RESULTS = 25
CONTEXT = SimpleNamespace(function_name="f", aws_request_id="r")


def items(user: str) -> list[str]:
    """The items to rank for a user."""
    return [f"item-{user}-{number}" for number in range(RESULTS)]


def event(route: str, group: str, user: str, query: dict[str, str]) -> dict[str, Any]:
    """A request of the HTTP API in the form of API Gateway's event."""
    method, _, path = route.partition(" ")
    is_posted = method == "POST"
    values = {"group": group} if is_posted else {"group": group, "userId": user}
    body = json.dumps({**query, "userId": user, "items": items(user)}) if is_posted else None
    return {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path.format_map(values),
        "rawQueryString": "" if is_posted else urlencode(query),
        "headers": {"content-type": "application/json"},
        "queryStringParameters": {} if is_posted else query,
        "pathParameters": values,
        "requestContext": {
            "http": {"method": method, "path": path.format_map(values)},
            "stage": "$default",
            "authorizer": {"iam": {"accountId": "1"}},
        },
        "body": body,
        "isBase64Encoded": False,
    }


def answered(app: Any, route: str, group: str, **query: str) -> Call:
    """A request that the function must answer with a whole list."""

    def call(user: str) -> None:
        answer = app.lambda_handler(event(route, group, user, query), CONTEXT)
        body = json.loads(answer["body"])
        if answer["statusCode"] != 200 or len(body.get("itemList") or body["personalizedRanking"]) != RESULTS:
            raise SystemExit(str(answer))

    return call


def calls(app: Any, name: str) -> dict[str, Call]:
    """The calls to time: the call of Personalize alone, and the handler with it."""
    runtime = app.reader.campaigns.runtime
    if name == "ranking":
        route = "POST /{group}/rankings"
        return {
            "service": lambda user: runtime.get_personalized_ranking(
                campaignArn="arn:r", userId=user, inputList=items(user)
            ),
            "handler": answered(app, route, "up"),
            "catalogue": answered(app, route, "catalogue-up", details="TITLE"),
        }
    route = "GET /{group}/recommendations/{userId}"
    return {
        "service": lambda user: runtime.get_recommendations(campaignArn="arn:r", userId=user),
        "handler": answered(app, route, "up"),
        "catalogue": answered(app, route, "catalogue-up", details="TITLE"),
        "catalogue and fallback": answered(app, route, "catalogue-down", details="TITLE"),
        "filtered": answered(app, route, "catalogue-down", details="TITLE", filter="genre"),
    }


def timed(named: dict[str, Call], requests: int) -> dict[str, dict[str, list[float]]]:
    """Milliseconds of each call, by the clock and of processor time.

    Calls alternate, so that all have the same conditions, and each is of another user.
    """
    took: dict[str, dict[str, list[float]]] = {name: {"clock": [], "processor": []} for name in named}
    for number in range(WARM_UP + requests):
        for place, (name, call) in enumerate(named.items()):
            clock, processor = time.perf_counter(), time.process_time()
            call(f"u{number}-{place}")
            if number >= WARM_UP:
                took[name]["clock"].append((time.perf_counter() - clock) * 1000)
                took[name]["processor"].append((time.process_time() - processor) * 1000)
    return took


def main(folder: str, requests: int) -> dict[str, Any]:
    """Import the function, and time it."""
    sys.path.insert(0, folder)
    before, start = len(sys.modules), time.process_time()
    app = importlib.import_module("app")
    imported, modules = (time.process_time() - start) * 1000, len(sys.modules) - before
    named = calls(app, Path(folder).name)
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):  # metrics of degraded answers
        took = timed(named, requests)
    status = Path("/proc/self/status").read_text().splitlines()
    memory = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
    return {"import": imported, "modules": modules, "memory": memory, "took": took}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]))))
