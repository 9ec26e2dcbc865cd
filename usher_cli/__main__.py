"""The command `usher`."""

import os
import sys
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence

from usher.errors import InputError

from usher_cli.arguments import parse
from usher_cli.command import FAILED, INTERRUPTED
from usher_cli.deployed_stack import DeployedStack
from usher_cli.explanation import TRACEBACK, explanation
from usher_cli.output import Output, console


def main(arguments: Sequence[str] | None = None, connect: Callable[[str], DeployedStack] = DeployedStack) -> int:
    """Run a command; return its exit status (usher_cli.command.EXIT_STATUS). A failure is explained on stderr.

    `connect`: returns the stack of a name.
    """
    options = parse(arguments)
    notes = console(stderr=True)
    output = Output(notes if options.json else console(), notes, options.json, options.yes)
    warnings.filterwarnings("ignore", "When using MotoServer")  # of moto; the error after it names package and extra
    try:
        stack = connect(options.stack)
        if options.needs_group and options.group:
            stack.check_group(options.group)
        result: int = options.do(stack, options, output)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of the output has closed it; Python would report that once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        output.problems(list(_problems(error)))
        return FAILED
    return result


def _problems(error: Exception) -> Sequence[Mapping[str, str]]:
    """The problems of an error, in the form of a run's record."""
    if isinstance(error, InputError):
        return error.as_dicts()
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error)
    message = explanation(error)
    return [{"place": "", "message": " ".join(message.split()), "remedy": ""}]


if __name__ == "__main__":
    sys.exit(main())
