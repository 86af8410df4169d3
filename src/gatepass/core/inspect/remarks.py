"""What is remarkable about a token that could be read: the table of warnings, as far as it needs no key."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from gatepass.core.claims import MAX_TIME
from gatepass.core.inspect import texts
from gatepass.core.inspect.model import HIDDEN, Moment, brief
from gatepass.core.inspect.read import Reader
from gatepass.core.inspect.relative import duration, relative

#: Seconds. RFC 9700 section 2.2 wants access tokens to be short-lived; an hour and 30 days are our choice.
LONG_ACCESS: Final = 3_600
LONG: Final = 30 * 86_400
#: What looks secret, personal or hidden is said so often, and then no more. Our choice.
MOST_SEEN: Final = 50

TIMES: Final = ("iat", "nbf", "exp", "auth_time")

# A kid is a file, a query or an address, if anybody reads it so. What is base64 of a digest may hold a slash.
_KID: Final = re.compile(r"""\.\.|[\\"'`;?&%<>|$()\s\x00-\x1f\x7f]|:/""")
_DIGEST: Final = re.compile(r"[A-Za-z0-9+/]{27,}={0,2}")

_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s.]{1,63}(?:\.[^@\s.]{1,63}){1,8}")
_PHONE: Final = re.compile(r"\+[0-9][0-9 ()./-]{5,18}[0-9]")
_CARD: Final = re.compile(r"(?:4|5[1-5]|2[2-7]|3[0-8]|6)[0-9 -]{11,22}[0-9]")
_JOSE: Final = re.compile(r"(?<![A-Za-z0-9_-])ey[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+\.")
_API_KEY: Final = re.compile(
    r"(?<![A-Za-z0-9_-])(?:(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20}|github_pat_[A-Za-z0-9_]{20}"
    r"|glpat-[A-Za-z0-9_-]{20}|[rs]k_(?:live|test)_[A-Za-z0-9]{10}|sk-[A-Za-z0-9_-]{20}|xox[abprs]-[A-Za-z0-9-]{10}"
    r"|AIza[0-9A-Za-z_-]{35}|npm_[A-Za-z0-9]{30})"
)


def remark_header(reader: Reader, header: Mapping[str, Any]) -> None:
    """Say what is remarkable about the header of any token."""
    kid = header.get("kid")
    if isinstance(kid, str) and (found := _suspicious(kid)):
        reader.find("kid_suspicious", found=found)
    for name in ("jku", "x5u"):
        if name in header:
            reader.find("key_url", name=name)
    if "x5t" in header and "x5t#S256" not in header:
        reader.find("thumbprint_sha1")
    if "crit" in header:
        reader.find("crit")


def remark_signed_header(reader: Reader, header: Mapping[str, Any], *, dpop: bool) -> None:
    """Say what is remarkable about the header of a token that is signed."""
    alg = header.get("alg")
    if isinstance(alg, str) and alg.lower() == "none":
        reader.find("alg_none")
    if alg == "EdDSA":
        reader.find("eddsa")
    if "kid" not in header and not dpop and isinstance(alg, str) and alg[:2] in {"RS", "PS", "ES", "Ed"}:
        reader.find("kid_missing")
    for name in ("jwk", "x5c"):
        if name in header and not dpop:  # a DPoP proof is signed by the key that it brings: RFC 9449 section 4.2
            reader.find("key_embedded", name=name)


def _suspicious(kid: str) -> str:
    if match := _KID.search(kid):
        return f"`{brief(match[0])}`"
    return "`/`" if "/" in kid and not _DIGEST.fullmatch(kid) else ""


def remark_signature(reader: Reader, alg: object, signature: bytes | None) -> None:
    """Say what can be seen of a signature without a key: how long it is, and in which form."""
    if not isinstance(alg, str) or alg.lower() == "none":
        return
    if not signature:
        reader.find("signature_empty", alg=brief(alg))
        return
    if alg not in texts.ALGORITHMS:
        return
    expected = texts.ALGORITHMS[alg][1]
    if not expected:
        if len(signature) * 8 < 2048:  # noqa: PLR2004 - RFC 7518 section 3.3
            reader.find("rsa_small", bits=len(signature) * 8)
    elif alg.startswith("ES") and len(signature) != expected and _is_der(signature):
        reader.find("signature_der", alg=alg, expected=expected)
    elif len(signature) != expected:
        reader.find("signature_size", alg=alg, found=len(signature), expected=expected)


def _is_der(signature: bytes) -> bool:
    """Whether it begins as a sequence of two integers that is as long as it says."""
    long = signature[1:2] == b"\x81"
    head = signature[2:] if long else signature[1:]
    return signature[:1] == b"0" and head[:1] == bytes([len(head) - 1 & 255]) and head[1:2] == b"\x02"


