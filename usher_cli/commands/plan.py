"""`usher plan`: the plan of a run."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from usher.storage.layout import config_keys

from usher_cli import show
from usher_cli.command import Command, group
from usher_cli.deployed_stack import DeployedStack
from usher_cli.drafts import draft_of
from usher_cli.output import Output
from usher_cli.preview import Preview


def add_arguments(parser: ArgumentParser) -> None:
    """Add the group, and another config."""
    group(parser)
    parser.add_argument("--config", type=Path, metavar="FILE", help="plan with this config instead of the bucket's")


def plan(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Show the plan of a run now: actions, reasons, duration and cost."""
    bucket: Any = stack.bucket
    if options.config:
        keys = config_keys(options.group)
        key = next((key for key in keys if key in bucket.keys(key)), keys[0])
        content, label = options.config.read_bytes(), str(options.config)
        bucket = Preview(bucket.s3, bucket.name, {key: content}, labels={key: label})
    drafted = draft_of(stack, options.group, bucket)
    output.document({**drafted.findings, "isWork": drafted.is_work}, lambda console, _: show.draft(console, drafted))
    return 0


COMMANDS = (
    Command(
        "plan",
        plan,
        {
            "usher plan films": "the plan of a run now",
            "usher plan films --config usher.yaml": "the same with another config than the bucket's",
        },
        add_arguments,
    ),
)
