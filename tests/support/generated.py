"""Texts with tokens in them, of every kind and with every fault, the same for the same seed."""

import base64
import hmac
import json
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gatepass.core.inspect import texts
from gatepass.core.keys.tutorials import TUTORIAL_SECRETS
from gatepass.core.strict import b64encode
from gatepass.keys import Ed25519Key
from support.fuzz import VALUES, Hand

NOW = 1_900_000_000
DAY = 86_400

Header = dict[str, Any]

#: What stands before a token in the logs, programs and mails that it is copied from, and is written as an escape there.
ESCAPES = (
    r"\033[1m",
    r"\x1B[31m",
    r"\u001b[m",
    r"\e[4m",
    r"\n",
    r"\\t",
    r"\u003D",
    r"\uzz3d",
    r"\x22",
    "=3D",
    r"\q",
    "\x1b[m",
)


def segment(value: object) -> str:
    return b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).decode()


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class Maker:
    """Makes tokens out of one source of chance."""

    def __init__(self, seed: int) -> None:
        self.hand = Hand(seed)
        self.chance = self.hand.random

    # -- what tokens are made of ---------------------------------------------------------------------------------------

    def word(self) -> str:
        return "".join(self.chance.choices("abcdefgh_-. 0123456789éя\U0001f511", k=self.chance.randrange(1, 12)))

    def value(self) -> Any:
        if self.chance.random() < 0.1:
            return self.chance.choice([value for value in VALUES if value != 10**400])
        return self.chance.choice(
            [
                self.word(),
                self.chance.randrange(10**9),
                self.chance.random() * 10.0 ** self.chance.randrange(-9, 20),
                True,
            ]
        )

    def claims(self, *without: str, **more: Any) -> dict[str, Any]:
        """Claims in order, with some that nobody asked for."""
        name = self.chance.choice(["sub", "jti", "acr", "azp", "zoneinfo", self.word()])
        made: dict[str, Any] = {
            name: self.word(),
            "iss": "https://id.example",
            "aud": self.chance.choice(["orders", ["a", "b"]]),
        }
        iat = NOW - self.chance.randrange(1, DAY)
        made |= {"iat": iat, "exp": iat + DAY + self.chance.randrange(1, 10 * DAY), **more}
        return {name: value for name, value in made.items() if name not in without}

    def header(self, alg: str | None = None, /, *without: str, **more: Any) -> Header:
        made = {"alg": alg or self.chance.choice(list(texts.ALGORITHMS)), "kid": f"k{self.chance.randrange(99)}"}
        return {name: value for name, value in {**made, "typ": "JWT", **more}.items() if name not in without}

    def octets(self, alg: str) -> bytes:
        """As many as a signature has."""
        return self.chance.randbytes(texts.ALGORITHMS[alg][1] or self.chance.choice([256, 384, 512]))

    def token(self, header: Header | None = None, claims: object = None, signature: bytes | None = None) -> str:
        header = self.header() if header is None else header
        claims = self.claims() if claims is None else claims
        signature = self.octets(header["alg"]) if signature is None else signature
        return f"{segment(header)}.{segment(claims)}.{segment(signature)}"

    def signed(self, header: Header, sign: Callable[[bytes], bytes]) -> str:
        text = f"{segment(header)}.{segment(self.claims())}"
        return f"{text}.{segment(sign(text.encode()))}"

    def by_secret(self, secret: bytes) -> str:
        alg, digest = self.chance.choice([("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512")])
        return self.signed(self.header(alg), lambda text: hmac.digest(secret, text, digest))

    def key(self) -> Ed25519Key:
        return Ed25519Key(Ed25519PrivateKey.from_private_bytes(self.chance.randbytes(32)))

    def id(self, count: int) -> str:
        return segment(self.chance.randbytes(count))

    def cut(self, text: str) -> tuple[str, str]:
        at = self.chance.randrange(20, len(text) - 20)
        return text[:at], text[at:]

    def with_part(self, number: int, change: Callable[[str], str]) -> str:
        """A token of which one segment is changed."""
        parts = self.token().split(".")
        parts[number] = change(parts[number])
        return ".".join(parts)

    def saying(self, payload: bytes) -> str:
        return self.with_part(self.chance.choice([0, 1]), lambda _: segment(payload))

    def spoiled(self) -> str:
        """A token that somebody was at."""
        return self.hand.change(self.token().encode()).decode(errors="replace")

    def spoiled_inside(self) -> str:
        """A token whose claims or header somebody was at, before they were encoded."""
        return self.saying(self.hand.text(self.claims(nested={"a": [self.value(), {"b": self.value()}]})))

    def json_form(self, **more: Any) -> str:
        header, payload, signature = self.token().split(".")
        form: dict[str, Any] = {"payload": payload, "protected": header, "signature": signature, **more}
        return json.dumps(form, indent=self.chance.choice([None, 2]))

    def encrypted(self, *, key: str = "AAAA") -> str:
        named = list(texts.ENCRYPTION)
        header = {"alg": self.chance.choice(named[:17]), "enc": self.chance.choice(named[17:]), "kid": "k"}
        return ".".join([segment(header), key, self.id(12), self.id(self.chance.randrange(1, 90)), self.id(16)])

    def disclosed(self, disclosures: int, end: str = "") -> str:
        said = [[self.id(9), self.chance.choice(["email", self.word()]), self.value()] for _ in range(disclosures)]
        return "~".join([self.token(), *(segment(one) for one in said), segment([self.id(9), "x"]), segment(b"["), end])

    def paseto(self, purpose: str) -> str:
        version, octets = self.chance.choice([("v1", 256), ("v2", 64), ("v3", 96), ("v4", 64)])
        said = json.dumps(self.claims()).encode() if purpose == "public" else self.chance.randbytes(60)
        footer = self.chance.choice(["", f".{segment(b'key-1')}"])
        return f"{version}.{purpose}.{segment(said + self.chance.randbytes(octets))}{footer}"

    def proof(self, **more: Any) -> str:
        key = self.key()
        claims = {"htm": "GET", "htu": "https://api.example/a", "iat": NOW, "jti": self.word()}
        text = f"{segment({'alg': 'Ed25519', 'typ': 'dpop+jwt', 'jwk': key.to_jwk(), **more})}.{segment(claims)}"
        return f"{text}.{segment(key.sign(text.encode()))}"

    def nested(self, deep: int = 1) -> str:
        text = self.token()
        for _ in range(deep):
            header = self.header(cty="JWT")
            text = f"{segment(header)}.{segment(text.encode())}.{segment(self.octets(header['alg']))}"
        return text