def remark_claims(  # noqa: C901  one claim after the other
    reader: Reader, claims: Mapping[str, Any], typ: str, *, now: float
) -> tuple[Moment, ...]:
    """Say what is remarkable about the claims of a token, and return the times that they name.

    Args:
        reader: Where it is noted.
        claims: What the token says.
        typ: What its header says it is, in lower case and without `application/`; empty where it says nothing.
        now: Seconds since the epoch.
    """
    times = {name: at for name in TIMES if name in claims and (at := _time(reader, name, claims[name])) is not None}
    if typ != "dpop+jwt":  # which is good for one request, and says so by `htm`, `htu`, `iat`: RFC 9449 section 4.2
        for name in ("exp", "aud", "iss"):
            if name not in claims:
                reader.find(f"{name}_missing")
    access = typ == "at+jwt" or any(name in claims for name in ("scope", "scp", "client_id"))
    if access and typ not in {"at+jwt", "dpop+jwt"}:
        reader.find("typ_access")
    iat, nbf, exp = (times.get(name) for name in ("iat", "nbf", "exp"))
    if exp is not None:
        lives = exp - (now if iat is None else iat)
        if iat is not None and exp <= iat:
            reader.find("exp_before_iat")
        elif lives > LONG:
            reader.find("lifetime", duration=duration(lives))
        elif access and lives > LONG_ACCESS:
            reader.find("lifetime_access", duration=duration(lives))
    if iat is not None and iat > now:
        reader.find("iat_future", relative=relative(iat - now))
    if nbf is not None and nbf > now:
        reader.find("nbf_future", relative=relative(nbf - now))
    return tuple(
        Moment(name=name, at=at, relative=relative(at - now), read=at == claims[name]) for name, at in times.items()
    )


def _time(reader: Reader, name: str, value: object) -> float | None:
    """The seconds that *value* means, also where it is written in another way than RFC 7519 wants."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,16}", value, re.ASCII):
        reader.find("time_text", name=name)
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        reader.find("time_no", name=name)
        return None
    # What is no time as seconds is one as milliseconds, from January 1978 on.
    if MAX_TIME < value <= MAX_TIME * 1_000:
        reader.find("time_ms", name=name)
        value /= 1_000
    if not 0 <= value <= MAX_TIME:
        reader.find("time_no", name=name)
        return None
    if isinstance(value, float) and not value.is_integer():
        reader.find("time_fraction", name=name)
    return value


def remark_values(reader: Reader, part: str, value: object) -> None:
    """Say which values look secret, personal, or other than they are shown."""
    seen = 0
    for path, name, member in _walk(part, "", value):
        for code, what in _looks(name, member):
            if seen == MOST_SEEN:
                reader.left_out = True
                return
            seen += 1
            reader.find(code, path=brief(path), what=what)


def remark_digests(reader: Reader, values: list[object]) -> None:
    """Say which digest is twice in *values*: the claims of an SD-JWT, and what it discloses."""
    seen: set[str] = set()
    for _, name, member in _walk("", "", values):
        if name in {"_sd", "..."} and isinstance(member, str):
            if member in seen:
                reader.find("digest_twice", digest=brief(member))
                return
            seen.add(member)


def _walk(path: str, name: str, value: object) -> Iterator[tuple[str, str, object]]:
    """Each value with its path and its name, and each name by itself; a list's values have the name of the list."""
    yield path, name, value
    if isinstance(value, dict):
        for inner, member in value.items():
            place = f"{path[:200]}.{inner[:200]}"
            yield place, "", inner
            yield from _walk(place, inner, member)
    elif isinstance(value, list):
        for number, member in enumerate(value):
            yield from _walk(f"{path[:200]}[{number}]", name, member)


def _looks(name: str, value: object) -> Iterator[tuple[str, str]]:
    """What *value* looks like, as the code of a finding and in words."""
    text = value if isinstance(value, str) else str(value) if type(value) is int else ""
    if HIDDEN.search(text):
        yield "hidden", ""
    if isinstance(value, dict) and _is_private(value):
        yield "key_private", ""
    if not text:
        return
    plain = name.lower().replace("-", "").replace("_", "")
    if what := texts.SECRET_NAMES.get(plain) or _secret(text):
        yield "secret", what
    elif what := texts.PERSONAL_NAMES.get(plain) or _personal(text):
        yield "personal", what


def _is_private(jwk: Mapping[str, Any]) -> bool:
    """Whether it has what signs: `d` of a pair of keys, `k` of a secret. RFC 7518 section 6."""
    kty = jwk.get("kty")
    return isinstance(kty, str) and ("d" in jwk or (kty == "oct" and "k" in jwk))


def _secret(text: str) -> str:
    if "PRIVATE KEY-----" in text:
        return "a private key"
    if _JOSE.search(text):
        return "another token"
    if _API_KEY.search(text):
        return "a key of an API"
    if _CARD.fullmatch(text) and _luhn([int(digit) for digit in text if digit.isdigit()]):
        return "a card number"
    return ""


def _luhn(digits: list[int]) -> bool:
    """Whether the last digit checks the others: ISO/IEC 7812-1 annex B."""
    odd, even = digits[-1::-2], digits[-2::-2]
    return 13 <= len(digits) <= 19 and not (sum(odd) + sum(sum(divmod(2 * digit, 10)) for digit in even)) % 10  # noqa: PLR2004


def _personal(text: str) -> str:
    if _EMAIL.fullmatch(text):
        return "an e-mail address"
    return "a telephone number" if _PHONE.fullmatch(text) else ""
