"""`usher keys`: API keys, for senders that can't sign. A key is printed only once, when it is created."""

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime

from usher_cli import show
from usher_cli.actions import api_keys
from usher_cli.command import OK, Command, days, group, names, positive
from usher_cli.confirmation import perform
from usher_cli.deployed_stack import DeployedStack
from usher_cli.output import Output


def list_keys(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """List the API keys of a group, without their secrets."""
    found = [
        {
            "id": key.id,
            "name": key.name,
            "routes": list(key.routes),
            "perMinute": key.per_minute,
            "created": key.created,
            "former": [_moment(one["until"]) for one in key.hashes if one["until"] is not None],
        }
        for key in stack.keys.of(options.group)
    ]
    output.document(found, lambda console, keys: show.keys(console, options.group, keys))
    return OK


def add_creation(parser: ArgumentParser) -> None:
    """Add the group, and the purpose of the key."""
    group(parser)
    parser.add_argument("--name", required=True, help="the purpose of the key")
    parser.add_argument("--routes", required=True, type=names, help='such as "POST events,GET popular"')
    parser.add_argument(
        "--per-minute", type=positive, metavar="N", help="its limit of requests per minute (default: none)"
    )


def create_key(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Create an API key for a group and some routes. It is printed only once."""
    done = api_keys.create(stack, options.group, options.name, options.routes, options.per_minute).carry_out(
        output.note
    )
    if done.message:
        output.note(done.message)
    output.print_value(done.secret, "key")
    return OK


def add_key(parser: ArgumentParser) -> None:
    """Add the group and the key."""
    group(parser)
    parser.add_argument("key", help="the key's ID, as usher keys list shows it")


def add_rotation(parser: ArgumentParser) -> None:
    """Add the key, and the days for which its former secret stays valid."""
    add_key(parser)
    parser.add_argument(
        "--days", type=days, default=7, help="the days for which the old secret stays valid (default: 7; 0: none)"
    )


def rotate_key(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Give an API key a new secret; the old one stays valid for some days. The new key is printed only once."""
    done = api_keys.rotate(stack, options.group, options.key, options.days).carry_out(output.note)
    output.note(done.message)
    output.print_value(done.secret, "key")
    return OK


def revoke_key(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Delete an API key: requests with it are refused from then on. It asks first."""
    action = api_keys.revoke(stack, options.group, options.key)
    return perform(action, output, lambda done: {"revoked": options.key if done else None})


def _moment(seconds: object) -> str:
    """Unix seconds as an ISO time."""
    return datetime.fromtimestamp(int(str(seconds)), UTC).isoformat()


COMMANDS = (
    Command("keys list", list_keys, {"usher keys list films": "the API keys of a group, without their secrets"}),
    Command(
        "keys create",
        create_key,
        {
            'usher keys create films --name mail --routes "POST events" > key': "make a key, and keep it in a file",
            'usher keys create films --name page --routes "GET popular" --per-minute 600': "one with a limit",
        },
        add_creation,
        changes="the key",
    ),
    Command(
        "keys rotate",
        rotate_key,
        {"usher keys rotate films k3f81u0zq2 --days 2 > key": "a new secret; the old one expires in two days"},
        add_rotation,
        changes="the key",
    ),
    Command(
        "keys revoke",
        revoke_key,
        {"usher keys revoke films k3f81u0zq2 --yes": "delete a key without asking"},
        add_key,
        changes="the key",
        asks=True,
    ),
)