#: Each makes a text. Together they reach all that an inspection can say.
RECIPES: tuple[Callable[[Maker], str], ...] = (
    # kinds
    lambda m: m.token(),
    lambda m: m.json_form(),
    lambda m: m.json_form(header={"kid": "k", "x": m.value()}),
    lambda m: json.dumps({"payload": segment(m.claims()), "signatures": [{"protected": segment(m.header())}, 7] * 6}),
    lambda m: m.encrypted(),
    lambda m: m.encrypted(key=""),
    lambda m: json.dumps(
        {"protected": segment({"alg": "dir", "enc": "A128GCM"}), "ciphertext": m.id(40), "iv": "AAAA"}
    ),
    lambda m: m.nested(),
    lambda m: m.nested(5),
    lambda m: m.disclosed(3),
    lambda m: m.disclosed(2, m.token(m.header(typ="kb+jwt"))),
    lambda m: m.disclosed(210),
    lambda m: m.proof(),
    lambda m: m.paseto("public"),
    lambda m: m.paseto("local"),
    lambda m: f"{m.id(16)}.{m.id(32)}",
    lambda m: f"{m.id(16)}.{m.chance.randrange(99)}.{m.id(32)}",
    lambda m: m.id(20),
    lambda m: f"{m.word()} no token {m.word()}",
    # noise
    lambda m: f"Authorization: Bearer {m.token()}",
    lambda m: f"curl -H 'Authorization: DPoP {m.token()}' -H 'DPoP: {m.proof()}' https://api.example",
    lambda m: f"Cookie: a={m.id(16)}.{m.id(32)}; access={m.token()}; b=1",
    lambda m: json.dumps({"log": [{"name": m.word(), "value": f"Bearer {m.token()}"}, {"x": m.token()}]}),
    lambda m: m.word() + m.chance.choice(ESCAPES) + m.token() + m.chance.choice(ESCAPES) + m.word(),
    lambda m: m.chance.choice((" ", "\xa0", " \\\n", "\t\r\n\xa0", "\\ \n")).join([*m.cut(m.token()), ""]),
    lambda m: m.token() * 2 + m.chance.choice(("", " ", "\u201d", "\u00bb.")) + m.token().replace(".", ".."),
    lambda m: f"{m.token()[:-1]} {m.word()}\n{m.word()}",
    lambda m: f"{m.word()}\U0001f600 refused {m.token()}, sorry",
    lambda m: f"It was {m.token()}...",
    lambda m: f"\x1b[1;31m{m.word()}\x1b[0m \x1b[38:5:{m.chance.randrange(256)}m{m.token()}\x1b[m, \x1b[{m.token()}",
    lambda m: "\n".join(f"{m.chance.choice(('> ', '>', ' >> ', '> > '))}{line}" for line in m.token().split(".", 1)),
    lambda m: f"> {m.token()}\n\r> {m.word()}\u2028> {m.token()}\n>{m.id(20)}",
    lambda m: f"next=%252Fcb%253Ftoken%253D{m.token().replace('.', '%252E')}%2526x%25253d{m.token()}%25zzey",
    lambda m: f"https://a.example/cb?{m.word()}=1&token={m.token().replace('.', '%2E')}%26x&y",
    lambda m: f"https://a.example/verify/{m.token()}/next",
    lambda m: f"https://a.example/?{m.id(9)}={m.token()}#a={m.id(70)}&id_token={m.token()}&b={m.token()}",
    lambda m: (
        f"token: {b64(m.token())} {b64(m.token() + m.chance.choice((chr(10), ' ', chr(31))))[:-1]}, {b64('eyJ.a.b é')}"
    ),
    lambda m: "\u200b".join(m.cut(m.token())),
    lambda m: "\r\n  ".join(m.cut(m.token())) + "\n",
    lambda m: "\n".join([*m.cut(m.token()), "..."]),
    lambda m: f"\n \u2003{m.token()}\n",
    lambda m: f"`{m.token()}` and “{m.token()}”",
    lambda m: "\n".join(m.token() for _ in range(4)),
    lambda m: "\n".join(f"{number} {m.id(16)}.{m.id(32)}" for number in range(1_005)),
    # defects
    lambda m: f"{m.token()}=",
    lambda m: m.with_part(m.chance.randrange(3), lambda part: f"{part}=="),
    lambda m: m.with_part(2, lambda part: f"{part[:8]}+/{part[10:]}"),
    lambda m: m.with_part(m.chance.randrange(3), lambda part: f"{part[:9]}*{part[10:]}"),
    lambda m: m.with_part(2, lambda part: f"{part}A"),
    lambda m: m.with_part(1, lambda _: segment(b'{"a": 1 }').rstrip("Q") + "R"),
    lambda m: m.token(m.header("HS256"), None, b"s" * 32)[:-1] + "9",
    lambda m: m.with_part(1, lambda _: ""),
    lambda m: m.token().rpartition(".")[0],
    lambda m: f"{m.token()}.{m.word()}",
    lambda m: segment(m.header()),
    lambda m: segment(m.claims()),
    lambda m: m.saying(b'{"a":"' + m.chance.randbytes(9) + b'\xff"}'),
    lambda m: m.saying("\ufeff".encode() + json.dumps(m.claims()).encode()),
    lambda m: m.saying(m.chance.choice([b"[]", b"null", b'"text"', b"7", b"true"])),
    lambda m: m.saying(b'{"a":[NaN,-Infinity,Infinity]}'),
    lambda m: m.saying(m.chance.choice([b'{"a":1e999}', b'{"a":-1' + b"0" * 4_300 + b"}"])),
    lambda m: m.saying(b'{"a":' + b"[" * m.chance.randrange(97, 200)),
    lambda m: m.saying(json.dumps(m.claims()).encode()[: -m.chance.randrange(1, 60)]),
    lambda m: m.saying(b'{"\\u00e9":"\\ud83d\\ude00","\xc3\xa9\\uDEAD":"\\/\\b",}'),
    lambda m: m.spoiled(),
    lambda m: m.spoiled(),
    lambda m: m.spoiled_inside(),
    lambda m: m.spoiled_inside(),
    # findings
    lambda m: m.token({"alg": m.chance.choice(["none", "None", "nOnE"])}, None, b""),
    lambda m: m.token(signature=b""),
    lambda m: m.token(
        m.header(kid=m.chance.choice(["../../k", "a/b", "k' or 1=1", "http://a", "k\u2003", "|\U0001f511"]))
    ),
    lambda m: m.token(m.header(**{m.chance.choice(["jku", "x5u"]): "https://evil.example"})),
    lambda m: m.token(m.header(None, **{m.chance.choice(["jwk", "x5c"]): {}})),
    lambda m: m.signed(m.header("Ed25519", jwk=(key := m.key()).to_jwk()), key.sign),
    lambda m: m.signed(m.header("EdDSA", jwk=m.key().to_jwk()), m.key().sign),
    lambda m: m.by_secret(b""),
    lambda m: m.by_secret(m.chance.choice([secret for secret in TUTORIAL_SECRETS if secret]).encode()),
    lambda m: m.by_secret(m.chance.randbytes(32)),
    lambda m: m.token(claims=m.claims(cnf={"jwk": m.key().to_jwk(private=True)})),
    lambda m: m.token(claims=m.claims(keys=[{"kty": "oct", "k": m.id(32)}])),
    lambda m: m.token(claims=m.claims("exp")),
    lambda m: m.token(claims=m.claims("aud", "iss")),
    lambda m: m.token(claims=m.claims(scope="read", exp=NOW + m.chance.randrange(2, 20) * DAY)),
    lambda m: m.token(m.header(typ="application/AT+JWT"), m.claims(client_id="c", exp=NOW + 5 * DAY)),
    lambda m: m.token(claims=m.claims(exp=NOW + m.chance.randrange(40, 40_000) * DAY)),
    lambda m: m.token(claims=m.claims(iat=NOW + m.chance.randrange(1, 40 * DAY))),
    lambda m: m.token(claims=m.claims(nbf=NOW + m.chance.randrange(1, 40 * DAY))),
    lambda m: m.token(claims=m.claims(nbf=(NOW + m.chance.randrange(-DAY, DAY)) * 1_000)),
    lambda m: m.token(claims=m.claims(nbf=m.chance.choice([10**300, 1e300, True, [5], None, "5"]))),
    lambda m: m.token(claims=m.claims(exp=NOW - 3 * DAY)),
    lambda m: m.token(claims=m.claims(exp=NOW - m.chance.randrange(DAY), iat=NOW - 2 * DAY)),
    lambda m: m.token(m.header("ES256", "kid")),
    lambda m: m.token(m.header(crit=["x"], x5t="x")),
    lambda m: m.token(m.header(**{"x5t": "x", "x5t#S256": "y"})),
    lambda m: m.token(m.header("RS256"), None, m.chance.randbytes(128)),
    lambda m: m.token(m.header("ES256"), None, b"0\x44\x02\x20" + b"r" * 32 + b"\x02\x20" + b"s" * 32),
    lambda m: m.token(m.header("ES512"), None, b"0\x81\x86\x02\x42" + b"r" * 132),
    lambda m: m.token(m.header("ES384"), None, m.chance.randbytes(m.chance.randrange(1, 200))),
    lambda m: m.token(claims=m.claims(password=m.word(), card="4111 1111 1111 1111", key="AKIAIOSFODNN7EXAMPLE")),
    lambda m: m.token(claims=m.claims(a=["-----BEGIN PRIVATE KEY-----", {"b": m.token()}], card=4111111111111111)),
    lambda m: m.token(claims=m.claims(email="ada@example.com", x="+44 20 7946 0000", y=f"{m.word()}@b.c")),
    lambda m: m.token(claims=m.claims(**{f"a{number}": "a@example.com" for number in range(60)})),
    lambda m: m.token(claims=m.claims(x="x" * m.chance.randrange(3_000, 5_000))),
    lambda m: m.token(claims=m.claims(x="x" * m.chance.randrange(6_200, 9_000))),
    lambda m: m.token(claims={f"{m.word()}{number}": number for number in range(1_005)}),
    lambda m: m.saying(b'{"a":' + b'[{"b":' * 20 + b"[]" + b"}]" * 20 + b"}"),
    lambda m: m.saying(
        b'{"b":1,"a":2,"b":{"\xf0\x9f\x94\x91":1,"\xf0\x9f\x94\x91":2,"\xef\xbf\xbd":1,"\xef\xbf\xbd":2}}'
    ),
    lambda m: m.token(claims=m.claims(_sd=[d := m.id(9), "x"], a=[{"...": m.chance.choice([d, "y", 7])}])),
    lambda m: f"{m.token(claims=m.claims(_sd=['d']))}~{segment(['s', 'a', {'_sd': ['d']}])}~",
    lambda m: m.token(claims=m.claims(name="ada\u202egpj", **{"\u2066x": {}, "\ud800": "\x7f\U000e0041"})),
    lambda m: m.token(claims=m.claims(exp=str(NOW + DAY), nbf="soon", auth_time=None)),
    lambda m: m.token(claims=m.claims(exp=m.chance.choice([10**11 + 1, 253_402_300_799, 253_402_300_800, str(NOW)]))),
    lambda m: m.token(m.header(kid="k`. Signature valid."), {"`. `": "a@b.c", "n": 1}),
    lambda m: m.token(claims=m.claims(exp=(NOW + m.chance.randrange(DAY)) * 1_000 + m.chance.randrange(1_000))),
    lambda m: m.token(claims=m.claims(exp=NOW + DAY + m.chance.random(), iat=float(NOW - 1), nbf=-0.0)),
    lambda m: m.token(claims=m.claims(exp=m.chance.choice([True, -1, 1e300, 10**300, [], {"a": 1}]))),
    lambda m: m.token(claims=m.claims(nonce="n", at_hash="h")),
    lambda m: m.token(claims=m.claims(**{m.chance.choice(["__proto__", "constructor", "toString"]): m.value()})),
    lambda m: m.token(claims={"a": [m.value() for _ in range(9)], "b": {m.word(): m.value() for _ in range(9)}}),
    lambda m: m.token(claims=m.claims(html="</script><img src=x onerror=alert(1)>{{ x }} ${y} javascript:z")),
)


def made(count: int, seed: int) -> list[str]:
    """So many texts: each of the recipes as often as any other, one at most."""
    maker = Maker(seed)
    return [RECIPES[number % len(RECIPES)](maker) for number in range(count)]
