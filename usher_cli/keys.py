"""`usher keys`: API keys, for senders that can't sign. A key itself is printed once, when it is made."""

import argparse
from datetime import UTC, datetime, timedelta

from rich.console import Console
from usher.errors import UsherError
from usher.storage.bucket import as_json

from usher_cli import show
from usher_cli.deployed_stack import DeployedStack


def list_keys(stack: DeployedStack, options: argparse.Namespace, console: Console) -> int:
    """Show the API keys of a group: what they are for, not the keys themselves."""
    found = [
        {
            "id": key.id,
            "name": key.name,
            "routes": list(key.routes),
            "created": key.created,
            "former": [_moment(one["until"]) for one in key.hashes if one["until"] is not None],
        }
        for key in stack.keys.of(options.group)
    ]
    if options.json:
        print(as_json(found))  # noqa: T201 - to be read by a program
    else:
        show.keys(console, options.group, found)
    return 0


def create_key(stack: DeployedStack, options: argparse.Namespace, console: Console) -> int:
    """Make an API key for a group and some routes. It is printed once, and nobody can read it again."""
    if options.group not in stack.serving.groups():
        raise UsherError(f"There is no group {options.group}, or no run of it has published yet.")
    text = stack.keys.create(options.group, options.name, options.routes)
    if "KeyApiUrl" not in stack.outputs:
        console.print("The API takes keys once the stack is deployed with ApiKeys=ENABLED.", soft_wrap=True)
    print(text)  # noqa: T201 - to be piped to where it is kept
    return 0


def rotate_key(stack: DeployedStack, options: argparse.Namespace, console: Console) -> int:
    """Give an API key a new secret; the former one stays valid for some days. The new key is printed once."""
    text = stack.keys.rotate(options.group, options.key, timedelta(days=options.days))
    ends = f"in {options.days} days" if options.days else "within a minute"
    console.print(f"The former key ends {ends}.", soft_wrap=True)
    print(text)  # noqa: T201 - to be piped to where it is kept
    return 0


def revoke_key(stack: DeployedStack, options: argparse.Namespace, console: Console) -> int:
    """Delete an API key."""
    stack.keys.revoke(options.group, options.key)
    console.print(f"{options.key} is revoked. The API forgets it within a minute.", soft_wrap=True)
    return 0


def _moment(seconds: object) -> str:
    """Unix seconds as an ISO time."""
    return datetime.fromtimestamp(int(str(seconds)), UTC).isoformat()
