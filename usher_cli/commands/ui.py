"""`usher ui`: the page of a stack."""

from argparse import ArgumentParser, Namespace

from usher_cli.command import OK, Command
from usher_cli.deployed_stack import DeployedStack
from usher_cli.output import Output
from usher_local.cloud.foreground import port_number


def add_arguments(parser: ArgumentParser) -> None:
    """Add the address."""
    parser.add_argument("--host", default="localhost", help="the address to listen on (default: localhost)")
    parser.add_argument("--port", type=port_number, default=8080, help="default: 8080; 0 for any")


def ui(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Show the stack in your browser: recommendations, runs, costs and health. Ctrl-C ends it."""
    from usher_cli.ui.app import serve  # the library of the page takes a second to load

    if options.host not in ("localhost", "127.0.0.1", "::1"):
        output.note("Everybody who can reach this address acts with your credentials.")
    serve(stack, options.host, options.port, lambda address: output.say(f"{address} (Ctrl-C ends it)"))
    return OK


COMMANDS = (
    Command(
        "ui",
        ui,
        {"usher ui": "the page of the stack, in your browser", "usher ui --port 0": "on any free port"},
        add_arguments,
        has_json=False,
    ),
)
