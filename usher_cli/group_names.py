"""The name of the group that a command makes or is for, where the group need not exist."""

from pathlib import Path

from usher.errors import InputError, UsherError
from usher.planning.misplaced_files import check_group_name


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
