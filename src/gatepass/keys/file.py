"""A key ring in a file that only its owner can read."""

import json
import os
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from time import time
from typing import Final, TypeAlias
from weakref import WeakSet

try:
    import fcntl
except ImportError:  # Windows: the rest of this package works, and a key file says what it lacks
    fcntl = None  # type: ignore[assignment]

from gatepass.core.keyring import PUBLISHED, KeyRing, Life, Root
from gatepass.core.keys import Key, read_jwk
from gatepass.core.strict import b64decode, b64encode
from gatepass.errors import ConfigurationError, MalformedCredential
from gatepass.keys.made import generate, new_ring, new_root
from gatepass.keys.read import read_text

#: Seconds from the publication of a key to its first use: whoever keeps the public keys for as long as we say
#: (`core.keyring.PUBLISHED`) has it by then, twice over.
AHEAD: Final = 2 * PUBLISHED
#: Seconds that a key goes on verifying after its last use: no token lives longer than 30 days, see `Policy`.
KEEP: Final = 31 * 86_400

#: The format that is written. A reader refuses a higher one: it cannot know what it would lose.
_FORMAT: Final = 2
#: A file of more bytes is not ours: 1 MiB, about 2,000 keys.
_MAX_FILE: Final = 1 << 20

_Stamp: TypeAlias = tuple[int, int, int]


_files: "WeakSet[KeyFile]" = WeakSet()


def _after_fork() -> None:
    for file in list(_files):
        file._mutex = threading.Lock()  # noqa: SLF001  a thread of the parent may have held it


_ = getattr(os, "register_at_fork", dict)(after_in_child=_after_fork)  # Windows has no forks


