"""`usher drop`: upload a folder of files."""

import os
from argparse import Namespace

from rich.console import Console
from usher.texts import number_of

from usher_cli.command import Command
from usher_cli.deployed_stack import DeployedStack
from usher_cli.drop import progress, read_folder, upload
from usher_cli.group_names import add_folder, group_of_folder
from usher_cli.output import Output


def drop(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Upload a folder of data and config as one drop, which starts one run."""
    group = group_of_folder(options.folder, options.group)
    dropped = read_folder(options.folder, group)
    for note in dropped.notes:
        output.note(f"Note: {note}")
    with progress(dropped.size) as advance:
        upload(stack.bucket, dropped, advance)
    document = {
        "group": group,
        "bucket": stack.bucket.name,
        "keys": list(dropped.files),
        "bytes": dropped.size,
        "settleSeconds": int(stack.parameters.get("SettleSeconds", "60")),
    }

    def show(console: Console, _: object) -> None:
        number = number_of(len(dropped.files), "file")
        clock = "seconds of the local cloud's fast clock" if os.environ.get("AWS_ENDPOINT_URL") else "seconds"
        console.print(
            f"Dropped {number} ({dropped.size / 1e6:,.1f} MB) into s3://{stack.bucket.name}/{group}/\n"
            f"The run begins when no other file has arrived for {document['settleSeconds']} {clock}. "
            f"To follow it: usher status {group} --follow",
            soft_wrap=True, markup=False,
        )  # fmt: skip

    output.document(document, show)
    return 0


COMMANDS = (
    Command(
        "drop",
        drop,
        {
            "usher drop films/": "upload a folder into the group of the same name",
            "usher drop data/ --group films": "upload it into another group",
        },
        add_folder,
        changes="files in the bucket; starts a run",
        needs_group=False,
    ),
)
