"""The name of the group that a command makes or is for, where the group need not exist."""

from argparse import ArgumentParser
from pathlib import Path

from usher.errors import InputError, UsherError
from usher.planning.misplaced_files import check_group_name


def add_folder(
    parser: ArgumentParser, contents: str = "data and config, laid out as in the group's folder of the bucket"
) -> None:
    """Add a folder and its group to a command's arguments. `contents`: what is in the folder, for the help."""
    parser.add_argument("folder", type=Path, help=contents)
    parser.add_argument("--group", help="the name of the group (default: the folder's)")


def group_of_folder(path: Path, name: str | None) -> str:
    """The group that a folder is for: the one that is named, or that is called as the folder. Raises UsherError."""
    if not path.is_dir():
        what = "is not a folder" if path.exists() else "does not exist"
        raise UsherError(f"{path} {what}. Put the files into a folder, as they lie in the bucket: docs/files.md.")
    return valid_group(name or path.resolve().name)


def valid_group(name: str) -> str:
    """The name of a group. Raises UsherError if none can have it."""
    try:
        check_group_name(name)
    except InputError as error:
        raise UsherError(f"{error} Choose another name: --group <name>.") from None
    return name
