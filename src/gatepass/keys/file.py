"""A key ring in a file that only its owner can read."""

import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep, time
from typing import Final, TypeAlias

try:
    import fcntl
except ImportError:  # Windows: the rest of this package works, and a key file says what it lacks
    fcntl = None  # type: ignore[assignment]

from gatepass.core.keyring import KeyRing
from gatepass.errors import ConfigurationError, StoreError
from gatepass.folders import private_folder
from gatepass.keys import written
from gatepass.keys.keeper import KeyKeeper
from gatepass.keys.made import new_ring

#: Seconds that the lock is waited for: whoever holds it writes one small file. Our choice.
LOCK_TIMEOUT: Final = 10.0
#: Seconds between two tries. The system can wait for a lock, but not for so long and no longer.
_TRY_AGAIN: Final = 0.01

_Stamp: TypeAlias = tuple[int, int, int]


class KeyFile(KeyKeeper):
    """A key ring in a file that only its owner can read: made by the first who asks, shared by all who come after.

    Args:
        path: The file, for example ``.gatepass/keys.json``. Its folder is made with it, for its owner alone.
        algorithm: What a new key is for.
        rotate_after: Seconds after which a key is old, 20,925 at least (`keeper.MIN_AGE`): the next who asks for the
            ring publishes another one. None: keys are rotated by hand.
        clock: Seconds since the epoch.

    Raises:
        ConfigurationError: *rotate_after* is no such number of seconds.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        algorithm: str = "ES256",
        *,
        rotate_after: float | None = None,
        clock: Callable[[], float] = time,
    ) -> None:
        super().__init__(algorithm, rotate_after=rotate_after, clock=clock)
        self._path = Path(path)
        self._held: tuple[_Stamp, KeyRing] | None = None

    def _kept(self) -> KeyRing:
        """As it is in the file now; read again only if the file has changed."""
        with self._mutex:
            stamp = self._stamp()
            if stamp is None and self._held is not None:
                # Keys that were in use are gone. New ones would log everybody out, at a stranger's wish.
                raise _refused("the key file is gone", "Put it back; or restart, and new keys are made.", self._path)
            if stamp is None:
                with self._locked():
                    if self._stamp() is None:  # else another process was first
                        self._write(new_ring(self._algorithm, now=self._now()))
            if self._held is None or self._held[0] != stamp:
                self._held = self._load()
            return self._held[1]

    def _claim(self, ring: KeyRing) -> bool:  # noqa: ARG002  whoever holds the lock is first, and the others see it
        return True

    def _change(self, change: Callable[[KeyRing], KeyRing]) -> KeyRing:
        if self._held is None:
            _ = self._kept()
        with self._mutex, self._locked():
            self._held = self._load()  # not what was held: another process may have changed it
            ring = change(self._held[1])
            if ring is not self._held[1]:
                self._write(ring)
                self._held = self._load()
            return self._held[1]

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock file beside the file: one process at a time, and nobody once its holder has died.

        Raises:
            StoreError: Another process has held it for longer than anybody needs.
        """
        if fcntl is None:
            raise _refused(
                f"files cannot be locked on {sys.platform}", "Keep the ring elsewhere and give a KeyRing.", self._path
            )
        with self._usable():
            private_folder(self._path.parent)
            self._check_folder()
            lock = os.open(self._path.with_name(f"{self._path.name}.lock"), os.O_RDWR | os.O_CREAT | _NO_LINK, 0o600)
        try:
            with self._usable():
                self._check_owner(os.fstat(lock), "the lock of the key file")  # who else has it open can hold us up
                self._wait_for(lock)
            yield
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)  # said aloud: a process forked meanwhile holds the same lock
            os.close(lock)

    def _wait_for(self, lock: int) -> None:
        assert fcntl is not None  # noqa: S101  the caller has asked
        end = monotonic() + LOCK_TIMEOUT
        while True:
            try:
                return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if monotonic() >= end:
                    raise StoreError(f"the key file {self._path} is locked by another process") from None
            sleep(_TRY_AGAIN)

    def _write(self, ring: KeyRing) -> None:
        """Replace the file as a whole: whoever reads it finds the old ring or the new one, whenever this stops."""
        text = written.write(ring)
        draft = self._path.with_name(f"{self._path.name}.new")  # one name: the lock is held, and a crash leaves no more
        with self._usable():
            self._at_step("open")
            with suppress(FileNotFoundError):
                draft.unlink()  # it was left behind by a crash, or planted by somebody who holds it open
            # A new one, so nobody else's, and nobody has it open.
            file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK, 0o600)
            try:
                self._at_step("write")
                with os.fdopen(file, "wb", closefd=False) as stream:
                    _ = stream.write(text)
                self._at_step("sync")
                os.fsync(file)
            finally:
                os.close(file)
            self._at_step("rename")
            _ = draft.replace(self._path)
            self._at_step("sync folder")
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        self._at_step("done")

    def _at_step(self, step: str) -> None:
        """Hears the name of each step before it is taken."""

    def _stamp(self) -> _Stamp | None:
        try:
            with self._usable():
                return _stamp(self._path.lstat())
        except ConfigurationError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise

    def _load(self) -> tuple[_Stamp, KeyRing]:
        """The ring in the file, with the stamp of just the bytes that were read."""
        with self._usable():
            self._check_folder()
            # A pipe that stands there must not make us wait for its other end.
            number = os.open(self._path, os.O_RDONLY | _NO_LINK | getattr(os, "O_NONBLOCK", 0))
            with os.fdopen(number, "rb") as file:
                status = os.fstat(number)
                self._check(status)
                text = file.read(written.MAX_RING)
        return _stamp(status), written.read(text, str(self._path))

    def _check_folder(self) -> None:
        mode = self._path.parent.stat().st_mode
        writable = mode & (stat.S_IWOTH | stat.S_IWGRP)
        if writable and not mode & stat.S_ISVTX:  # with the sticky bit nobody moves the files of others away
            raise _refused(
                f"others may write to the folder of the key file (mode {stat.S_IMODE(mode):04o})",
                "chmod 700 it, or name a file in a folder of its own.",
                self._path,
            )

    def _check(self, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode) or status.st_size > written.MAX_RING:
            raise _refused("the key file is not a file of keys", _ANOTHER, self._path)
        self._check_owner(status, "the key file")
        if status.st_mode & 0o077:
            raise _refused(
                f"others may read or write the key file (mode {stat.S_IMODE(status.st_mode):04o})",
                "If nobody has, chmod 600 it; if somebody may have, remove it: new keys are made and all log in again.",
                self._path,
            )

    def _check_owner(self, status: os.stat_result, what: str) -> None:
        if status.st_uid != os.geteuid():
            raise _refused(f"{what} belongs to another user", "Run as its owner, or name another file.", self._path)

    @contextmanager
    def _usable(self) -> Iterator[None]:
        """Say with our own words, and its path, what the system says about the file."""
        try:
            yield
        except OSError as error:
            raise _refused(
                f"the key file cannot be used: {error.strerror}",
                "Give a path in a folder that this user can write to.",
                self._path,
            ) from error


_ANOTHER: Final = "Name another file; this one is left as it is."
# A link could be somebody else's way to have us read or write elsewhere.
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)


def _stamp(status: os.stat_result) -> _Stamp:
    return status.st_ino, status.st_ctime_ns, status.st_size  # ctime: also of who may read it


def _refused(cause: str, fix: str, path: Path) -> ConfigurationError:
    return ConfigurationError(cause=cause, fix=fix, source=str(path))
