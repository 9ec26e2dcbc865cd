"""`usher validate`: check a folder's files as a run does."""

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rich.console import Console
from usher.errors import UsherError

from usher_cli import show
from usher_cli.command import OK, Command
from usher_cli.deployed_stack import DeployedStack
from usher_cli.folder import checked
from usher_cli.group_names import add_folder, group_of_folder
from usher_cli.output import Output


def validate(_stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Check the data and config of a folder as a run does. It needs neither a stack nor AWS."""
    group = group_of_folder(options.folder, options.group)
    inputs = checked(options.folder, group)
    if inputs is None:
        raise UsherError(f"{options.folder} has no interactions.csv, which every run needs: docs/files.md.")
    warnings = [one for about in inputs.report.values() for one in about["findings"]]
    found = {
        "group": group,
        "data": {name: {"rows": one["rows"], "columns": one["columns"]} for name, one in inputs.report.items()},
        "solutions": [one.name for one in inputs.config.solutions],
        "warnings": [asdict(one.problem) for one in warnings],
        "notes": [asdict(one) for one in inputs.notes],
    }

    def table(console: Console, found: Mapping[str, Any]) -> None:
        rows = [(name, f"{one['rows']:,d}", ", ".join(one["columns"])) for name, one in found["data"].items()]
        show.print_table(console, ("dataset", "rows", "columns"), rows)
        for kind in ("warnings", "notes"):
            show.print_problems(console, found[kind])
        output.say(f"A run takes these files. For its changes and costs: usher plan {group}, once they are dropped.")

    output.document(found, table)
    return OK


COMMANDS = (
    Command(
        "validate",
        validate,
        {"usher validate films/": "check data and config as a run does, without AWS"},
        add_folder,
        needs_group=False,
    ),
)
