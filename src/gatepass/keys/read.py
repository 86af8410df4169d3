"""Keys read from what others wrote: JWK, JWK Set, PEM and DER."""

from collections.abc import Mapping
from typing import Any, Final

from gatepass.core.keys import Key, KeySet, read_der, read_jwk, read_jwks, read_pem
from gatepass.core.strict import read_object
from gatepass.errors import ConfigurationError, MalformedCredential

#: Bytes of a text: 1 MiB, more than any set of keys that is read has.
MAX_TEXT: Final = 1 << 20
# How each key in DER begins, and neither JSON nor PEM: a sequence.
_DER: Final = b"\x30"
_PEM: Final = b"-----BEGIN"
_SSH: Final = (b"ssh-", b"ecdsa-sha2-", b"sk-ssh-", b"sk-ecdsa-")


def load(
    data: Mapping[str, Any] | str | bytes,
    *,
    algorithm: str | None = None,
    kid: str | None = None,
    public_only: bool = False,
) -> Key | KeySet:
    """Read a key, or a JWK Set as a key set.

    Every key is bound to one algorithm (RFC 8725 section 3.1). A curve says which; a JWK may say it in its `alg`. For
    an RSA key in PEM or DER, and an RSA key or a secret in a JWK without `alg`, it has to be said here. A private JWK
    for verifying alone (`key_ops`) is read as its public half.

    Args:
        data: A JWK or a JWK Set (RFC 7517), as a dict or as JSON text; or one key in PEM (SPKI, PKCS#8, PKCS#1, SEC 1);
            or, as bytes, one in DER.
        algorithm: What the key is for, or those keys of a set that do not say it themselves. `EdDSA` means Ed25519.
        kid: The name under which tokens refer to the key, where it has none of its own: PEM never has. Otherwise it is
            named by its thumbprint (RFC 7638). A set names its own.
        public_only: Whether private keys and secrets are refused: where only verifying is done, there should be none.

    Raises:
        ConfigurationError: It is of a kind that is not supported, or not well formed, or not for signatures, or weak,
            or says something else than was asked for.
    """
    source = "load(data)"
    if algorithm is not None and type(algorithm) is not str:
        raise _refused("the algorithm is not a text", "Name the one that the key is for.", source)
    jwk: object = data
    if isinstance(data, str | bytes):
        text = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
        if len(text) > MAX_TEXT:
            raise _refused(f"the text has more than {MAX_TEXT} bytes", "Give one key, or one set of keys.", source)
        if text.startswith(_DER) and not isinstance(data, str):
            return read_der(text, algorithm=algorithm, kid=kid, public_only=public_only, source=source)
        if _PEM in text and not text.lstrip().startswith(b"{"):
            return read_pem(text, algorithm=algorithm, kid=kid, public_only=public_only, source=source)
        if text.startswith(_SSH):
            raise _refused("the key is in the form of OpenSSH", "Convert it: ssh-keygen -e -m pkcs8.", source)
        jwk = read_text(text, source)
    if isinstance(jwk, Mapping) and "keys" in jwk:
        if kid is not None:
            raise _refused("a set of keys names each of its own", "Leave kid= out.", source)
        return read_jwks(jwk, algorithm=algorithm, public_only=public_only, source=source)
    return read_jwk(jwk, algorithm=algorithm, kid=kid, public_only=public_only, source=source)


def read_text(text: bytes, source: str) -> dict[str, Any]:
    """The JSON object in *text*; *source* says where it came from.

    Raises:
        ConfigurationError: It is not one.
    """
    try:
        return read_object(text)
    except MalformedCredential:
        raise _refused(
            "the text is neither PEM nor a JSON object in UTF-8, with each name once",
            "Give a JWK or a JWK Set, as RFC 7517 says, or a key in PEM.",
            source,
        ) from None


def _refused(cause: str, fix: str, source: str) -> ConfigurationError:
    return ConfigurationError(cause=cause, fix=fix, source=source)
