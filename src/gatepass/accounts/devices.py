"""The device cookie: a browser that logged in before is known again, so that a stranger's tries do not lock it out.

It proves nothing else: whoever steals it may guess passwords at a count of their own, as slowly as anybody.
"""

import hmac
import secrets
from collections.abc import Sequence
from typing import Final

from gatepass.core.strict import b64encode

#: Subjects that one browser is known for: a family at one computer.
MOST: Final = 4
#: Octets of an id and of a proof.
_ID: Final = 16
_PROOF: Final = 16


def known(keys: Sequence[bytes], value: str | None, subject: str) -> str | None:
    """The id of the device, if *value* proves that *subject* logged in on it.

    Args:
        keys: Those of device cookies, the newest first.
        value: Of the cookie; any text.
        subject: The id of the user who is asked for.
    """
    device, proofs = _read(value)
    if device is None:
        return None
    proved = False
    for key in keys:
        wanted = _proof(key, subject, device)
        for proof in proofs:
            proved |= hmac.compare_digest(proof.encode(), wanted.encode())
    return device if proved else None


def remembered(key: bytes, value: str | None, subject: str) -> str:
    """The value of the cookie after *subject* has logged in: its device is known to them, and to those before.

    Args:
        key: The newest key of device cookies.
        value: Of the cookie that came along.
        subject: The id of the user.
    """
    device, proofs = _read(value)
    device = device or b64encode(secrets.token_bytes(_ID)).decode()
    mine = _proof(key, subject, device)
    return ".".join((device, mine, *[proof for proof in proofs if proof != mine][: MOST - 1]))


def _read(value: str | None) -> tuple[str | None, list[str]]:
    device, *proofs = (value or "").split(".") if len(value or "") <= _longest() else [""]
    if len(device) != _length(_ID) or not proofs or not (value or "").isascii():
        return None, []
    return device, [proof for proof in proofs[:MOST] if len(proof) == _length(_PROOF)]


def _proof(key: bytes, subject: str, device: str) -> str:
    # The length first, so that no subject can borrow from the id behind it.
    text = f"{len(subject.encode())}:{subject}{device}".encode()
    return b64encode(hmac.digest(key, text, "sha256")[:_PROOF]).decode()


def _length(octets: int) -> int:
    return -(-octets * 4 // 3)


def _longest() -> int:
    return _length(_ID) + MOST * (1 + _length(_PROOF))
