"""`usher init`: a first usher.yaml."""

from argparse import ArgumentParser, Namespace

from usher.errors import InputError, UsherError
from usher.storage.layout import is_config

from usher_cli import show
from usher_cli.command import OK, UNCONFIRMED, Command
from usher_cli.deployed_stack import DeployedStack
from usher_cli.folder import Folder, checked
from usher_cli.group_names import add_folder, group_of_folder
from usher_cli.new_config import new_config, profiles_of
from usher_cli.output import Output

NAME = "usher.yaml"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the folder and the group."""
    add_folder(parser, "a folder with interactions.csv, and items.csv, users.csv and so on")


def init(_stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Write a commented usher.yaml for the CSVs of a folder. It needs neither a stack nor AWS."""
    group, path = group_of_folder(options.folder, options.group), options.folder / NAME
    folder = Folder.of(options.folder, group)
    if others := [key for key in folder.paths if is_config(key) and key != f"{group}/{NAME}"]:
        raise UsherError(f"{folder.paths[others[0]]} is the group's config already. Edit it, or remove it first.")
    data = Folder(paths={key: one for key, one in folder.paths.items() if not is_config(key)})
    text = new_config(group, profiles_of(data, group))
    is_other = path.exists() and path.read_text(encoding="utf-8", errors="replace") != text
    if is_other and not output.confirm(f"{path} exists. Overwrite it?"):
        output.note(f"{path} exists, and was not changed. To overwrite it: --yes.")
        return UNCONFIRMED
    path.write_text(text, encoding="utf-8")
    problems: list[dict[str, str]] = []
    try:
        checked(options.folder, group)
    except InputError as error:
        problems = error.as_dicts()

    def explain(*_: object) -> None:
        named = f" --group {group}" if options.group else ""
        output.say(f"Wrote {path}. Review it, then: usher drop {options.folder}{named}")
        if problems:
            output.say("A run would refuse this data:")
            show.print_problems(output.console, problems)

    output.document({"file": str(path), "group": group, "config": text, "problems": problems}, explain)
    return OK


COMMANDS = (
    Command(
        "init",
        init,
        {"usher init films/": "write films/usher.yaml, with comments, for the CSVs of the folder"},
        add_arguments,
        changes="usher.yaml on this machine",
        asks=True,
        needs_group=False,
    ),
)
