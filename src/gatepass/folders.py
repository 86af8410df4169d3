"""Folders for what nobody else should read, and for no repository."""

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

#: The folder of a program that was told nothing of folders, usually in the middle of its code.
NAME: Final = ".gatepass"
#: May write everywhere, also where nobody asked for it.
_ROOT: Final = 0


def private_folder(path: Path) -> None:
    """Make *path* and the folders above it, those that are missing, for their owner alone.

    One that is called `.gatepass` gets a `.gitignore` of its own when it is made: keys and sessions are not code.

    Args:
        path: A folder.

    Raises:
        OSError: It cannot be made.
    """
    if path.is_dir():
        return
    if path.parent != path:
        private_folder(path.parent)
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        if path.is_dir():  # another process was first
            return
        raise
    if path.name == NAME:
        with suppress(FileExistsError), open(path / ".gitignore", "x", encoding="ascii", opener=_private) as file:
            _ = file.write("*\n")


def of_another(path: Path) -> Path | None:
    """Where root would leave a file that the owner of its folder could not read; None where it would not.

    It is the nearest that is there of *path* and the folders above it; of a link also what it points to. Folders with
    the sticky bit are everybody's. Who is not root writes where others have let them, and is never refused here.

    Args:
        path: A file that may be made, or may be there.
    """
    if os.geteuid() != _ROOT:
        return None
    for start in (path.absolute(), Path(os.path.realpath(path))):
        nearest = next(found for found in (start, *start.parents) if os.path.exists(found))  # noqa: PTH110  it never raises
        status = nearest.stat()
        if status.st_uid != _ROOT and not (stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX):
            return nearest
    return None


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)
