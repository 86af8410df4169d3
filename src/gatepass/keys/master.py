"""A master key: what lies where others can read it is sealed under it, and is nothing to whoever lacks it."""

import os
import re
import stat
from pathlib import Path
from typing import Final, Never

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gatepass.core.keyring import derive
from gatepass.core.keys.known import is_counted
from gatepass.core.strict import b64decode
from gatepass.errors import ConfigurationError, MalformedCredential

#: Bytes of a master key: those of AES-256.
SIZE: Final = 32

_FORMAT: Final = b"\x01"
#: Bytes by which a sealed text says under which master key it is.
_NAME: Final = 8
#: Bytes; NIST SP 800-38D section 8.2.2 lets 2^32 of them be drawn at random under one key. We draw one a rotation.
_NONCE: Final = 12
_TAG: Final = 16

#: Others may read or enter; the group may write. Windows has no such bits.
_OPEN: Final = stat.S_IRWXO | stat.S_IWGRP if os.name == "posix" else 0
#: A file of more bytes holds no key.
_MAX_FILE: Final = 1_024
_FIX: Final = (
    "Give 32 random bytes in hex or base64url, such as `openssl rand -hex 32` prints, or the path of a file with them."
)
_HEX: Final = re.compile(rb"(?:[0-9A-Fa-f]{2})*")


class MasterKey:
    """32 random bytes from which a key for sealing is derived, AES-256-GCM (NIST SP 800-38D).

    Args:
        text: The bytes in hex, or in base64url with or without padding; or the path of a file that holds one of these:
            what has a slash in it is a path.
        source: Where the text came from, for the message of a refusal. The text is in none.

    Raises:
        ConfigurationError: It is neither; or not 32 bytes; or it can be guessed; or others may read the file.
    """

    __slots__ = ("_aead", "name")

    def __init__(self, text: str, *, source: str = "master_key=...") -> None:
        if type(text) is not str:
            raise _refused("the master key is not a text", source)
        secret = _decoded(_in_file(text, source) if "/" in text else text.strip().encode("utf-8", "replace"), source)
        weakness = _weakness(secret)
        if weakness:
            raise _refused(f"the master key {weakness}", source)
        #: By which a sealed text names it; derived, so that it tells nothing.
        self.name = derive(secret, "master name")[:_NAME]
        self._aead = AESGCM(derive(secret, "master seal"))

    def seal(self, content: bytes, purpose: str) -> bytes:
        """*content*, for whoever has this key and asks for the same *purpose*. Each time it is another text."""
        nonce = os.urandom(_NONCE)
        return _FORMAT + self.name + nonce + self._aead.encrypt(nonce, content, self._bound(purpose))

    def open(self, sealed: bytes, purpose: str) -> bytes | None:
        """What was sealed for *purpose*; None if it is damaged, or was sealed for something else."""
        if sealer(sealed) != self.name:
            return None
        start = len(_FORMAT) + _NAME + _NONCE
        try:
            return self._aead.decrypt(sealed[start - _NONCE : start], sealed[start:], self._bound(purpose))
        except InvalidTag:
            return None

    def _bound(self, purpose: str) -> bytes:
        return _FORMAT + self.name + purpose.encode()

    def __repr__(self) -> str:
        return "<MasterKey>"

    def __reduce__(self) -> Never:
        raise TypeError("a master key is not pickled: it would be written down in the clear")


def sealer(sealed: bytes) -> bytes:
    """The `name` of the master key that *sealed* says it is under; empty if it was cut off, or is of another format."""
    whole = sealed.startswith(_FORMAT) and len(sealed) >= len(_FORMAT) + _NAME + _NONCE + _TAG
    return sealed[len(_FORMAT) : len(_FORMAT) + _NAME] if whole else b""


def _in_file(path: str, source: str) -> bytes:
    try:
        with Path(path.strip()).open("rb") as file:
            if (mode := stat.S_IMODE(os.fstat(file.fileno()).st_mode)) & _OPEN:
                raise ConfigurationError(
                    cause=f"others may read the file of the master key (mode {mode:04o})",
                    fix="chmod 600 it; a secret that Docker or Kubernetes mounts needs a mode, such as 0400.",
                    source=source,
                )
            return file.read(_MAX_FILE).strip()
    except OSError as error:
        cause = f"the file of the master key cannot be read: {error.strerror}"
    except ValueError:  # such as a zero in its name
        cause = "the file of the master key cannot be read: there is no such name"
    raise _refused(cause, source) from None  # without the name: it may be a key that was taken for one


def _decoded(text: bytes, source: str) -> bytes:
    try:
        # No master key in base64url is taken for hex: it has 43 digits, and these are pairs.
        secret = bytes.fromhex(text.decode()) if _HEX.fullmatch(text) else b64decode(text.removesuffix(b"="))
    except MalformedCredential:
        raise _refused("the master key is neither hex nor base64url", source) from None
    if len(secret) != SIZE:
        raise _refused(f"the master key has {len(secret)} bytes, and not {SIZE}", source)
    return secret


def _weakness(secret: bytes) -> str:
    """What makes *secret* easy to guess; empty for what was drawn at random, save one time in 10^12."""
    if secret.isascii() and secret.decode().isprintable():
        return "is a text that somebody made up"
    if len(set(secret)) <= SIZE // 2:
        return "repeats itself"
    return "counts" if is_counted(secret) else ""


def _refused(cause: str, source: str) -> ConfigurationError:
    return ConfigurationError(cause=cause, fix=_FIX, source=source)
