"""What an evaluation's contenders are asked, and how campaigns are asked it: at a steady rate, and resumably."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError

from usher.aws import error_code
from usher.evaluation.plan import Home
from usher.evaluation.predictions import LONGEST

PART = 1000
"""Answers of a campaign that are written down at a time."""
FOR_NOW = {"ThrottlingException", "ServiceUnavailable", "InternalFailure"}
"""What a campaign answers when it is asked too fast."""
BACK_OFF = (1, 2, 4, 8, 16)
"""Seconds to wait before it is asked again, beyond what the client has waited."""
Line = Mapping[str, Any]


def lines(kind: str, users: Sequence[str], newest: Mapping[str, str], popular: Sequence[str]) -> Iterator[Line]:
    """The lines of a batch inference job's input: `users`, `items` or `rankings`.

    `newest`: the newest item that each user has, of those who have one; `popular`: what is to be ranked.
    Related items are asked for once for each item that is somebody's newest.
    """
    match kind:
        case "users":
            yield from ({"userId": user} for user in users)
        case "items":
            yield from ({"itemId": item} for item in dict.fromkeys(newest[user] for user in users if user in newest))
        case "rankings":
            yield from ({"userId": user, "itemList": list(popular)} for user in users)


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign that is asked line by line, as a batch inference job would be. `runtime` is a boto3 client."""

    runtime: Any
    arn: str
    requests_per_second: float

    def answer(self, home: Home, kind: str, folder: str, is_late: Callable[[], bool]) -> bool:
        """Write the answers to an input that are not there yet. False: it is late, and there is more to ask."""
        done = sum(map(home.bucket.count_lines, home.bucket.keys(home.key(f"output/{folder}/"))))
        keys = home.bucket.keys(home.key(f"input/{kind}/"))
        asked = (json.loads(line) for key in keys for line in home.bucket.lines(key))
        rest = islice(asked, done, None)
        while part := list(islice(rest, PART)):
            answers = list(self._answers(part, is_late))
            text = "".join(json.dumps(answer, ensure_ascii=False) + "\n" for answer in answers)
            home.bucket.write(home.key(f"output/{folder}/{done:09}.out"), text.encode())
            done += len(answers)
            if len(answers) < len(part):
                return False
        return True

    def _answers(self, part: Sequence[Line], is_late: Callable[[], bool]) -> Iterator[dict[str, Any]]:
        pauses: Sequence[float] = BACK_OFF
        for line in part:
            start = time.monotonic()
            answer = self._ask(line, pauses)
            pauses = () if answer["error"] else BACK_OFF  # who has been waited for in vain is not waited for again
            yield {"input": line, **answer}
            if is_late():
                return
            time.sleep(max(0, 1 / self.requests_per_second - (time.monotonic() - start)))

    def _ask(self, line: Line, pauses: Sequence[float]) -> dict[str, Any]:
        try:
            return {"output": {"recommendedItems": self._recommended(line)}, "error": None}
        except (ClientError, HTTPClientError) as error:
            passes = isinstance(error, HTTPClientError) or error_code(error) in FOR_NOW
            if not pauses or not passes:
                message = str(error) if isinstance(error, HTTPClientError) else error.response["Error"]["Message"]
                return {"output": None, "error": message}
        time.sleep(pauses[0])
        return self._ask(line, pauses[1:])

    def _recommended(self, line: Line) -> list[str]:
        if "itemList" in line:
            told = self.runtime.get_personalized_ranking(
                campaignArn=self.arn, userId=line["userId"], inputList=line["itemList"]
            )["personalizedRanking"]
        else:
            told = self.runtime.get_recommendations(campaignArn=self.arn, numResults=LONGEST, **line)["itemList"]
        return [one["itemId"] for one in told]
