"""Tokens: what it costs to make one, to check one that is new here, and to check one again, in every algorithm.

The claims are those of an access token of ours. Beside the checks that each library is asked for, gatepass asks for
`typ`, `sub`, `jti` and `iat`, for the one canonical spelling, and that no name stands twice.
"""

import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha512
from importlib.metadata import version
from time import time
from typing import Any, TypeAlias

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

from bench.harness import Case, Row, measure, smoke
from bench.libraries import AUDIENCE, CHECKERS, ISSUER, LEEWAY, LIBRARIES, Side
from gatepass.core import jws
from gatepass.core.claims import ACCESS, TokenCheck
from gatepass.core.keyring import KeyRing
from gatepass.core.keys import EcKey, Ed25519Key, HmacKey, Key, KeySet, RsaKey
from gatepass.core.revocation import Denylist
from gatepass.core.strict import b64decode, encode
from gatepass.core.warm import AccessTokens
from gatepass.keys.made import new_root

#: Different tokens in turn, as a server sees them.
TOKENS = 500
#: How many show that it works.
FEW = 5
#: Rounds of 5 ms for each of about 200 cases: two minutes.
ROUNDS = 100
OURS, AGAIN, FLOOR = "gatepass", "gatepass, again", "bare primitive and JSON"
PYJWT = "pyjwt"
PACKAGES = (*LIBRARIES, "cryptography", "msgspec")
HASHES: Mapping[str, HashAlgorithm] = {"256": SHA256(), "384": SHA384(), "512": SHA512()}

#: By topic and name.
Rows: TypeAlias = Mapping[tuple[str, str], Row]


def run(*, few: bool) -> Iterator[str]:
    """Measure every algorithm; in a smoke run only show that each side accepts and refuses what it should."""
    made = keys()
    cases = [case for key, pair in made for case in _cases(key, pair, count=FEW if few else TOKENS)]
    algorithms = [key.alg for key, _ in made]
    if few:
        _ = smoke(cases)
        yield f"{len(cases)} cases: each library reads what the others make, and refuses what it should."
        return
    rows = {(row.case.topic, row.case.name): row for row in measure(cases, rounds=ROUNDS)}
    yield f"Python {platform.python_version()}, {platform.machine()}."
    yield "Microseconds: median (middle 80 % of rounds); of the other libraries also how many times ours."
    yield ", ".join(f"{package} {version(package)}" for package in PACKAGES) + "."
    yield from _table("Check a token", [_check(alg) for alg in algorithms], (AGAIN, OURS, FLOOR, *CHECKERS), rows)
    yield from _table("Make a token", [_make(alg) for alg in algorithms], (OURS, FLOOR, *LIBRARIES), rows)
    yield from _budgets(rows)
    yield from _quicker(rows)


def _check(alg: str) -> str:
    return f"{alg}: check"


def _make(alg: str) -> str:
    return f"{alg}: make"


# -- what is measured --------------------------------------------------------------------------------------------------


def claims(number: int, now: int) -> dict[str, Any]:
    return {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": f"user-{number}",
        "client_id": AUDIENCE,
        "sid": f"{number:022d}",
        "jti": f"{number:016d}",
        "iat": now,
        "exp": now + 3_600,
        "auth_time": now,
        "roles": ["admin", "editor"],
    }


def keys() -> list[tuple[Key, Any]]:
    """A key for each algorithm, and the pair of `cryptography` that it was made of; None for a secret."""
    secret = sha512(b"bench").digest()
    curves = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
    pairs = {alg: ec.generate_private_key(curve) for alg, curve in curves.items()}
    edwards = Ed25519PrivateKey.generate()
    large = rsa.generate_private_key(65_537, 2_048)  # as RSA keys of tokens mostly are
    return [
        *((HmacKey(secret, algorithm=f"HS{size}"), None) for size in HASHES),
        *((EcKey(pair), pair) for pair in pairs.values()),
        (Ed25519Key(edwards), edwards),
        *((RsaKey(large, algorithm=f"{family}{size}"), large) for family in ("RS", "PS") for size in HASHES),
    ]


