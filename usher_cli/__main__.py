"""The command `usher`."""

import sys
from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from usher.errors import InputError, UsherError

from usher_cli import show
from usher_cli.arguments import parse
from usher_cli.commands import FAILED, take_over
from usher_cli.deployed_stack import DeployedStack
from usher_cli.explanation import explanation
from usher_cli.keys import create_key, rotate_key

INTERRUPTED = 130
WIDE = 10_000
"""Columns of an output that is read by a program."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Returns its exit status: 0; 1 after a failure, which is printed; 2 for a wrong command line."""
    options = parse(arguments)
    console = _console(stderr=options.do in (take_over, create_key, rotate_key) or getattr(options, "json", False))
    try:
        result: int = options.do(DeployedStack(options.stack), options, console)
    except InputError as error:
        show.print_problems(console, error.as_dicts())
    except (UsherError, BotoCoreError, ClientError, ModuleNotFoundError, OSError) as error:
        console.print(explanation(error), style="red", soft_wrap=True, markup=False)
    except KeyboardInterrupt:
        return INTERRUPTED
    else:
        return result
    return FAILED


def _console(*, stderr: bool) -> Console:
    """A console that breaks lines only where a person looks at them."""
    console = Console(stderr=stderr)
    return console if console.is_terminal else Console(stderr=stderr, width=WIDE)


if __name__ == "__main__":
    sys.exit(main())
