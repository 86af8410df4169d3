"""Passwords: which are good enough, and how they are kept.

Sources: NIST SP 800-63B-4 section 3.1.1.2; RFC 9106; ASVS 6.2, 11.4.2.
"""

import unicodedata
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, partial
from threading import Lock
from typing import Any, Final, NamedTuple, TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from gatepass.errors import FieldsInvalid, StoreError

T = TypeVar("T")

#: Characters. 15 where a password is all that is asked for: NIST SP 800-63B-4 section 3.1.1.2.
LEAST: Final = 15
#: Characters. More than the 64 that must be allowed (there), and few enough that length is no attack.
MOST: Final = 128
#: Hashes of strangers at one time, beside one of those who are known: each takes 64 MiB. Our choice.
CONCURRENT: Final = 4
#: Logins that may wait for their hash: some 20 seconds of work for two cores. Whoever comes after them is told to come
#: again. Our choice.
WAITING: Final = 256
#: Guesses that a password has to withstand. 10^8 is where throttled guessing ends (zxcvbn: "safely unguessable").
GUESSES: Final = 10**8

#: Phrases that everybody knows, in letters only: the words of each are no sequence to zxcvbn.
_FAMOUS: Final = (
    "correcthorsebatterystaple",
    "thequickbrownfoxjumpsoverthelazydog",
    "tobeornottobethatisthequestion",
    "loremipsumdolorsitamet",
    "maytheforcebewithyou",
)

#: Characters that are looked at for being common: the work grows with the square of them.
_LOOKED_AT: Final = 48
#: Brackets that may all stand for a `c`. With several of them, each way to read them is tried out, four times the work:
#: then they are taken for one.
_BRACKETS: Final = "([{<"
_ONE_BRACKET: Final = str.maketrans(_BRACKETS, "((((")
#: Code points that a keyboard may send for one (Unicode Standard Annex 15, NFD).
_DECOMPOSED: Final = 4

#: What is known about a user goes into lists that all callers of zxcvbn share: one at a time, or the address of one
#: would be looked for in the password of another.
_one_guesser: Final = Lock()

#: 64 MiB, 3 passes, 4 lanes: the second recommendation of RFC 9106 section 4.
_hasher: Final = argon2.PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)


class Verdict(NamedTuple):
    """Whether a password was right, and whether its hash is of older parameters."""

    ok: bool
    outdated: bool


