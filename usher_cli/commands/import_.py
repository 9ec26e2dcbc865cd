"""`usher import`: adopt a dataset group of Personalize."""

from argparse import ArgumentParser, Namespace

from usher_cli import show
from usher_cli.actions.adoption import carry_out, config_text, has_files, plan_adoption, preview
from usher_cli.command import Command
from usher_cli.deployed_stack import DeployedStack
from usher_cli.existing import read_existing
from usher_cli.group_names import valid_group
from usher_cli.output import Output


def add_arguments(parser: ArgumentParser) -> None:
    """Add the dataset group, and whether to adopt it."""
    parser.add_argument("dataset_group", metavar="dataset-group", help="the name of a dataset group of Personalize")
    parser.add_argument("--group", help="the name of the group in Usher (default: the same)")
    parser.add_argument("--adopt", action="store_true", help="tag the resources; put config and data into the bucket")
    parser.add_argument("--from-stack", default="", metavar="NAME", help="also adopt resources of this stack")
    parser.add_argument(
        "--anyway",
        action="store_true",
        help="even if a run would then change something, or CloudFormation manages a resource",
    )


def take_over(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Print the config for a dataset group of Personalize; with --adopt, let Usher manage it."""
    group, personalize = valid_group(options.group or options.dataset_group), stack.clients["personalize"]
    existing = read_existing(personalize, options.dataset_group, group)
    text, has_own_files = config_text(existing), options.adopt and has_files(stack.bucket, group)
    if not has_own_files:
        output.print_value(text.rstrip("\n"), "config")
        for note in existing.notes:
            output.note(f"Note: {note}")
    if options.adopt:
        bucket = preview(stack, group, existing, "" if has_own_files else text)
        adoption = plan_adoption(stack, group, existing, bucket, from_stack=options.from_stack, anyway=options.anyway)
        for sentence in adoption.sentences():
            output.note(sentence)
        show.draft(output.notes, adoption.drafted)
        carry_out(adoption)
        for sentence in adoption.end():
            output.note(sentence)
    return 0


COMMANDS = (
    Command(
        "import",
        take_over,
        {
            "usher import old-films --group films": "the config for a dataset group of Personalize",
            "usher import old-films --group films --adopt": "take it over",
        },
        add_arguments,
        changes="with --adopt: tags, and files in the bucket",
        needs_group=False,
    ),
)
