"""The command `usher`."""

import sys
from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError
from usher.errors import InputError, UsherError

from usher_cli.arguments import parse
from usher_cli.command import FAILED, INTERRUPTED
from usher_cli.deployed_stack import DeployedStack
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


def explanation(error: Exception) -> str:
    """What happened, in one line."""
    match error:
        case ClientError():
            return f"AWS refuses {error.operation_name}: {error.response['Error']['Message']}"
        case ModuleNotFoundError():
            return f"{error.name} is not installed. Install Usher with the local cloud: pip install 'usher[local]'"
    return str(error)


if __name__ == "__main__":
    sys.exit(main())
