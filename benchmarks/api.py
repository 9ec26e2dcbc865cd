"""The overhead of the API's functions over a call of Personalize: time, memory, and processor time.

Run it with `python -m benchmarks.api`. Each function runs in a process of its own, on the Python and with the packages
that the local cloud gives it. A server of this process stands for Personalize and DynamoDB and answers at once, so that
the figures are those of the function, the client and the loopback. The service is called alone and through the handler
in turn: for a group without a catalogue, and for one with it and details, whose campaign is up or down. Every user gets
other items, so that the function never has them in memory.
"""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any

from usher.filters.compiled import compiled
from usher.filters.grammar import parse_filter

from benchmarks.lambda_python import ROOT, command, environment
from benchmarks.report import quantile, report

FUNCTIONS = ("recommendations", "ranking")
FILTER = 'INCLUDE ItemID WHERE Items.GENRE IN ("Drama") AND Items.YEAR > 1990'
REQUESTS = 500
RESULTS = 25
SERVED = {
    "solutions": {
        "for-you": {"type": "USER_PERSONALIZATION", "campaignArn": "arn:up", "solutionVersionArn": "arn:s/v"},
        "ranking": {"type": "PERSONALIZED_RANKING", "campaignArn": "arn:up", "solutionVersionArn": "arn:r/v"},
    },
    "filters": {"genre": "arn:f"},
    "filterRules": {"arn:f": compiled(parse_filter(FILTER))},
    "exports": {"for-you": {"table": True}},
}
FACTS = {
    "columns": {"L": [{"S": name} for name in ("TITLE", "GENRE", "YEAR")]},
    "items": {"BOOL": True},
    "users": {"BOOL": True},
}
ENTRY = {"values": {"S": json.dumps({"TITLE": "Saving Private Ryan", "GENRE": "Drama|War", "YEAR": 1998})}}


def listed(user: str, count: int) -> list[str]:
    """The items in a user's list."""
    return [f"item-{user}-{number}" for number in range(count)]


def item(group: str, name: str) -> dict[str, Any]:
    """An item of the table, in DynamoDB's form."""
    if name == "serving":
        return {"map": {"S": json.dumps(SERVED).replace("arn:up", f"arn:{group}")}}
    if name == "catalogue":
        return FACTS if "catalogue" in group else {}
    if name == "export":
        answer = {"recommendedItems": listed(group.rpartition("#")[2], 500), "scores": [0.01] * 500}
        return {"answer": {"S": json.dumps(answer)}, "expires": {"N": "99999999999"}}
    return {}


class Service(BaseHTTPRequestHandler):
    """Answers as Personalize and DynamoDB. Campaigns whose ARN ends in `down` are down."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Answer a call."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "Key" in body:
            key = {name: value["S"] for name, value in body["Key"].items()}
            found = item(key["group"], key["item"])
            self._send(200, {"Item": {**body["Key"], **found}} if found else {})
        elif "RequestItems" in body:
            found = {
                name: [{"group": key["group"], **ENTRY} for key in wanted["Keys"]]
                for name, wanted in body["RequestItems"].items()
            }
            self._send(200, {"Responses": found, "UnprocessedKeys": {}})
        elif "KeyConditionExpression" in body:
            self._send(200, {"Items": [{"item": {"S": "user"}}], "Count": 1})
        elif body["campaignArn"].endswith("down"):
            self._send(503, {"message": "down"})
        else:
            ids = body.get("inputList") or listed(body["userId"], body.get("numResults", RESULTS))
            items = [{"itemId": one, "score": 0.01} for one in ids]
            self._send(200, {"itemList": items, "personalizedRanking": items, "recommendationId": "RID-1"})

    def _send(self, status: int, content: object) -> None:
        text = json.dumps(content).encode()
        head = f"HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
        self.wfile.write(head.encode() + text)

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@contextmanager
def serving() -> Iterator[str]:
    """The address of a server that stands for Personalize and DynamoDB."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def started(name: str, endpoint: str, requests: int) -> subprocess.Popen[str]:
    """A process that runs a function."""
    script = str(Path(__file__).with_name("api_function.py"))
    variables = {"AWS_ENDPOINT_URL": endpoint, "PERSONALIZE_MILLISECONDS": "3000"}
    return subprocess.Popen(  # noqa: S603 - our own
        command(script, str(ROOT / "functions" / name), str(requests)),
        env=environment(variables),
        stdout=subprocess.PIPE,
        text=True,
    )


def measured(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The measurements of a function's process."""
    output, _ = process.communicate()
    if process.returncode:
        raise SystemExit(output)
    found: dict[str, Any] = json.loads(output.splitlines()[-1])  # the log comes first
    return found


def row(name: str, found: dict[str, Any]) -> dict[str, float | str]:
    """The row of a function."""
    took = found["took"]
    work = over(took, "handler")
    mean = sum(work) / len(work)
    known = over(took, "catalogue")
    stored, filtered = (
        sorted(took.get(name, {}).get("processor", ())) for name in ("catalogue and fallback", "filtered")
    )
    return {
        "function": name,
        "import CPU ms": round(found["import"]),
        "modules": found["modules"],
        "memory MB": round(found["memory"]),
        "service p50 ms": round(median(took["service"]["clock"]), 1),
        "handler / service, p50": round(median(took["handler"]["clock"]) / median(took["service"]["clock"]), 2),
        "own work p50, CPU ms": round(quantile(work, 0.5), 2),
        "p99": round(quantile(work, 0.99), 2),
        "requests/s of it on two cores": round(2000 / mean),
        "with catalogue p50, CPU ms": round(quantile(known, 0.5), 2),
        "p99 of it": round(quantile(known, 0.99), 2),
        "from an export p50, CPU ms": round(quantile(stored, 0.5), 2) if stored else "",
        "p99 of that": round(quantile(stored, 0.99), 2) if stored else "",
        "and filtered p50, CPU ms": round(quantile(filtered, 0.5), 2) if filtered else "",
        "its p99": round(quantile(filtered, 0.99), 2) if filtered else "",
    }


def over(took: dict[str, Any], call: str) -> list[float]:
    """Sorted milliseconds of processor time by which calls exceed the median call of the service."""
    usual = median(took["service"]["processor"])
    return sorted(one - usual for one in took[call]["processor"])


def run(requests: int = REQUESTS) -> Iterator[dict[str, float | str]]:
    """The row of each function."""
    with serving() as endpoint:
        for name in FUNCTIONS:
            yield row(name, measured(started(name, endpoint, requests)))


if __name__ == "__main__":
    report("api", list(run()))
