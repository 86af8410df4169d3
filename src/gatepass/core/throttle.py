"""Throttling of passwords: how many guesses there are, for whom, from where.

Every try is counted before its hash is made, and a success takes its counts back: so of many tries at one moment no
more are let through than the limit says. Sources: NIST SP 800-63B-4 section 3.2.2; ASVS 6.3.1, 15.4.2.
"""

import hashlib
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final

from gatepass.core.flow import Flow, Forgive, Hit, ask
from gatepass.errors import Throttled


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """So many tries in so many seconds."""

    limit: int
    window: int


#: For an account and those of its devices that are not known, and for each that is. The waits grow up to 15 minutes. A
#: person who mistypes meets none of them. Our choice.
ACCOUNT: Final = (Rung(limit=5, window=60), Rung(limit=8, window=300), Rung(limit=12, window=900))
#: In a row, in a year: the most that NIST SP 800-63B-4 section 3.2.2 allows. Then only a known device may try, and its
#: success, or an operator, begins the count anew.
IN_A_ROW: Final = Rung(limit=100, window=365 * 86_400)
#: Seconds that anybody is told to wait at most.
LONGEST: Final = 900
#: For an address, which may be that of a whole office; a success takes nothing back. Our choice.
ADDRESS: Final = (Rung(limit=60, window=60), Rung(limit=600, window=3_600))
#: New accounts from one address. Our choice.
SIGNUP: Final = (Rung(limit=10, window=60), Rung(limit=60, window=3_600))


def attempt(*, address: str, account: str, device: str | None, now: int) -> Flow[None]:
    """Count a try to log in. The smallest window first: what it refuses counts in none of the larger ones.

    Args:
        address: The client's, as far as it can be believed.
        account: What is tried: a normalised address of mail, whether it has an account or not.
        device: The id of a device that is known for the account, or of what else has a count of its own; None where
            there is none.
        now: Seconds since the epoch.

    Raises:
        Throttled: Too many.
    """
    # A device that is known has a count of its own: those who share its address must not use up what it has.
    if device is None:
        yield from _climb(f"address:{network(address)}", ADDRESS, now)
    key = _key(account, device)
    yield from _climb(key, ACCOUNT, now)
    if (yield from _hit(key, IN_A_ROW, now)):
        raise Throttled(LONGEST, lasting=True)


def succeeded(*, account: str, device: str | None) -> Flow[None]:
    """Take the tries of an account back, after one was right; those of the device, too.

    Args:
        account: As for `attempt`.
        device: As for `attempt`.
    """
    for key in {_key(account, None), _key(account, device)}:
        for rung in (*ACCOUNT, IN_A_ROW):
            yield from ask(Forgive(_named(key, rung)))


def sign_up(*, address: str, now: int) -> Flow[None]:
    """Count a new account.

    Args:
        address: The client's, as far as it can be believed.
        now: Seconds since the epoch.

    Raises:
        Throttled: Too many.
    """
    yield from _climb(f"signup:{network(address)}", SIGNUP, now)


def network(address: str) -> str:
    """What one client has to itself: an IPv4 address, or a /64 of IPv6, out of which it may choose at will."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return "elsewhere"  # a socket of the same machine, or what a proxy made up
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is None:
            return f"{IPv6Address(int(found) >> 64 << 64)}/64"
        found = found.ipv4_mapped
    return str(found)


def _climb(key: str, rungs: tuple[Rung, ...], now: int) -> Flow[None]:
    for rung in rungs:
        wait = yield from _hit(key, rung, now)
        if wait:
            raise Throttled(wait)


def _hit(key: str, rung: Rung, now: int) -> Flow[int]:
    return (yield from ask(Hit(key=_named(key, rung), window=rung.window, limit=rung.limit, at=now)))


def _key(account: str, device: str | None) -> str:
    # A digest: whoever reads the store does not read who was guessed at.
    digest = hashlib.sha256(account.encode("utf-8", "replace")).hexdigest()
    return f"account:{digest}" if device is None else f"device:{digest}:{device}"


def _named(key: str, rung: Rung) -> str:
    return f"{key}:{rung.window}"
