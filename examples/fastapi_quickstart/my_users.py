"""Stands for your own users: anything that turns a name and a password into a user, or into None."""

import hmac
from dataclasses import dataclass


@dataclass(frozen=True)
class User:
    """What the rest of an application knows of somebody who proved who they are."""

    id: str
    roles: frozenset[str]


#: For the example only, passwords in the clear. Yours are hashed.
_USERS = {
    "ada": ("correct horse", User(id="ada", roles=frozenset({"admin"}))),
    "bob": ("battery staple", User(id="bob", roles=frozenset())),
}
_NOBODY = ("", User(id="", roles=frozenset()))


async def check(name: str, password: str) -> User | None:
    """The user of this name, if that is their password."""
    expected, user = _USERS.get(name, _NOBODY)
    return user if expected and hmac.compare_digest(password.encode(), expected.encode()) else None
