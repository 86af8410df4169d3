"""What a text that was found is, and all that can be said of it without a key."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from gatepass.core import jws, opaque
from gatepass.core.inspect import texts
from gatepass.core.inspect.find import Found
from gatepass.core.inspect.model import Hint, Member, Moment, Size, Token, by_level, fill, shown
from gatepass.core.inspect.read import Reader, as_json
from gatepass.core.inspect.remarks import (
    remark_claims,
    remark_digests,
    remark_header,
    remark_signature,
    remark_signed_header,
    remark_values,
)

#: Octets of a cookie, of which browsers promise no more: RFC 6265 section 6.1, with its name and attributes.
COOKIE: Final = 4_096
COOKIE_AROUND: Final = len("__Host-access=; Path=/; Secure; HttpOnly; SameSite=Lax")
HEADER_AROUND: Final = len("Authorization: Bearer ")
#: Tokens inside of tokens. 3: our choice; each is a third larger than what is in it.
MAX_INNER: Final = 3
#: Disclosures of one SD-JWT, and signatures of one token in JSON form, that are read. Our choice.
MAX_DISCLOSURES: Final = 200
MAX_SIGNATURES: Final = 10

_SIGNED: Final = ("header", "payload", "signature")
_ENCRYPTED: Final = ("header", "encrypted key", "IV", "ciphertext", "tag")
#: Octets of the signature at the end of a public PASETO, by its version.
_PASETO_SIGNATURE: Final = {"v1": 256, "v2": 64, "v3": 96, "v4": 64}
_COMPACT: Final = re.compile(r"ey[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)?")
_PASETO: Final = re.compile(r"(v[1-4])\.(local|public)\.([A-Za-z0-9_-]+)(?:\.([A-Za-z0-9_-]+))?")
_SECRET: Final = frozenset({"jwe", "jwe-json"})
_STRAY: Final = frozenset({"padding", "alphabet", "unused_bits"})
_CUT: Final = frozenset({"segments", "length", "empty"})


class Look:
    """One look at one text, which becomes a `Token`."""

    def __init__(self, text: str, *, now: float, depth: int = 0) -> None:
        self._text = text
        self._now = now
        self._depth = depth
        self._reader = Reader()
        self._header: dict[str, Any] = {}
        self._claims: dict[str, Any] | None = None
        self._disclosed: list[object] = []
        self._inner: list[Token] = []
        self._moments: tuple[Moment, ...] = ()

    # -- of which kind it is -------------------------------------------------------------------------------------------

    def compact(self) -> str:
        """Read the text; return the code of its kind."""
        if (credential := opaque.parse(self._text)) is not None:
            return "gatepass-session" if isinstance(credential, opaque.SessionToken) else "gatepass-refresh"
        if (match := _PASETO.fullmatch(self._text)) is not None:
            self._paseto(*match.groups())
            return "paseto"
        if "~" in self._text:
            return self._with_disclosures()
        if "." not in self._text and not self._text.startswith("ey"):
            return "unknown"  # a random id is no broken token
        return self._dotted(self._text)

    def in_json(self, form: Mapping[str, Any]) -> str:
        """Read *form*, the object that the text is; return the code of its kind."""
        if "ciphertext" in form:
            self._read_header("header", form.get("protected"))
            for name, member in zip(_ENCRYPTED[1:], ("encrypted_key", "iv", "ciphertext", "tag"), strict=True):
                self._binary(name, _text(form.get(member)))
            return "jwe-json"
        self._payload(_text(form.get("payload")))
        signatures = form.get("signatures", [form])
        for number, signed in enumerate(signatures[:MAX_SIGNATURES] if isinstance(signatures, list) else ()):
            if isinstance(signed, dict):
                self._read_header(f"header {number + 1}" if number else "header", signed.get("protected"))
                if isinstance(signed.get("header"), dict):  # which nothing protects
                    self._said(f"unprotected header {number + 1}", signed["header"], texts.HEADER)
                    self._header = {**signed["header"], **self._header}
                self._signature(f"signature {number + 1}" if number else "signature", _text(signed.get("signature")))
        self._reader.left_out |= isinstance(signatures, list) and len(signatures) > MAX_SIGNATURES
        return "jws-json"

    def _dotted(self, text: str) -> str:
        count = text.count(".") + 1
        segments = text.split(".", 5)[:5]
        # Without an `alg` there is no header (RFC 7515 section 4.1.1): a part alone is then a payload.
        alone = Reader().object("", text, {}) if count == 1 else None
        if alone and "alg" not in alone:
            segments = ["", text]
        else:
            self._read_header("header", segments[0])
        # RFC 7516 section 4.1.2: `enc` must be there. Without it, it is a signed token that was pasted twice, or worse.
        if count == len(_ENCRYPTED) and ("enc" in self._header or not self._header):
            for name, segment in zip(_ENCRYPTED[1:], segments[1:], strict=True):
                if segment or name != "encrypted key":  # which is empty where the key was agreed on
                    self._binary(name, segment)
            return "jwe" if self._header else "unknown"
        if len(segments) > 1:
            self._payload(segments[1])
        if count == len(_SIGNED):
            self._signature("signature", segments[2])
        else:
            self._reader.defect("segments", found=count, expected="3, or 5 if it is encrypted")
        if not self._header and self._claims is None and not text.startswith("eyJ"):  # else its header is cut off
            return "unknown"
        if count != len(_SIGNED):
            return "partial"
        if _typ(self._header) == "dpop+jwt":
            return "dpop"
        return "nested" if self._inner else "jws"

    def _with_disclosures(self) -> str:
        signed, *disclosures, proof = self._text.split("~", MAX_DISCLOSURES + 1)
        self._reader.left_out |= "~" in proof
        kind = self._dotted(signed)
        if kind != "jws":
            return kind
        for number, disclosure in enumerate(disclosures, 1):
            self._disclosure(f"disclosure {number}", disclosure)
        if proof and "~" not in proof:
            self._within(proof)
        return "sd-jwt"

    # -- its parts -----------------------------------------------------------------------------------------------------

    def _read_header(self, name: str, segment: object) -> None:
        found = self._reader.object(name, _text(segment), texts.HEADER) or {}
        self._header = self._header or found

    def _payload(self, segment: str) -> None:
        data = self._reader.octets("payload", segment)
        said = "" if data is None else self._reader.text("payload", data)
        if self._depth < MAX_INNER and _COMPACT.fullmatch(said):
            self._reader.part("payload", segment, data, said=said)
            self._within(said)
        else:
            self._claims = self._reader.said("payload", segment, data, said, texts.CLAIMS)

    def _signature(self, name: str, segment: str) -> None:
        signature = self._reader.octets(name, segment) if segment else b""
        self._reader.part(name, segment, signature)
        remark_signature(self._reader, self._header.get("alg"), signature)

    def _binary(self, name: str, segment: str) -> None:
        self._reader.part(name, segment, self._reader.octets(name, segment))

    def _said(self, name: str, value: dict[str, Any], meanings: Mapping[str, str]) -> None:
        """A part that is not of base64url."""
        text = as_json(value)
        _ = self._reader.said(name, text, text.encode(), text, meanings)

    def _disclosure(self, name: str, segment: str) -> None:
        data = self._reader.octets(name, segment)
        said = "" if data is None else self._reader.text(name, data)
        value = self._reader.value(name, said) if data else None
        self._disclosed.append(value)
        # RFC 9901 section 4.2: salt, name, value; of an element of a list: salt, value.
        if isinstance(value, list) and len(value) == 3 and isinstance(value[1], str):  # noqa: PLR2004
            meaning = texts.CLAIMS.get(value[1], "")
            member = Member(name=shown(value[1]), value=as_json(value[2]), meaning=meaning)
            self._reader.part(name, segment, data, members=(member,))
            remark_values(self._reader, name, {value[1]: value[2]})
        else:
            self._reader.part(name, segment, data, said=said)

    def _paseto(self, version: str, purpose: str, body: str, footer: str | None) -> None:
        data = self._reader.octets("payload", body) or b""
        if purpose == "public":
            cut = max(0, len(data) - _PASETO_SIGNATURE[version])
            said = self._reader.text("payload", data[:cut])
            _ = self._reader.said("payload", body, data[:cut], said, texts.CLAIMS)
        else:
            self._reader.part("payload", body, data)
        if footer is not None:
            data = self._reader.octets("footer", footer) or b""
            self._reader.part("footer", footer, data, said=self._reader.text("footer", data))

    def _within(self, text: str) -> None:
        look = Look(text, now=self._now, depth=self._depth + 1)
        self._inner.append(look.token(look.compact(), Found(start=0, end=len(text), text=text, noise=(), address="")))

    # -- what is said of it --------------------------------------------------------------------------------------------

    def token(self, kind: str, found: Found) -> Token:
        """All that was found, as a token of this kind."""
        reader = self._reader
        typ = _typ(self._header)
        if self._header:
            remark_header(reader, self._header)
            if kind not in _SECRET:
                remark_signed_header(reader, self._header, dpop=kind == "dpop")
        if self._claims is not None:
            self._moments = remark_claims(reader, self._claims, typ, now=self._now)
        remark_values(reader, "header", self._header)
        remark_values(reader, "payload", self._claims)
        remark_digests(reader, [self._claims, *self._disclosed])
        size = self._size()
        state = self._state()
        token = Token(
            kind=kind,
            title=texts.KINDS[kind],
            start=found.start,
            end=found.end,
            text=shown(found.text),
            verdict=self._verdict(kind, state),
            state=state,
            size=size,
            parts=tuple(reader.parts),
            moments=self._moments,
            noise=found.noise,
            defects=tuple(reader.defects),
            findings=by_level(reader.findings),
            inner=tuple(self._inner),
        )
        return replace(token, hints=tuple(self._hints(token, typ, found.address)))

    def _size(self) -> Size:
        total = len(self._text)
        if total > jws.MAX_SIZE:
            self._reader.defect("size", expected=jws.MAX_SIZE, length=total)
        if total + COOKIE_AROUND > COOKIE:
            self._reader.find("cookie_large")
        if total + HEADER_AROUND > jws.MAX_SIZE:
            self._reader.find("header_large")
        return Size(
            total=total,
            cookie=-(-100 * (total + COOKIE_AROUND) // COOKIE),
            header_line=-(-100 * (total + HEADER_AROUND) // jws.MAX_SIZE),
        )

    def _state(self) -> str | None:
        if self._claims is None:
            return None
        # A time that is written in another way than verifiers read it is none to them.
        times = {moment.name: moment.at for moment in self._moments if moment.read}
        if "exp" not in times and any(moment.name == "exp" for moment in self._moments):
            return "lenient"
        if "exp" in times and self._now >= times["exp"]:  # RFC 7519 section 4.1.4: "on or after" is too late
            return "expired"
        # But milliseconds are seconds to them, which are far ahead.
        nbf = self._claims.get("nbf")
        if isinstance(nbf, int | float) and not isinstance(nbf, bool) and self._now < nbf:
            return "not_yet"
        if "exp" in times:
            return "alive"
        return "endless" if "exp" not in self._claims else None

    def _verdict(self, kind: str, state: str | None) -> str:
        times = {moment.name: moment.relative for moment in self._moments if moment.read or moment.name == "exp"}
        code = state or ("opaque" if kind.startswith("gatepass-") else "unreadable")
        return fill(texts.VERDICTS[code], exp=times.get("exp"), nbf=times.get("nbf", "after the year 9999"))

    def _hints(  # noqa: C901  one mistake after the other
        self, token: Token, typ: str, address: str
    ) -> list[Hint]:
        hints: list[Hint] = []

        def say(code: str, **facts: object) -> None:
            hints.append(Hint(code=code, sentence=fill(texts.HINTS[code], **facts)))

        alg = self._header.get("alg")
        codes = {finding.code for finding in token.findings}
        defects = {defect.code for defect in token.defects}
        if token.state in {"expired", "not_yet"}:
            say(token.state)
        if token.kind in _SECRET:
            say("encrypted")
            for name, found in _ways(self._header):
                say("encrypted_with", name=name, found=found, what=texts.ENCRYPTION[found])
        elif token.kind in {"gatepass-session", "gatepass-refresh", "unknown"}:
            say("opaque")
        elif token.kind != "paseto":
            say("no_signature_check")
            if isinstance(alg, str) and alg in texts.ALGORITHMS:
                code = "secret_encoding" if alg.startswith("HS") else "key_family"
                say(code, alg=alg, key=texts.ALGORITHMS[alg][0])
        if defects & _CUT or "signature_size" in codes:
            say("cut")
        if defects & _STRAY:
            say("stray")
        if address:
            say(address)
        if "time_ms" in codes:
            say("units")
        if typ != "at+jwt" and self._claims is not None and {"nonce", "at_hash", "c_hash"} & self._claims.keys():
            say("id_token")
        if self._reader.left_out:
            say("left_out", what="many parts, members or remarks")
        return hints


def _ways(header: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The ways of encryption that a header names and that are known, by the name of the member."""
    for name in ("alg", "enc"):
        if isinstance(found := header.get(name), str) and found in texts.ENCRYPTION:
            yield name, found


def _typ(header: Mapping[str, Any]) -> str:
    """What a header says the token is, in the one spelling that is compared; empty where it says nothing."""
    typ = header.get("typ")
    return typ.lower().removeprefix("application/") if isinstance(typ, str) else ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