def _cases(key: Key, pair: Any, *, count: int) -> list[Case]:
    """The cases of one algorithm, once each side has shown what it accepts and refuses."""
    now = int(time())
    said = [claims(number, now) for number in range(count)]
    ours = _ours(key)
    tokens = [ours.sign(what) for what in said]
    sides = {name: side for name, at in CHECKERS.items() if (side := at(key)) is not None}
    cases = [
        Case(topic=_check(key.alg), name=AGAIN, call=_again(key, tokens), inputs=tokens),
        Case(topic=_check(key.alg), name=FLOOR, call=_bare(key, pair), inputs=[_parts(key, token) for token in tokens]),
        Case(topic=_make(key.alg), name=FLOOR, call=_bare_sign(key, pair), inputs=said),
    ]
    for name, side in ((OURS, ours), *sides.items()):
        # Whoever does not know the name that our tokens have for the algorithm gets tokens of its own.
        own = tokens if side.alg == key.alg else [side.sign(what) for what in said]
        prove(name, side, ours, said, own)
        cases.append(Case(topic=_check(key.alg), name=name, call=side.check, inputs=own))
        if name == OURS or name in LIBRARIES:
            cases.append(Case(topic=_make(key.alg), name=name, call=side.sign, inputs=said))
    return cases


def prove(name: str, side: Side, ours: Side, said: Sequence[dict[str, Any]], tokens: Sequence[str]) -> None:
    """Return if *side* reads *tokens*, we read what it makes, and it refuses what it should.

    Raises:
        AssertionError: It does not.
    """
    for what, token in zip(said, tokens, strict=True):
        if side.check(token) != what or ours.check(side.sign(what)) != what:
            raise AssertionError(f"{name} and gatepass do not read each other's tokens")
    (head, body, signature), (_, other, _) = tokens[0].split("."), tokens[1].split(".")
    first = said[0]
    bad = {
        "claims under the signature of others": f"{head}.{other}.{signature}",
        "a signature of zeros": f"{head}.{body}.{'A' * len(signature)}",
        "another issuer": side.sign({**first, "iss": f"{ISSUER}/"}),
        "another audience": side.sign({**first, "aud": f"{AUDIENCE}s"}),
        "an end that is over": side.sign({**first, "exp": first["iat"] - 60}),
    }
    for reason, token in bad.items():
        try:
            side.check(token)
        except Exception:  # noqa: BLE001  each library has its own
            continue
        raise AssertionError(f"{name} accepts {reason}")


def _ours(key: Key) -> Side:
    check = TokenCheck(KeySet([key]), algorithms=[key.alg], issuer=ISSUER, audience=AUDIENCE, leeway=LEEWAY).check
    return Side(
        sign=lambda what: jws.sign(encode(what), key, typ=ACCESS),
        check=lambda token: check(token, time())[1],
        alg=key.alg,
    )


def _again(key: Key, tokens: Sequence[str]) -> Callable[[str], object]:
    """The warm check alone, all of whose tokens are in its cache."""
    now = int(time())
    ring = KeyRing(signing=key, roots=(new_root(now),))
    seen = AccessTokens(ring, issuer=ISSUER, audience=AUDIENCE, accept=frozenset({"jwt"}), denylist=Denylist())
    for token in tokens:
        _ = seen.check(token, now)
    return lambda token: seen.check(token, now)


def _parts(key: Key, token: str) -> tuple[bytes, bytes, bytes]:
    """What is signed, the signature as the primitive wants it, and the JSON."""
    signed, _, last = token.encode().rpartition(b".")
    signature = b64decode(last)
    if key.kty == "EC":
        half = len(signature) // 2
        signature = encode_dss_signature(
            *(int.from_bytes(number, "big") for number in (signature[:half], signature[half:]))
        )
    return signed, signature, b64decode(signed.partition(b".")[2])


def _scheme(key: Key) -> tuple[Any, ...]:
    """What the primitive of *key* is told besides."""
    if key.kty == "OKP":
        return ()
    hash_ = HASHES[key.alg[2:]]
    if key.kty == "EC":
        return (ec.ECDSA(hash_),)
    pss = padding.PSS(mgf=padding.MGF1(hash_), salt_length=padding.PSS.DIGEST_LENGTH)
    return (pss if key.alg.startswith("PS") else padding.PKCS1v15(), hash_)


