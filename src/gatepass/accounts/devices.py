"""The device cookie: a browser that logged in before is known again, so that a stranger's tries do not lock it out.

It proves nothing else: whoever steals it may guess passwords at a count of their own, as slowly as anybody.
"""

import hmac
import re
import secrets
from collections.abc import Sequence
from typing import Final

from gatepass.core.strict import b64encode

#: Subjects that one browser is known for: a family at one computer.
MOST: Final = 4
#: Octets of an id and of a proof: 22 letters each.
_SIZE: Final = 16
#: An id, and a proof for each of its subjects, the newest first.
_WRITTEN: Final = re.compile(rf"[\w-]{{22}}(\.[\w-]{{22}}){{1,{MOST}}}", re.ASCII)


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
    device = device or b64encode(secrets.token_bytes(_SIZE)).decode()
    mine = _proof(key, subject, device)
    return ".".join((device, mine, *[proof for proof in proofs if proof != mine][: MOST - 1]))


def _read(value: str | None) -> tuple[str | None, list[str]]:
    # What is read here is written into the next cookie: only what we may have written ourselves.
    found = _WRITTEN.fullmatch(value or "")
    if found is None:
        return None, []
    device, *proofs = found[0].split(".")
    return device, proofs


def _proof(key: bytes, subject: str, device: str) -> str:
    # The length first, so that no subject can borrow from the id behind it.
    text = f"{len(subject.encode())}:{subject}{device}".encode()
    return b64encode(hmac.digest(key, text, "sha256")[:_SIZE]).decode()
