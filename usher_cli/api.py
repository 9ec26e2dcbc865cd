"""Signed requests to the stack's HTTP API, and their answers as tables."""

import json
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import boto3
from rich.console import Console
from usher.errors import UsherError

from usher_cli import show
from usher_cli.command import OK
from usher_cli.degraded import remarks
from usher_cli.deployed_stack import DeployedStack
from usher_cli.output import Output
from usher_local.demo.caller import Caller, CallError

LISTS = ("itemList", "personalizedRanking", "actionList")
UNKNOWN = "Neither the group's files nor its events name this user or item: the list is not specific to it."


def api_of(stack: DeployedStack) -> Caller:
    """A caller of the stack's API, with the credentials of the environment."""
    session = boto3.Session()
    return Caller(stack.outputs["ApiUrl"], session.region_name, session.get_credentials())


def answer_to(call: Callable[[], Any]) -> Any:
    """The answer to a call of the API. Raises UsherError with the API's message."""
    try:
        return call()
    except CallError as error:
        body = error.body if isinstance(error.body, dict) else {"message": error.body}
        problem = body.get("error", body)
        text = problem.get("message") if isinstance(problem, dict) else problem
        raise UsherError(f"The API answers {error.status}: {text}") from None


def pair(text: str) -> tuple[str, str]:
    """A name and a value, such as GENRE=Comedy. Raises ArgumentTypeError for another text."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise ArgumentTypeError("it must be a name and a value, such as GENRE=Comedy")
    return name, value


def add_options(parser: ArgumentParser) -> None:
    """Add the options that all lists of items have."""
    parser.add_argument("--solution", help="the solution to ask (default: the first suitable one)")
    parser.add_argument("--filter", metavar="NAME", help="a filter of usher.yaml")
    parser.add_argument(
        "--value", type=pair, action="append", metavar="NAME=VALUE", help="a value for the filter's placeholder"
    )
    parser.add_argument(
        "--context", type=pair, action="append", metavar="NAME=VALUE", help="contextual metadata, such as DEVICE=phone"
    )
    parser.add_argument(
        "--details", metavar="COLUMNS", help="columns of the catalogue, such as TITLE,GENRES; true: all"
    )


def add_number(parser: ArgumentParser) -> None:
    """Add the option with the length of the list."""
    parser.add_argument("--results", type=int, metavar="N", help="the length of the list (default: 25)")


def given_options(options: Namespace) -> dict[str, Any]:
    """The options of a request that were given, by the API's names."""
    wanted = {
        "solution": options.solution,
        "filter": options.filter,
        "filterValues": options.value and dict(options.value),
        "context": options.context and dict(options.context),
        "details": options.details,
        "numResults": getattr(options, "results", None),
        "userId": getattr(options, "for_user", None),
    }
    return {name: value for name, value in wanted.items() if value is not None}


def get_list(stack: DeployedStack, group: str, route: str, options: Mapping[str, Any], output: Output) -> int:
    """Request a list of items and print it. IDs are sent in the query, in which every character is allowed."""
    query = {name: json.dumps(value) if isinstance(value, dict) else value for name, value in options.items()}
    answer = answer_to(lambda: api_of(stack).get(f"/{quote(group, safe='')}/{route}", **query))
    output.document(answer, show_list)
    return OK


def show_list(console: Console, answer: Mapping[str, Any]) -> None:
    """Print the items of an answer, and its source."""
    items: list[Any] = next((answer[name] for name in LISTS if name in answer), [])
    columns = list(dict.fromkeys(name for one in items for name in _cells(one)))
    if items:
        rows = ((rank, *(_cells(one).get(name, "") for name in columns)) for rank, one in enumerate(items, 1))
        show.print_table(console, ("", *columns), rows)
    else:
        console.print("Nothing is recommended.")
    origin = [answer.get("source", ""), answer.get("solution", "")]
    version = f", version {answer['solutionVersion']}" if answer.get("solutionVersion") else ""
    console.print(f"From: {' '.join(filter(None, origin))}{version}", soft_wrap=True, markup=False, style="dim")
    unknown = [UNKNOWN] if answer.get("known") is False else []
    for remark in (*unknown, *remarks(answer.get("degraded", {}))):
        console.print(remark, soft_wrap=True, markup=False, style="yellow")


def _cells(item: Mapping[str, Any]) -> dict[str, Any]:
    """The cells of an item: its ID, its score, and its details or metadata."""
    inner = {**item.get("metadata", {}), **item.get("details", {})}
    plain = {name: value for name, value in item.items() if not isinstance(value, dict)}
    return {name: _cell_text(value) for name, value in {**plain, **inner}.items()}


def _cell_text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:.4f}" if isinstance(value, float) else str(value)
