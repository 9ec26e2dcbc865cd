"""The name of a command's group, which need not exist."""

from argparse import ArgumentParser
from pathlib import Path

from usher.errors import InputError, UsherError
from usher.planning.misplaced_files import check_group_name


def add_folder(
    parser: ArgumentParser, contents: str = "data and config, laid out as in the group's folder of the bucket"
) -> None:
    """Add a folder and its group to a command's arguments. `contents`: the folder's, for the help."""
    parser.add_argument("folder", type=Path, help=contents)
    parser.add_argument("--group", help="the name of the group (default: the folder's)")


def group_of_folder(path: Path, name: str | None) -> str:
    """The group of a folder: the given one, or that of the folder's name. Raises UsherError."""
    if not path.is_dir():
        what = "is not a folder" if path.exists() else "does not exist"
        raise UsherError(f"{path} {what}. Put the files into a folder, as they lie in the bucket: docs/files.md.")
    return valid_group(name or path.resolve().name)


def valid_group(name: str) -> str:
    """The name, if a group can have it. Raises UsherError otherwise."""
    try:
        check_group_name(name)
    except InputError as error:
        raise UsherError(f"{error} Choose another name: --group <name>.") from None
    return name