class _Lane:
    """Threads that hash. Those who wait take turns: who asks for much waits behind themselves, and nobody else does.

    Where there is no room for one more, the last of those who ask for most has to make it.
    """

    def __init__(self, concurrent: int, waiting: int) -> None:
        self._threads = ThreadPoolExecutor(concurrent, thread_name_prefix="gatepass-argon2")
        self._concurrent = concurrent
        self._most = concurrent + waiting
        self._lock = Lock()
        self._pending = 0
        #: What waits, by who asked for it; the first of them has the next turn.
        self._queues: dict[str, deque[_Job]] = {}

    def submit(self, work: Callable[[], T], whose: str) -> "Future[T]":
        """Run *work* when it is its turn.

        Args:
            work: What is to be done.
            whose: Who asks for it.

        Raises:
            StoreError: Too many are waiting, and nobody asks for more. Later it may come of the future, too.
        """
        future: Future[T] = Future()
        with self._lock:
            dropped = None if self._pending < self._most else self._longest(than=whose).pop().future
            self._pending += dropped is None
            self._queues.setdefault(whose, deque()).append(_Job(work, future))
        if dropped is not None and dropped.set_running_or_notify_cancel():
            dropped.set_exception(_full())
        if dropped is None:  # else there is a thread that will look for what was taken away, and finds this
            _ = self._threads.submit(self._next)
        return future

    def check_room(self, whose: str) -> None:
        """Return if `submit` would take one more now.

        Raises:
            StoreError: It would not.
        """
        with self._lock:
            if self._pending >= self._most:
                _ = self._longest(than=whose)

    def _longest(self, *, than: str) -> "deque[_Job]":
        mine = len(self._queues.get(than, ()))
        longest = max(self._queues.values(), key=len, default=None)
        if longest is None or len(longest) <= mine + 1:  # to change places with an equal would help nobody
            raise _full()
        return longest

    def _next(self) -> None:
        with self._lock:
            if not self._queues:  # it was closed
                return
            whose = next(iter(self._queues))
            queue = self._queues.pop(whose)
            job = queue.popleft()
            if queue:
                self._queues[whose] = queue  # behind all others
        tell: Callable[[], None] | None = None
        if job.future.set_running_or_notify_cancel():
            try:
                tell = partial(job.future.set_result, job.work())
            except BaseException as error:  # noqa: BLE001  it is for who asked, as in a pool of the standard library
                tell = partial(job.future.set_exception, error)
        with self._lock:
            self._pending -= 1
        if tell is not None:  # when there is room again: whoever hears it may have more to ask for
            tell()

    def drain(self) -> None:
        """Let nobody wait any more; what was begun is finished, and who comes finds a free thread or is refused."""
        with self._lock:
            self._most = self._concurrent
            left, self._queues = [job for queue in self._queues.values() for job in queue], {}
            self._pending -= len(left)
        for job in left:
            if job.future.set_running_or_notify_cancel():
                job.future.set_exception(StoreError("the server is ending"))

    def close(self) -> None:
        """Let go of the threads; what waits is done no more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            left, self._queues = [job for queue in self._queues.values() for job in queue], {}
        for job in left:
            _ = job.future.cancel()


class _Job(NamedTuple):
    work: Callable[[], Any]
    future: "Future[Any]"


def _full() -> StoreError:
    return StoreError("too many passwords are being checked")


class Passwords:
    """Hashes passwords in threads of its own, so many at a time that memory lasts.

    Whoever is known does not wait behind strangers, who may come in any number: there is a thread more for them. Known
    users take turns among themselves, and so do the networks that strangers come from.

    Args:
        concurrent: Hashes at one time.
        waiting: How many more may wait for theirs.
    """

    def __init__(self, concurrent: int = CONCURRENT, waiting: int = WAITING) -> None:
        self._strangers = _Lane(concurrent, waiting)
        self._known = _Lane(1, waiting)
        #: So many were asked for, for whoever counts.
        self.hashes = 0
        self._nobodys = _nobodys()

    def check_room(self, *, known: str = "", network: str = "") -> None:
        """Return if one more may wait for its hash now, so that nobody is counted who is not looked at.

        Args:
            known: As for `verify`.
            network: As for `verify`.

        Raises:
            StoreError: Too many are waiting.
        """
        if known:
            self._known.check_room(known)
        else:
            self._strangers.check_room(network)

    def hash(
        self, password: str, *, about: Collection[str], field: str = "password", known: str = "", network: str = ""
    ) -> "Future[str]":
        """The hash of a new password, if it is `acceptable`.

        Args:
            password: As it was typed.
            about: As for `acceptable`.
            field: As for `acceptable`.
            known: The id of the user, if it is of somebody who is logged in.
            network: Else, where it comes from.

        Raises:
            StoreError: Too many are waiting.
            FieldsInvalid: As for `acceptable`; of the future.
        """
        return self._submit(lambda: _hasher.hash(acceptable(password, about=about, field=field)), known, network)

    def rehash(self, password: str, *, known: str = "") -> "Future[str]":
        """The hash of a password that was just found right, under the parameters of today.

        Args:
            password: As it was typed.
            known: The id of the user.

        Raises:
            StoreError: Too many are waiting.
        """
        return self._submit(lambda: _hasher.hash(_normalised(password) or ""), known)

    def verify(
        self,
        hash: str | None,  # noqa: A002  it is the hash
        password: str,
        *,
        known: str = "",
        network: str = "",
    ) -> "Future[Verdict]":
        """Whether *password*, as it was typed, is that of *hash*; one hash is made in any case.

        Args:
            hash: As kept; None where there is nobody.
            password: As it was typed.
            known: The id of the user, if it comes from a device that is known.
            network: Else, where it comes from.

        Raises:
            StoreError: Too many are waiting.
        """
        return self._submit(lambda: _verdict(hash, self._nobodys, password), known, network)

    def drain(self) -> None:
        """Let nobody wait any more, since the end is near: who does is refused with `StoreError`, to ask elsewhere.

        What is being hashed is finished. Who comes now is hashed for if a thread is free, and refused if none is.
        """
        self._strangers.drain()
        self._known.drain()

    def close(self) -> None:
        """Let go of the threads."""
        self._strangers.close()
        self._known.close()

    def _submit(self, work: Callable[[], T], known: str, network: str = "") -> "Future[T]":
        future = self._known.submit(work, known) if known else self._strangers.submit(work, network)
        self.hashes += 1
        return future


@cache
def _nobodys() -> str:
    """What whoever has no hash is checked against: it costs the same, and no password fits it."""
    return _hasher.hash("")


def _verdict(hash: str | None, nobodys: str, password: str) -> Verdict:  # noqa: A002  it is the hash
    given = _normalised(password)
    try:
        _ = _hasher.verify(hash or nobodys, given if given is not None else "\0")
    except (VerificationError, InvalidHashError):
        return Verdict(ok=False, outdated=False)
    return Verdict(
        ok=hash is not None and given is not None, outdated=hash is not None and _hasher.check_needs_rehash(hash)
    )


def acceptable(password: str, *, about: Collection[str], field: str = "password") -> str:
    """*password* as it is hashed, if it is good enough.

    Args:
        password: As it was typed.
        about: What a guesser knows: the address of the user, the name of the service.
        field: What it is called where it came from.

    Raises:
        FieldsInvalid: It is not. It is not repeated.
    """
    given = _normalised(password)
    if given is None:
        raise FieldsInvalid({field: f"this is a text of at most {MOST} characters"})
    if len(given) < LEAST:
        raise FieldsInvalid(
            {field: f"this has at least {LEAST} characters; a few words that only you put together will do"}
        )
    if _guessable(given, about):
        raise FieldsInvalid({field: "this is too easy to guess: common, repeated, or made of your address"})
    return given


def _normalised(password: str) -> str | None:
    """In the form that all keyboards agree on; None where it is no password of anybody."""
    if len(password) > _DECOMPOSED * MOST:  # before any work
        return None
    try:
        _ = password.encode()
    except UnicodeEncodeError:
        return None
    given = unicodedata.normalize("NFKC", password)
    return given if 0 < len(given) <= MOST and "\0" not in given else None


def _guessable(password: str, about: Collection[str]) -> bool:
    from zxcvbn import zxcvbn  # noqa: PLC0415  its lists take long to load, and only a new password needs them

    letters = "".join(filter(str.isalpha, password.casefold()))
    if letters and any(phrase.startswith(letters) for phrase in _FAMOUS):
        return True
    known = [word[:_LOOKED_AT] for text in about for word in (text, *text.replace("@", ".").split("."))]
    seen = password[:_LOOKED_AT].replace("\n", " ")  # after digits, zxcvbn takes the end of a line for one of a date
    if sum(bracket in seen for bracket in _BRACKETS) > 1:
        seen = seen.translate(_ONE_BRACKET)
    with _one_guesser:
        return int(zxcvbn(seen, user_inputs=known)["guesses"]) < GUESSES