def _bare(key: Key, pair: Any) -> Callable[[tuple[bytes, bytes, bytes]], object]:
    if pair is None:
        return lambda parts: key.verify(parts[0], parts[1]) and msgspec.json.decode(parts[2])
    public, scheme = pair.public_key(), _scheme(key)

    def check(parts: tuple[bytes, bytes, bytes]) -> object:
        signed, signature, payload = parts
        public.verify(signature, signed, *scheme)
        return msgspec.json.decode(payload)

    return check


def _bare_sign(key: Key, pair: Any) -> Callable[[dict[str, Any]], object]:
    if pair is None:
        return lambda what: key.sign(msgspec.json.encode(what))
    scheme = _scheme(key)
    return lambda what: pair.sign(msgspec.json.encode(what), *scheme)


# -- what is printed ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What one of ours may cost, as a function of the median of something else."""

    topic: str
    name: str
    text: str
    against: str
    limit: Callable[[float], float]


PROMISES = (
    Promise(topic=_check("HS256"), name=OURS, text="PyJWT / 8", against=PYJWT, limit=lambda median: median / 8),
    Promise(topic=_check("HS256"), name=AGAIN, text="PyJWT / 80", against=PYJWT, limit=lambda median: median / 80),
    Promise(topic=_check("ES256"), name=OURS, text="bare + 15 %", against=FLOOR, limit=lambda median: median * 1.15),
    Promise(topic=_check("ES256"), name=AGAIN, text="PyJWT / 200", against=PYJWT, limit=lambda median: median / 200),
    Promise(topic=_check("Ed25519"), name=OURS, text="bare + 15 %", against=FLOOR, limit=lambda median: median * 1.15),
    Promise(topic=_check("Ed25519"), name=AGAIN, text="PyJWT / 200", against=PYJWT, limit=lambda median: median / 200),
    Promise(topic=_check("RS256"), name=OURS, text="bare + 8 µs", against=FLOOR, limit=lambda median: median + 8),
    Promise(topic=_make("HS256"), name=OURS, text="PyJWT / 7", against=PYJWT, limit=lambda median: median / 7),
)


def _table(title: str, topics: Sequence[str], names: Sequence[str], rows: Rows) -> Iterator[str]:
    yield f"\n### {title}\n"
    yield f"| | {' | '.join(names)} |"
    yield f"|---|{'---:|' * len(names)}"
    for topic in topics:
        ours = rows[topic, OURS].median
        cells = [_cell(rows.get((topic, name)), ours, beside=name in CHECKERS) for name in names]
        yield f"| {topic.partition(':')[0]} | {' | '.join(cells)} |"


def _cell(row: Row | None, ours: float, *, beside: bool) -> str:
    if row is None:
        return "none"
    figures = f"{row.median:.2f} ({row.low:.2f} to {row.high:.2f})"
    return f"{figures}, {row.median / ours:.1f}x" if beside else figures


def _budgets(rows: Rows) -> Iterator[str]:
    yield "\n### Budgets\n"
    yield "| | may cost | µs | measured | held |"
    yield "|---|---|---:|---:|---|"
    for promise in PROMISES:
        row, against = rows[promise.topic, promise.name], rows[promise.topic, promise.against].median
        what = promise.topic + promise.name.removeprefix(OURS).replace(",", "")
        limit = promise.limit(against)
        held = "yes" if row.median <= limit else f"**MISSED**, {row.median / limit:.2f} times"
        measured = (
            f"{row.median:.2f}, PyJWT / {against / row.median:.1f}" if promise.against == PYJWT else f"{row.median:.2f}"
        )
        yield f"| {what} | {promise.text} | {limit:.2f} | {measured} | {held} |"


def _quicker(rows: Rows) -> Iterator[str]:
    """Where another library is quicker than we are with a token that is new, by more than a twentieth."""
    yield "\n### Where another library is quicker\n"
    found = [
        f"- {topic}: {name}, {ours.median / row.median:.2f} times ({row.median:.2f} against {ours.median:.2f} µs)"
        for (topic, name), row in rows.items()
        if name in CHECKERS and row.median < (ours := rows[topic, OURS]).median / 1.05
    ]
    yield from found or ["Nowhere."]
