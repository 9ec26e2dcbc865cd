"""Recommendations for many users in one request: each user has an answer or an error of their own."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from usher.errors import RequestError
from usher.routes import ROUTES
from usher.serving.requests import check_names, checked_ids

MAX_USERS = 100
THREADS = 10
"""The number of threads: a boto3 client keeps as many connections."""
SECONDS = 8.0
"""The seconds after which the remaining users get an error: the function ends after ten."""


def answer_each(
    options: Mapping[str, Any],
    answer: Callable[[Mapping[str, Any]], dict[str, Any]],
    as_error: Callable[[Exception], Any],
    seconds: float = SECONDS,
) -> dict[str, Any]:
    """`{"users": [{userId, ...answer} or {userId, error: {code, message}}, ...]}`, in the order of `userIds`.

    `answer` answers the options for one user. Raises RequestError for a list that can't be read, and the error that all
    users have, if they all have the same.
    """
    check_names(ROUTES["many-users"], options)
    users = checked_ids(options["userIds"], "userIds", MAX_USERS)
    rest = {name: value for name, value in options.items() if name != "userIds"}
    executor = ThreadPoolExecutor(THREADS)
    answers = [executor.submit(answer, {**rest, "userId": user}) for user in users]
    wait(answers, timeout=seconds)
    executor.shutdown(wait=False, cancel_futures=True)
    late = RequestError(503, "Unavailable", "There was no time left for this user. Request fewer at a time.")
    errors = [one.exception() if one.done() and not one.cancelled() else late for one in answers]
    if errors[0] and len({repr(error) for error in errors}) == 1:
        raise errors[0]
    return {
        "users": [
            {"userId": user, **({"error": as_error(error)} if isinstance(error, Exception) else one.result())}
            for user, one, error in zip(users, answers, errors, strict=True)
        ]
    }
