"""Folders for what nobody else should read, and for no repository."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

#: The folder of a program that was told nothing of folders, usually in the middle of its code.
NAME: Final = ".gatepass"


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


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)