class KeyFile:
    """A key ring in a file that only its owner can read: made by the first who asks, shared by all who come after.

    Args:
        path: The file, for example ``.gatepass/keys.json``. Its folder is made with it, for its owner alone.
        algorithm: What a new key is for.
        rotate_after: Seconds after which a key is old: the next who asks for the ring publishes another one. None:
            keys are rotated by hand.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        algorithm: str = "ES256",
        *,
        rotate_after: int | None = None,
        clock: Callable[[], float] = time,
    ) -> None:
        self._path = Path(path)
        self._algorithm = algorithm
        self._rotate_after = rotate_after
        self._clock = clock
        self._mutex = threading.Lock()
        self._held: tuple[_Stamp, KeyRing] | None = None
        _files.add(self)

    def ring(self) -> KeyRing:
        """The ring as it is in the file now; read again only if the file has changed.

        Raises:
            ConfigurationError: The file is not ours, or others can read it. It is left as it is.
        """
        with self._mutex:
            stamp = self._stamp()
            if stamp is None and self._held is not None:
                # Keys that were in use are gone. New ones would log everybody out, at a stranger's wish.
                raise _refused("the key file is gone", "Put it back; or restart, and new keys are made.", self._path)
            if stamp is None:
                with self._locked():
                    if self._stamp() is None:  # else another process was first
                        self._write(new_ring(self._algorithm, now=self._now()), _nothing)
            if self._held is None or self._held[0] != stamp:
                self._held = self._load()
            ring = self._held[1]
        return self._change(self._aged, _nothing) if self._old(ring) else ring

    def rotate(self, *, at_once: bool = False) -> KeyRing:
        """Publish a new key, which signs in ten minutes, and derive from a new root; what was there goes on verifying.

        Args:
            at_once: Sign with it from now on. Verifiers that fetched the public keys just before refuse its tokens
                until they fetch them again. For a key that others may have seen.

        Raises:
            ConfigurationError: As for `ring`, and nothing is changed; or a key is published and does not sign yet.
        """
        return self._rotate(_nothing, 0 if at_once else AHEAD)

    def retire(self, kid: str) -> KeyRing:
        """Forget a key that does not sign: nothing under it is good any more, here and wherever this file is read.

        For other nodes to know at once, `revoke(kid=...)` writes it into the log.

        Raises:
            ConfigurationError: As for `ring`; or it signs, or there is no such key. Nothing is changed.
        """
        return self._change(lambda ring: ring.without(kid, now=self._now()), _nothing)

    def join(self, key: Key) -> KeyRing:
        """Verify with *key*, too: that of the software that was here before.

        Raises:
            ConfigurationError: As for `ring`; or it does not go with those that are here. Nothing is changed.
        """
        return self._change(lambda ring: ring.joined(key, now=self._now()), _nothing)

    def _rotate(self, at_step: Callable[[str], None], ahead: int = AHEAD) -> KeyRing:
        return self._change(lambda ring: self._rotated(ring, ahead), at_step)

    def _rotated(self, ring: KeyRing, ahead: int) -> KeyRing:
        now = self._now()
        return ring.published(generate(self._algorithm), new_root(now), now=now, signs_from=now + ahead, keep=KEEP)

    def _aged(self, ring: KeyRing) -> KeyRing:
        return self._rotated(ring, AHEAD) if self._old(ring) else ring  # another process was first

    def _old(self, ring: KeyRing) -> bool:
        if self._rotate_after is None or (ring.ahead is not None and self._now() < ring.ahead_at):
            return False
        return self._now() - (ring.life(ring.signer(self._now()).kid).signs_from or 0) >= self._rotate_after

    def _change(self, change: Callable[[KeyRing], KeyRing], at_step: Callable[[str], None]) -> KeyRing:
        """Replace the ring by what *change* makes of it; *at_step* hears the name of each step before it is taken."""
        if self._held is None:
            _ = self.ring()
        with self._mutex, self._locked():
            _, ring = self._load()  # not what is held: another process may have changed it
            self._write(change(ring), at_step)
            self._held = self._load()
            return self._held[1]

    def _now(self) -> int:
        return int(self._clock())

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock file beside the file: one process at a time, and nobody once its holder has died."""
        if fcntl is None:
            raise _refused(
                f"files cannot be locked on {sys.platform}", "Keep the ring elsewhere and give a KeyRing.", self._path
            )
        with self._usable():
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._path.with_name(f"{self._path.name}.lock"), os.O_RDWR | os.O_CREAT | _NO_LINK, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)  # said aloud: a process forked meanwhile holds the same lock
            os.close(lock)

    def _write(self, ring: KeyRing, at_step: Callable[[str], None]) -> None:
        """Replace the file as a whole: whoever reads it finds the old ring or the new one, whenever this stops."""
        text = _encode(ring)
        draft = self._path.with_name(f"{self._path.name}.new")  # one name: the lock is held, and a crash leaves no more
        with self._usable():
            at_step("open")
            file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _NO_LINK, 0o600)
            try:
                os.fchmod(file, 0o600)  # whatever a draft that was left behind may have had
                at_step("write")
                with os.fdopen(file, "wb", closefd=False) as stream:
                    _ = stream.write(text)
                at_step("sync")
                os.fsync(file)
            finally:
                os.close(file)
            at_step("rename")
            _ = draft.replace(self._path)
            at_step("sync folder")
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        at_step("done")

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
            # A pipe that stands there must not make us wait for its other end.
            number = os.open(self._path, os.O_RDONLY | _NO_LINK | getattr(os, "O_NONBLOCK", 0))
            with os.fdopen(number, "rb") as file:
                status = os.fstat(number)
                self._check(status)
                text = file.read(_MAX_FILE)
        return _stamp(status), _decode(text, self._path)

    def _check(self, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_FILE:
            raise _refused("the key file is not a file of keys", _ANOTHER, self._path)
        if status.st_uid != os.geteuid():
            raise _refused(
                "the key file belongs to another user", "Run as its owner, or name another file.", self._path
            )
        if status.st_mode & 0o077:
            raise _refused(
                f"others may read or write the key file (mode {stat.S_IMODE(status.st_mode):04o})",
                "If nobody has, chmod 600 it; if somebody may have, remove it: new keys are made and all log in again.",
                self._path,
            )

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


def _nothing(_step: str) -> None:
    pass


def _stamp(status: os.stat_result) -> _Stamp:
    return status.st_ino, status.st_mtime_ns, status.st_size


def _encode(ring: KeyRing) -> bytes:
    document = {
        "gatepass_keys": _FORMAT,
        "signing": ring.signing.to_jwk(private=True),
        "ahead": None if ring.ahead is None else ring.ahead.to_jwk(private=True),
        "ahead_at": ring.ahead_at,
        "others": [key.to_jwk(private=key.can_sign) for key in ring.others],
        "roots": [
            {"kid": root.kid, "secret": b64encode(root.secret).decode(), "created_at": root.created_at}
            for root in ring.roots
        ],
        "lives": {kid: asdict(life) for kid, life in ring.lives.items()},
    }
    return json.dumps(document, indent=1).encode() + b"\n"


def _decode(text: bytes, path: Path) -> KeyRing:
    document = read_text(text, str(path))
    number = document.get("gatepass_keys")
    if type(number) is int and number > _FORMAT:
        raise _refused(
            f"the key file has format {number}, of a later version", "Upgrade gatepass, or name another file.", path
        )
    try:
        if type(number) is not int or number < 1:
            raise _refused("the key file is not one of ours", _ANOTHER, path)
        if number == 1:  # of before keys were published ahead
            document = {**document, "ahead": None, "ahead_at": 0, "lives": {}}
        ahead = document["ahead"]
        return KeyRing(
            signing=read_jwk(document["signing"], source=str(path)),
            ahead=None if ahead is None else read_jwk(ahead, source=str(path)),
            ahead_at=_second(document["ahead_at"]),
            others=tuple(read_jwk(jwk, source=str(path)) for jwk in document["others"]),
            roots=tuple(
                Root(kid=root["kid"], secret=b64decode(root["secret"].encode()), created_at=root["created_at"])
                for root in document["roots"]
            ),
            lives={kid: _life(**life) for kid, life in document["lives"].items()},
        )
    except ConfigurationError as error:
        raise _refused(error.cause, error.fix, path) from None
    except (KeyError, TypeError, AttributeError, MalformedCredential):
        raise _refused("the key file is not one of ours", _ANOTHER, path) from None


def _life(*, created_at: object, signs_from: object, ends_at: object) -> Life:
    return Life(
        created_at=_second(created_at),
        signs_from=None if signs_from is None else _second(signs_from),
        ends_at=None if ends_at is None else _second(ends_at),
    )


def _second(said: object) -> int:
    if type(said) is not int:
        raise TypeError("a time is a whole second")
    return said


def _refused(cause: str, fix: str, path: Path) -> ConfigurationError:
    return ConfigurationError(cause=cause, fix=fix, source=str(path))
