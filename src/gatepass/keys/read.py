"""Keys read from what others wrote."""

from collections.abc import Mapping
from typing import Any

from gatepass.core.jwk import Key, KeySet, read_jwk
from gatepass.core.strict import read_object
from gatepass.errors import ConfigurationError, MalformedCredential


def load(data: Mapping[str, Any] | str | bytes) -> Key | KeySet:
    """Read a JWK (RFC 7517) as a key, or a JWK Set as a key set, from a dict or from JSON text.

    Raises:
        ConfigurationError: It is of a kind that is not supported, or not well formed, or not for signatures.
    """
    source = "load(data)"
    jwk: object = data
    if isinstance(data, str | bytes):
        jwk = read_text(data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data, source)
    if isinstance(jwk, Mapping) and "keys" in jwk:
        return KeySet.from_jwks(jwk, source=source)
    return read_jwk(jwk, source=source)


def read_text(text: bytes, source: str) -> dict[str, Any]:
    """The JSON object in *text*; *source* says where it came from.

    Raises:
        ConfigurationError: It is not one.
    """
    try:
        return read_object(text)
    except MalformedCredential:
        raise ConfigurationError(
            cause="the text is not a JSON object in UTF-8, with each name once",
            fix="Give a JWK or a JWK Set, as RFC 7517 says.",
            source=source,
        ) from None
