"""A plain secret as the key of HS256, HS384 or HS512: what most programs keep in a variable or a file."""

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from typing import Final

import click

from gatepass.core.keys import HmacKey
from gatepass.core.strict import b64decode
from gatepass.errors import ConfigurationError, MalformedCredential

#: How a secret may be written, what it is taken for first.
ENCODINGS: Final = ("text", "base64", "base64url", "hex")

key_encoding = click.option(
    "--key-encoding",
    type=click.Choice(ENCODINGS),
    default=ENCODINGS[0],
    show_default=True,
    help="How a plain secret is written, which is a key of HS256, HS384 or HS512 that is neither JSON nor PEM."
    " A line end at its end is not part of it.",
)

_HEX: Final = re.compile(rb"(?:[0-9A-Fa-f]{2})+")
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/]+={0,2}")
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
#: The first byte of a key in DER, and those of a length that follows in one, two or three bytes (X.690 section 8.1.3).
_DER: Final = 0x30
_SHORT: Final = 0x80


def is_plain(data: bytes, algorithm: str | None) -> bool:
    """Whether *data* is a secret as it is: for one of *algorithm*, and in no form of a key."""
    shaped = data.lstrip().startswith(b"{") or b"-----BEGIN" in data or _is_der(data)
    return algorithm in HmacKey.algorithms and not shaped


def plain_key(data: bytes, *, algorithm: str, encoding: str, kid: str | None) -> HmacKey:
    """The key of a plain secret.

    Args:
        data: The secret as it is written, and one line end. What marks it as Unicode is no part of it.
        algorithm: One of HMAC.
        encoding: One of `ENCODINGS`.
        kid: What tokens call it; None: what all who hold the secret call it.

    Raises:
        ConfigurationError: It is not written so; or it is short, known to everybody, or the text of a public key.
    """
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):  # Windows writes UTF-16 into files, and says so
        data = data.decode("utf-16", errors="replace").encode()
    text = data.removeprefix(BOM_UTF8).removesuffix(b"\n").removesuffix(b"\r")
    return HmacKey(_decoded(text, encoding), algorithm=algorithm, kid=kid, source="--key")


def _decoded(text: bytes, encoding: str) -> bytes:
    if encoding == "text":
        return text
    dense = b"".join(text.split())  # openssl breaks its lines
    try:
        if encoding == "hex" and _HEX.fullmatch(dense):
            return bytes.fromhex(dense.decode())
        if encoding == "base64" and _BASE64.fullmatch(dense):
            return b64decode(dense.rstrip(b"=").translate(_TO_URL))
        if encoding == "base64url":
            return b64decode(dense.rstrip(b"="))
    except MalformedCredential:
        pass
    raise ConfigurationError(
        cause=f"the secret is not written in {encoding}",
        fix="Say how it is written: --key-encoding text, base64, base64url or hex.",
        source="--key-encoding",
    )


def _is_der(data: bytes) -> bool:
    """Whether *data* is one value in DER that is a sequence, as all keys are: its length says where it ends."""
    if data[:1] != bytes([_DER]) or data.isascii():  # also of digits, in hex, the first may be a zero
        return False
    size = data[1] - _SHORT if data[1] > _SHORT else 0
    return len(data) == 2 + size + (int.from_bytes(data[2 : 2 + size]) if size else data[1])
