"""The command `usher`."""

import sys
from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError
from usher.errors import InputError, UsherError

from usher_cli.arguments import parse
from usher_cli.command import FAILED, INTERRUPTED
from usher_cli.deployed_stack import DeployedStack
from usher_cli.explanation import explanation
from usher_cli.output import Output, console


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Returns its exit status: 0; 1 after a failure, which is printed; 2 for a wrong command line."""
    options = parse(arguments)
    notes = console(stderr=True)
    output = Output(notes if options.json else console(), notes, options.json, options.yes)
    try:
        result: int = options.do(DeployedStack(options.stack), options, output)
    except InputError as error:
        from usher_cli import show

        show.print_problems(notes, error.as_dicts())
    except (UsherError, BotoCoreError, ClientError, ModuleNotFoundError, OSError) as error:
        notes.print(explanation(error), style="red", soft_wrap=True, markup=False)
    except KeyboardInterrupt:
        return INTERRUPTED
    else:
        return result
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
