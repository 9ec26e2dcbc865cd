"""Requests to the models: lines of a batch job's input, and campaigns that answer such lines one by one."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError

from usher.clients import PersonalizeRuntimeClient
from usher.evaluation.files import EvaluationFiles
from usher.evaluation.predictions import MAX_RESULTS

BATCH_SIZE = 1000
"""The number of a campaign's predictions in one file."""
Line = Mapping[str, Any]


def input_lines(kind: str, users: Sequence[str], newest: Mapping[str, str], popular: Sequence[str]) -> Iterator[Line]:
    """The lines of a batch inference job's input: `users`, `items` or `rankings`.

    `newest`: each user's last item, for users with any; `popular`: the items to be ranked. An item that is the last of
    several users has one line.
    """
    match kind:
        case "users":
            yield from ({"userId": user} for user in users)
        case "items":
            yield from ({"itemId": item} for item in dict.fromkeys(newest[user] for user in users if user in newest))
        case "rankings":
            yield from ({"userId": user, "itemList": list(popular)} for user in users)


@dataclass(frozen=True, slots=True)
class CampaignClient:
    """Sends requests to a campaign at a steady rate, for recipes without batch inference: no ranking is among them.

    `runtime` is a boto3 client, which retries throttled requests.
    """

    runtime: PersonalizeRuntimeClient
    arn: str
    requests_per_second: float
    sleep: Callable[[float], object] = time.sleep

    def predict(self, files: EvaluationFiles, kind: str, folder: str, is_late: Callable[[], bool]) -> bool:
        """Write the predictions for the lines of an input that have none yet. False: the time is up, and lines remain.

        Output files are like those of a batch inference job, errors included.
        """
        done = sum(map(files.bucket.count_lines, files.bucket.keys(files.key(f"output/{folder}/"))))
        keys = files.bucket.keys(files.key(f"input/{kind}/"))
        lines = (json.loads(line) for key in keys for line in files.bucket.lines(key))
        remaining = islice(lines, done, None)
        while batch := list(islice(remaining, BATCH_SIZE)):
            predictions = list(self._predict_batch(batch, is_late))
            text = "".join(json.dumps(prediction, ensure_ascii=False) + "\n" for prediction in predictions)
            files.bucket.write(files.key(f"output/{folder}/{done:09}.out"), text.encode())
            done += len(predictions)
            if len(predictions) < len(batch):
                return False
        return True

    def _predict_batch(self, batch: Sequence[Line], is_late: Callable[[], bool]) -> Iterator[Line]:
        for line in batch:
            start = time.monotonic()
            yield {"input": line, **self._predict_line(line)}
            if is_late():
                return
            self.sleep(max(0, 1 / self.requests_per_second - (time.monotonic() - start)))

    def _predict_line(self, line: Line) -> Line:
        try:
            return {"output": {"recommendedItems": self._request(line)}, "error": None}
        except ClientError as error:
            return {"output": None, "error": error.response["Error"]["Message"]}
        except HTTPClientError as error:
            return {"output": None, "error": str(error)}

    def _request(self, line: Line) -> list[str]:
        items = self.runtime.get_recommendations(campaignArn=self.arn, numResults=MAX_RESULTS, **line)["itemList"]
        return [item["itemId"] for item in items]
