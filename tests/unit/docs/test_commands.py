"""Every command in the documentation exists, with its options."""

import contextlib
import io
import re
import shlex
from collections.abc import Iterator

import pytest
from botocore import xform_name
from botocore.session import get_session

from tests.unit.docs.test_docs import FENCED, PAGES, STACK, anchors
from usher_cli.arguments import make_parser

ALARMS = [name for name, one in STACK["Resources"].items() if one["Type"] == "AWS::CloudWatch::Alarm"]
INLINE = re.compile(r"`((?:\./)?usher|aws|sam) ([^`]+)`")
STARTS = {"usher", "./usher", "aws", "sam"}
ENDS = {"|", "&&", "||", ";", ">", "<", ")", "}", ">>"}
GLOBAL = {"--query", "--output", "--max-items", "--cli-binary-format", "--endpoint-url"}
"""Options that every `aws` command has."""
HIGH_LEVEL = {"s3"}
"""Commands of `aws` that are not operations of a service."""
OTHERS = {"docs/cli.md", "docs/decisions.md"}
"""Pages with the command's own synopsis, and with past commands."""
SAM = {"build", "delete", "deploy", "package", "sync", "validate"}


def commands(text: str) -> Iterator[list[str]]:
    """The commands in a page's shell blocks, and in its sentences."""
    for language, code in FENCED.findall(text):
        if language in {"bash", "sh", "shell"}:
            for line in code.replace("\\\n", " ").splitlines():
                yield from in_line(line)
    for program, rest in INLINE.findall(FENCED.sub("", text)):
        yield from in_line(f"{program} {' '.join(rest.split())}")


def in_line(line: str) -> Iterator[list[str]]:
    """Every command of a line, also those inside $(...). A placeholder, `<dataset group>`, is a word."""
    named = re.sub(r"<([\w ]+)>", lambda match: match[1].replace(" ", "-"), line)
    lexer = shlex.shlex(named, posix=True, punctuation_chars="|&;<>(){}")
    lexer.whitespace_split, lexer.commenters = True, "#"
    words: list[str] = []
    for word in [*lexer, ";"]:
        if word in ENDS:
            if words and words[0] in STARTS:
                yield words
            words = []
        elif word in STARTS and not words:
            words = [word]
        elif words:
            words.append(word)


def complaint(words: list[str]) -> str:
    """The reason why a command does not exist, or "". A sentence may name one without its arguments."""
    program, *arguments = words
    if "..." in arguments or not arguments:
        return ""
    if program == "aws":
        return "" if arguments[0] in HIGH_LEVEL else aws_complaint(*arguments)
    if program == "sam":
        return "" if arguments[0] in SAM else f"sam has no command {arguments[0]}"
    output = io.StringIO()
    with contextlib.redirect_stderr(output), contextlib.redirect_stdout(output):
        try:
            make_parser().parse_args(arguments)
        except SystemExit as end:
            return output.getvalue() if end.code and "are required" not in output.getvalue() else ""
    return ""


def aws_complaint(service: str, operation: str, *options: str) -> str:
    """The missing and the unknown parameters of an operation of AWS."""
    model = get_session().get_service_model(service)
    names = {xform_name(name, "-"): name for name in model.operation_names}
    if operation not in names:
        return f"{service} has no operation {operation}"
    shape = model.operation_model(names[operation]).input_shape
    members = {f"--{xform_name(name, '-')}" for name in shape.members} if shape else set()
    required = {f"--{xform_name(name, '-')}" for name in shape.required_members} if shape else set()
    given = {option for option in options if option.startswith("--")}
    return ", ".join(sorted(given - members - GLOBAL) + [f"{name} is missing" for name in required - given])


@pytest.mark.parametrize("page", sorted(PAGES.keys() - OTHERS))
def test_every_command_of_a_page_exists(page: str) -> None:
    wrong = [(words, why) for words in commands(PAGES[page]) if (why := complaint(words))]
    assert wrong == []


@pytest.mark.parametrize("alarm", ALARMS)
def test_every_alarm_has_a_runbook_with_a_command_and_names_it(alarm: str) -> None:
    page = PAGES["docs/operations.md"]
    heading = re.search(r'docs/operations\.md, "([^"]+)"', STACK["Resources"][alarm]["Properties"]["AlarmDescription"])
    assert heading, "the alarm's description names no section"
    [anchor] = anchors(f"# {heading[1]}")
    assert re.search(rf"^\| `{alarm}` \| [^|]+ \| \[[^]]+\]\(#{anchor}\) \|$", page, re.M)
    section = re.search(rf"^#+ {re.escape(heading[1])}\n(.*?)(?=^#+ |\Z)", page, re.M | re.S)
    assert section
    assert list(commands(section[1]))


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("./usher status films | head", [["./usher", "status", "films"]]),
        ("X=$(aws sqs list-queues) ./usher cost", [["aws", "sqs", "list-queues"], ["./usher", "cost"]]),
        ("call -d x # usher status", []),
        ("sam build && sam deploy --guided", [["sam", "build"], ["sam", "deploy", "--guided"]]),
    ],
)
def test_commands_are_found_in_a_line(line: str, found: list[list[str]]) -> None:
    assert list(in_line(line)) == found


@pytest.mark.parametrize(
    "line",
    ["usher stauts films", "usher status --jsn", "aws sqs purge --queue-url x", "aws sqs purge-queue", "sam destroy"],
)
def test_missing_names_are_found(line: str) -> None:
    assert complaint(line.split())
