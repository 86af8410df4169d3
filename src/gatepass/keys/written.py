"""A key ring as the JSON text that is kept, with its private parts."""

import json
from dataclasses import asdict
from typing import Any, Final

from gatepass.core.keyring import KeyRing, Life, Root
from gatepass.core.keys import MAX_KEYS, read_jwk
from gatepass.core.strict import b64decode, b64encode
from gatepass.errors import ConfigurationError, MalformedCredential
from gatepass.keys.read import MAX_TEXT, read_text

#: The format that is written. A reader refuses a higher one: it cannot know what it would lose.
_FORMAT: Final = 2
#: Bytes of a ring that is kept: what is read of any text with keys. `MAX_KEYS` keys of RSA, which are the largest, and
#: the roots of a year fit in.
MAX_RING: Final = MAX_TEXT


def write(ring: KeyRing) -> bytes:
    """The text of *ring*. Whoever reads it can sign."""
    document = {
        "gatepass_keys": _FORMAT,
        "signing": ring.signing.to_jwk(private=True),
        "ahead": None if ring.ahead is None else ring.ahead.to_jwk(private=True),
        "ahead_at": ring.ahead_at,
        "others": [key.to_jwk(private=key.can_sign or key.symmetric) for key in ring.others],
        "roots": [
            {
                "kid": root.kid,
                "secret": b64encode(root.secret).decode(),
                "created_at": root.created_at,
                "closed": root.closed,
            }
            for root in ring.roots
        ],
        "lives": {kid: asdict(life) for kid, life in ring.lives.items()},
    }
    return json.dumps(document, indent=1).encode() + b"\n"


def check_size(ring: KeyRing, before: KeyRing) -> None:
    """Return if *ring*, which is to take the place of *before*, can be read again, here and by who fetches its keys.

    What was too large before may always become smaller.

    Raises:
        ConfigurationError: It has more keys than are read (`core.keys.MAX_KEYS`), or more bytes (`MAX_RING`).
    """
    for what, most, had, has in (
        ("keys", MAX_KEYS, len(before.keys), len(ring.keys)),
        ("bytes", MAX_RING, len(write(before)), len(write(ring))),
    ):
        if has > max(most, had):
            raise ConfigurationError(
                cause=f"the key ring would have more than {most} {what}, and could not be read again",
                fix="Retire keys that are no longer needed, or give fewer; nothing was changed.",
                source="KeyRing",
            )


def read(text: bytes, source: str) -> KeyRing:
    """The ring in *text*; *source* says where that came from.

    Raises:
        ConfigurationError: It is none, or of a later version.
    """
    document = read_text(text, source)
    number = document.get("gatepass_keys")
    if type(number) is int and number > _FORMAT:
        raise ConfigurationError(
            cause=f"the key ring has format {number}, of a later version",
            fix="Upgrade gatepass; what is there is left as it is.",
            source=source,
        )
    try:
        if type(number) is not int or number < 1:
            raise _not_ours(source)
        if number == 1:  # of before keys were published ahead
            document = {**document, "ahead": None, "ahead_at": 0, "lives": {}}
        return _ring(document, source)
    except ConfigurationError as error:
        raise ConfigurationError(cause=error.cause, fix=error.fix, source=source) from None
    except (KeyError, TypeError, AttributeError, MalformedCredential):
        raise _not_ours(source) from None


def _ring(document: dict[str, Any], source: str) -> KeyRing:
    ahead = document["ahead"]
    return KeyRing(
        signing=read_jwk(document["signing"], source=source),
        ahead=None if ahead is None else read_jwk(ahead, source=source),
        ahead_at=_second(document["ahead_at"]),
        others=tuple(read_jwk(jwk, source=source) for jwk in document["others"]),
        roots=tuple(
            Root(
                kid=root["kid"],
                secret=b64decode(root["secret"].encode()),
                created_at=root["created_at"],
                closed=root.get("closed", False),  # not said by those who closed none
            )
            for root in document["roots"]
        ),
        lives={kid: _life(**life) for kid, life in document["lives"].items()},
    )


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


def _not_ours(source: str) -> ConfigurationError:
    return ConfigurationError(
        cause="the key ring is not one of ours",
        fix="Give one that gatepass made; this one is left as it is.",
        source=source,
    )
