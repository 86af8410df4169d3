"""Tokens that fail a check each, in the order in which docs/tokens.md has the checks."""

import json
from collections.abc import Callable
from typing import Any

from gatepass.core.strict import b64encode
from support.families import KEYS

NOW = 1_900_000_000
KEY, OTHER = KEYS["ES256"], KEYS["Ed25519"]
HEADER: dict[str, Any] = {"alg": "ES256", "kid": KEY.kid, "typ": "at+jwt"}
CLAIMS: dict[str, Any] = {"iss": "i", "aud": "a", "sub": "ada", "jti": "1", "iat": NOW, "exp": NOW + 60, "sid": "s"}


class Token:
    """A token to be spoiled, part by part."""

    def __init__(self) -> None:
        self.header = dict(HEADER)
        self.claims = dict(CLAIMS)
        self.sign_rightly = True
        self.json = True
        self.ends = ["", "", ""]
        self.more = ""
        self.text = True

    def written(self) -> object:
        header = b64encode(json.dumps(self.header).encode()).decode() + self.ends[0]
        payload = b64encode(json.dumps(self.claims).encode() if self.json else b"[]").decode() + self.ends[1]
        data = f"{header}.{payload}".encode()
        signature = b64encode(KEY.sign(data if self.sign_rightly else b"other")).decode() + self.ends[2]
        token = f"{header}.{payload}.{signature}{self.more}"
        return token if self.text else token.encode()


def set_in(part: str, name: str, value: Any) -> Callable[[Token], None]:
    return lambda token: getattr(token, part).update({name: value})


def put(name: str, value: Any) -> Callable[[Token], None]:
    return lambda token: setattr(token, name, value)


def end(part: int) -> Callable[[Token], None]:
    def spoil(token: Token) -> None:
        token.ends[part] = "="

    return spoil


def more(text: str) -> Callable[[Token], None]:
    def spoil(token: Token) -> None:
        token.more += text

    return spoil


#: One that fails each check of the table, in its order.
SPOILED: list[Callable[[Token], None]] = [
    put("text", False),
    more("x" * 9_000),
    more("é"),
    more(".x"),
    set_in("header", "crit", ["exp"]),
    set_in("header", "alg", "none"),
    set_in("header", "typ", "JWT"),
    set_in("header", "kid", ""),
    set_in("header", "kid", "nobody"),
    set_in("header", "kid", OTHER.kid),
    end(2),
    put("sign_rightly", False),
    end(1),
    put("json", False),
    set_in("claims", "iss", "x"),
    set_in("claims", "aud", "x"),
    lambda token: token.claims.pop("sid") and None,
    set_in("claims", "sub", 1),
    set_in("claims", "jti", 1),
    set_in("claims", "iat", "soon"),
    set_in("claims", "iat", NOW + 600),
    set_in("claims", "nbf", "soon"),
    set_in("claims", "nbf", NOW + 600),
    set_in("claims", "exp", "soon"),
    set_in("claims", "exp", NOW - 600),
]


def spoiled(*numbers: int) -> Token:
    token = Token()
    # The last first, so that where two touch one thing, the earlier check is the one that fails.
    for number in sorted(numbers, reverse=True):
        SPOILED[number](token)
    return token
