"""Every sentence that is said about a token: one table, plain enough to be written out as JSON for a page.

It imports nothing of ours: whatever builds the package reads it without the package.

``{name}`` stands for a fact. Facts are printable and short before they come here; see `model.fill`.
"""

from collections.abc import Mapping
from typing import Final

#: What a text is, by the code of its kind.
KINDS: Final[Mapping[str, str]] = {
    "jws": "a signed token (JWT): everybody who holds it can read it",
    "jws-json": "a signed token in JSON form (RFC 7515 section 7.2): most verifiers take the compact form only",
    "jwe": "an encrypted token (JWE): only who it is for can read what is in it, so here are its header and its sizes",
    "jwe-json": "an encrypted token in JSON form (RFC 7516 section 7.2): only who it is for can read it",
    "nested": "a signed token with another token inside (RFC 7519 section 5.2)",
    "sd-jwt": "a token with claims that can be left out (SD-JWT, RFC 9901)",
    "dpop": "a DPoP proof (RFC 9449): good for one request, by the holder of the key in its header",
    "paseto": "a PASETO token: no JWT, and no verifier of JWTs takes it",
    "gatepass-session": "a session token of gatepass: a random id; there is nothing to read in it, which is the point",
    "gatepass-refresh": "a refresh token of gatepass: a random id; there is nothing to read in it, which is the point",
    "partial": "a part of a token",
    "unknown": "no token of a kind that is known here; it may be a random id, which says nothing to anybody",
}

#: What stood around or inside of a token and is no part of it.
NOISE: Final[Mapping[str, str]] = {
    "bearer": "The scheme before the token is not part of it.",
    "quotes": "Quotes are not part of the token.",
    "line_breaks": "The token was broken into {count} pieces; it was put together again.",
    "percent": "{count} characters were written for a URL, such as %2E for a dot; they were decoded.",
    "base64": "The token was in base64 once more, as Kubernetes keeps secrets; it was decoded.",
    "zero_width": "{count} characters that nobody sees (zero width) were in the token; they came with copy and paste.",
    "trailing": "Dots and commas after the token belong to the sentence around it.",
    "spaces": "White space around the token is not part of it.",
}

#: What a strict reader refuses, with the place. `segment` is capitalised where the sentence begins with it.
DEFECTS: Final[Mapping[str, str]] = {
    "padding": "{segment}, character {number} of {length}: `=` is padding, which base64url in tokens does not have.",
    "alphabet": (
        "{segment}, character {number} of {length}: `{found}` is of the other base64 alphabet; here it is `{expected}`."
    ),
    "character": "{segment}, character {number} of {length}: `{found}` is not base64url.",
    "length": "{segment}: base64url is never {length} characters long; one is missing, or one too many.",
    "unused_bits": (
        "{segment}, character {number} of {length}: `{found}` sets bits that nothing reads; its"
        " one spelling is `{expected}`."
    ),
    "empty": "{segment}: it is empty.",
    "segments": "Parts with dots between them: {found}; a token has {expected}.",
    "utf8": "{segment}, octet {number} of {length} when decoded: not UTF-8.",
    "bom": "{segment}: it begins with a byte order mark, which JSON in tokens does not have.",
    "json": "{segment}, {place} of {length} when decoded: not JSON; expected {expected}.",
    "json_object": "{segment}: JSON, but no object; expected `{`.",
    "json_constant": "{segment}: `{found}` is no number of JSON.",
    "json_number": "{segment}: a number has more digits, or is larger, than verifiers read.",
    "json_depth": (
        "{segment}, character {number} of {length} when decoded: deeper than {expected} levels; it was not read."
    ),
    "size": "The token has {length} characters; a verifier of ours reads {expected}.",
}

#: What is remarkable about a token that can be read: a level, and a sentence.
#: `stop`: do not use such tokens. `warn`: likely a mistake. `info`: good to know.
FINDINGS: Final[Mapping[str, tuple[str, str]]] = {
    "alg_none": ("stop", "The algorithm is `none`: anybody can write such a token. RFC 8725 section 3.2."),
    "signature_empty": ("stop", "There is no signature, though the algorithm is {alg}. A verifier must refuse this."),
    "kid_suspicious": (
        "stop",
        (
            "`kid` holds {found}, as a path, a query or an address does. A verifier that looks it up in files or in a"
            " database lets the sender choose the key."
        ),
    ),
    "key_url": ("stop", "`{name}` names an address. A verifier that follows this lets the sender choose the key."),
    "key_embedded": (
        "stop",
        "`{name}` brings a key along. A verifier that uses it takes the word of whoever made the token.",
    ),
    "key_verifies": (
        "stop",
        "The key in its own header (`jwk`) did sign it, so the signature proves nothing.",
    ),
    "secret_blank": ("stop", "It is signed with an empty secret: anybody can make such a token."),
    "secret_known": (
        "stop",
        "It is signed with a secret that tutorials print: anybody can make such a token. Make a secret at random.",
    ),
    "key_private": ("stop", "The private half of a key is in it. Whoever has seen this token has the key: replace it."),
    "exp_missing": ("warn", "There is no `exp`: whoever gets hold of it can use it for ever."),
    "lifetime_access": (
        "warn",
        "It is an access token for {duration}; more than an hour is long for what cannot be recalled.",
    ),
    "lifetime": ("warn", "It lives for {duration}; more than 30 days is long for any token."),
    "iat_future": ("warn", "`iat` is in the future: {relative}. One of the two clocks is wrong."),
    "nbf_future": ("warn", "`nbf` is in the future: {relative}."),
    "exp_before_iat": ("warn", "It had expired before it was made: `exp` is not after `iat`."),
    "aud_missing": ("warn", "There is no `aud`: any service that trusts the issuer may take it. RFC 8725 section 3.9."),
    "iss_missing": ("warn", "There is no `iss`: a verifier cannot tell whose token it is."),
    "kid_missing": ("warn", "There is no `kid`: with several keys, a verifier has to guess which one signed."),
    "crit": ("warn", "`crit` names what a verifier must understand or refuse; most refuse. RFC 7515 section 4.1.11."),
    "rsa_small": (
        "warn",
        "The signature has {bits} bits, so has the RSA key; below 2048 it is refused. RFC 7518 section 3.3.",
    ),
    "thumbprint_sha1": ("warn", "The key is named by a SHA-1 thumbprint only (`x5t`); `x5t#S256` is the better one."),
    "signature_der": (
        "warn",
        (
            "The signature is in DER, as OpenSSL writes it. {alg} in tokens is r and s, {expected}"
            " octets. RFC 7518 section 3.4."
        ),
    ),
    "signature_size": (
        "warn",
        "The signature has {found} octets; with {alg} it has {expected}. Part of it is missing or added.",
    ),
    "secret": ("warn", "`{path}` looks like {what}. Everybody who holds the token can read it."),
    "personal": ("warn", "`{path}` looks like {what}: personal data, readable by anyone holding this."),
    "cookie_large": ("warn", "It does not fit into a cookie: browsers drop one over 4,096 octets without a word."),
    "header_large": ("warn", "It does not fit into a header line of 8,192 octets, which is what common servers take."),
    "deep": ("warn", "{segment}: {depth} levels deep; strict verifiers refuse more than {expected}."),
    "duplicate": (
        "warn",
        "{segment}: `{name}` is there twice. Readers differ in which one they take; strict ones refuse.",
    ),
    "digest_twice": (
        "warn",
        "The digest `{digest}` is there twice: a verifier must refuse the token. RFC 9901 section 7.1.",
    ),
    "hidden": (
        "warn",
        (
            "`{path}` holds characters that are not shown or that turn the direction of writing; it"
            " may not be what it seems."
        ),
    ),
    "time_text": ("warn", "`{name}` is a text. RFC 7519 wants a number, and verifiers refuse this."),
    "time_no": ("warn", "`{name}` is no time."),
    "time_ms": (
        "info",
        "`{name}` looks like milliseconds. Read as seconds, as verifiers do, it is after the year 9999.",
    ),
    "time_fraction": ("info", "`{name}` has a fraction of a second; RFC 7519 allows it, some verifiers do not."),
    "eddsa": ("info", "`EdDSA` is the old name; since RFC 9864 it is `Ed25519`."),
    "typ_access": (
        "info",
        (
            "It looks like an access token, but `typ` is not `at+jwt`; a verifier cannot tell it from"
            " other kinds. RFC 9068."
        ),
    ),
}

#: What is said first, by what the times of a token mean now. Nothing was verified, so none says that it is good.
VERDICTS: Final[Mapping[str, str]] = {
    "alive": "Not verified. It expires {exp}.",
    "expired": "Not verified. It expired {exp}.",
    "not_yet": "Not verified. It is not good yet: its time begins {nbf}.",
    "endless": "Not verified. It never expires.",
    "lenient": "Not verified. Its `exp` is in milliseconds or a text, which is no time to a verifier; meant is {exp}.",
    "unreadable": "Not verified. When it expires cannot be read from it.",
    "opaque": "Not verified. When it ends is known to the server that issued it, and to nobody else.",
}

#: The sentences that solve the common mistakes, as far as they can be seen without a key.
HINTS: Final[Mapping[str, str]] = {
    "local": "Nothing was sent anywhere, and no address in it was asked.",
    "expired": "If it is refused: it has expired. Renew it or log in again; the key does not matter.",
    "not_yet": "If it is refused: its time has not begun. Compare the clocks of issuer and verifier.",
    "secret_encoding": "If the signature of {alg} is refused though the secret is right: a secret can be meant as text,"
    " base64, base64url or hex, and only one of these readings is the one that signed.",
    "key_family": "{alg} is verified with {key}. A key of another family or curve is refused, whatever its `kid`.",
    "stray": "A lenient decoder takes this text although it was changed; a strict one says no. Compare it with the"
    " original to the last character.",
    "cut": "The token is not whole: look for a quote, a line break or a limit of length where it was copied.",
    "no_signature_check": "That it can be read does not make it genuine: anybody can write these claims. Only a check"
    " of the signature with the key of the issuer says whose they are.",
    "in_url": (
        "It was in an address. Those are kept in histories and logs: send tokens in a header, a cookie or a body."
    ),
    "in_fragment": (
        "It was behind the `#` of an address: no server is sent that, but the history keeps it, and scripts of the page"
        " can read it. Logins that end so (implicit flow) are discouraged: RFC 9700 section 2.1.2."
    ),
    "units": "Divide a time in milliseconds by 1,000 where the token is made (in JavaScript: Date.now() / 1000).",
    "id_token": "It is an ID token: it tells the client who logged in. An API that is sent it should refuse it; it"
    " wants the access token.",
    "encrypted": (
        "If your service refuses it, it may be made for another one, or your verifier takes signed tokens only."
    ),
    "encrypted_with": "`{name}` is {found}: {what}.",
    "opaque": "Ask the service that issued it what it stands for: the answer is on the server, and can be ended there.",
    "nothing": "There is no token in this text. A token in compact form begins with `ey` and has two dots.",
    "left_out": "The text has more than is shown here: {what}.",
}

#: What a key for an algorithm is, and how many octets its signatures have; 0: as many as the key.
ALGORITHMS: Final[Mapping[str, tuple[str, int]]] = {
    "HS256": ("the shared secret, of at least 32 octets", 32),
    "HS384": ("the shared secret, of at least 48 octets", 48),
    "HS512": ("the shared secret, of at least 64 octets", 64),
    "RS256": ("an RSA public key of at least 2,048 bits", 0),
    "RS384": ("an RSA public key of at least 2,048 bits", 0),
    "RS512": ("an RSA public key of at least 2,048 bits", 0),
    "PS256": ("an RSA public key of at least 2,048 bits", 0),
    "PS384": ("an RSA public key of at least 2,048 bits", 0),
    "PS512": ("an RSA public key of at least 2,048 bits", 0),
    "ES256": ("a public key on the curve P-256", 64),
    "ES384": ("a public key on the curve P-384", 96),
    "ES512": ("a public key on the curve P-521", 132),
    "ES256K": ("a public key on the curve secp256k1", 64),
    "Ed25519": ("an Ed25519 public key", 64),
    "Ed448": ("an Ed448 public key", 114),
    "EdDSA": ("an Ed25519 public key, rarely one for Ed448", 64),
}

#: How a token is encrypted: of `alg`, how the key of the content gets to the receiver; of `enc`, the content. RFC 7518.
ENCRYPTION: Final[Mapping[str, str]] = {
    "RSA1_5": "the key of the content is encrypted with an RSA public key, in an old way that leaks it; do not use it",
    "RSA-OAEP": "the key of the content is encrypted with an RSA public key",
    "RSA-OAEP-256": "the key of the content is encrypted with an RSA public key",
    "A128KW": "the key of the content is wrapped with a shared key of 128 bits",
    "A192KW": "the key of the content is wrapped with a shared key of 192 bits",
    "A256KW": "the key of the content is wrapped with a shared key of 256 bits",
    "A128GCMKW": "the key of the content is encrypted with a shared key of 128 bits",
    "A192GCMKW": "the key of the content is encrypted with a shared key of 192 bits",
    "A256GCMKW": "the key of the content is encrypted with a shared key of 256 bits",
    "dir": "a shared key encrypts the content itself",
    "ECDH-ES": "the key of the content is agreed on with the receiver's public key",
    "ECDH-ES+A128KW": "a key that is agreed on with the receiver's public key wraps the key of the content",
    "ECDH-ES+A192KW": "a key that is agreed on with the receiver's public key wraps the key of the content",
    "ECDH-ES+A256KW": "a key that is agreed on with the receiver's public key wraps the key of the content",
    "PBES2-HS256+A128KW": "a password wraps the key of the content",
    "PBES2-HS384+A192KW": "a password wraps the key of the content",
    "PBES2-HS512+A256KW": "a password wraps the key of the content",
    "A128CBC-HS256": "AES in CBC mode with 128 bits, and HMAC with SHA-256 against changes",
    "A192CBC-HS384": "AES in CBC mode with 192 bits, and HMAC with SHA-384 against changes",
    "A256CBC-HS512": "AES in CBC mode with 256 bits, and HMAC with SHA-512 against changes",
    "A128GCM": "AES in GCM mode with 128 bits",
    "A192GCM": "AES in GCM mode with 192 bits",
    "A256GCM": "AES in GCM mode with 256 bits",
}

#: What a member of a header says.
HEADER: Final[Mapping[str, str]] = {
    "alg": "How it was signed or encrypted. A verifier compares it with its own list and believes nothing. RFC 7515.",
    "enc": "How the content was encrypted. RFC 7516.",
    "zip": "The content was compressed before it was encrypted. RFC 7516.",
    "typ": "What kind of token it is, so that one kind does not pass for another. RFC 8725 section 3.11.",
    "cty": "What is inside; `JWT`: another token. RFC 7519 section 5.2.",
    "kid": "Which key: a name, and nothing but a name. RFC 7515 section 4.1.4.",
    "jku": "An address where keys are said to be. RFC 7515 section 4.1.2.",
    "jwk": "A public key. RFC 7515 section 4.1.3.",
    "x5u": "An address where a certificate is said to be. RFC 7515 section 4.1.5.",
    "x5c": "A chain of certificates. RFC 7515 section 4.1.6.",
    "x5t": "The SHA-1 of a certificate. RFC 7515 section 4.1.7.",
    "x5t#S256": "The SHA-256 of a certificate. RFC 7515 section 4.1.8.",
    "crit": "Members that a verifier must understand, or refuse the token. RFC 7515 section 4.1.11.",
    "b64": "Whether the payload is base64url. RFC 7797.",
    "epk": "The sender's one-time key. RFC 7518 section 4.6.",
    "apu": "Who agreed on the key: the sender. RFC 7518 section 4.6.",
    "apv": "Who agreed on the key: the receiver. RFC 7518 section 4.6.",
    "iv": "Where the encryption of the key began. RFC 7518 section 4.7.",
    "tag": "The proof that the encrypted key was not changed. RFC 7518 section 4.7.",
    "p2s": "The salt of a password. RFC 7518 section 4.8.",
    "p2c": "How many rounds a password is hashed; a large number is an attack on the reader. RFC 7518 section 4.8.",
    "nonce": "A number from the server, so that a proof is not used twice. RFC 8555, RFC 9449.",
    "url": "The address that the request is for. RFC 8555.",
}

#: What a claim says.
CLAIMS: Final[Mapping[str, str]] = {
    # RFC 7519
    "iss": "Who issued it. RFC 7519 section 4.1.1.",
    "sub": "Whom it is about. RFC 7519 section 4.1.2.",
    "aud": "Whom it is for: a service that it does not name has to refuse it. RFC 7519 section 4.1.3.",
    "exp": "When it ends; at that second it is too late. RFC 7519 section 4.1.4.",
    "nbf": "Not good before this time. RFC 7519 section 4.1.5.",
    "iat": "When it was made. RFC 7519 section 4.1.6.",
    "jti": "Its own id, which no other token has. RFC 7519 section 4.1.7.",
    # OpenID Connect Core 1.0
    "name": "The whole name. OpenID Connect Core section 5.1.",
    "given_name": "The first name. OpenID Connect Core section 5.1.",
    "family_name": "The last name. OpenID Connect Core section 5.1.",
    "middle_name": "The middle name. OpenID Connect Core section 5.1.",
    "nickname": "What friends say. OpenID Connect Core section 5.1.",
    "preferred_username": (
        "The name to be shown; it may change, and may not be unique. OpenID Connect Core section 5.1."
    ),
    "profile": "The address of a page about the person. OpenID Connect Core section 5.1.",
    "picture": "The address of a picture. OpenID Connect Core section 5.1.",
    "website": "The address of the person's own page. OpenID Connect Core section 5.1.",
    "email": "The e-mail address. OpenID Connect Core section 5.1.",
    "email_verified": "Whether the issuer has seen that the address is theirs. OpenID Connect Core section 5.1.",
    "gender": "The gender. OpenID Connect Core section 5.1.",
    "birthdate": "The day of birth. OpenID Connect Core section 5.1.",
    "zoneinfo": "The time zone. OpenID Connect Core section 5.1.",
    "locale": "The language and country. OpenID Connect Core section 5.1.",
    "phone_number": "The telephone number. OpenID Connect Core section 5.1.",
    "phone_number_verified": "Whether the issuer has seen that the number is theirs. OpenID Connect Core section 5.1.",
    "address": "The postal address. OpenID Connect Core section 5.1.",
    "updated_at": "When the profile last changed. OpenID Connect Core section 5.1.",
    "azp": "The client that it was issued to. OpenID Connect Core section 2.",
    "nonce": (
        "What the client sent along with the login, so that an answer is not used twice. OpenID Connect Core section 2."
    ),
    "auth_time": "When the person last proved who they are. OpenID Connect Core section 2.",
    "at_hash": "Ties it to an access token. OpenID Connect Core section 3.1.3.6.",
    "c_hash": "Ties it to an authorization code. OpenID Connect Core section 3.3.2.11.",
    "s_hash": "Ties it to the state of a request. FAPI 1.0 part 2.",
    "acr": "How strong the login was. OpenID Connect Core section 2.",
    "amr": "By what means they logged in. OpenID Connect Core section 2; RFC 8176.",
    "sub_jwk": "The key that the subject is named by. OpenID Connect Core section 7.4.",
    "sid": "The session. OpenID Connect Back-Channel Logout section 2.1; in gatepass, the session that a logout ends.",
    "events": "What happened, by address of the kind of event. RFC 8417 section 2.2.",
    "toe": "When it happened. RFC 8417 section 2.2.",
    "txn": "The transaction it belongs to. RFC 8417 section 2.2.",
    # OAuth 2.0: RFC 9068, 8693, 7662, 9396
    "client_id": "The client that it was issued to. RFC 9068 section 2.2.",
    "scope": "What the client may do. RFC 9068 section 2.2.3.",
    "groups": "The groups of the person. RFC 9068 section 2.2.3.1.",
    "roles": "The roles of the person. RFC 9068 section 2.2.3.1; in gatepass, as of the login or the last refresh.",
    "entitlements": "What the person is entitled to. RFC 9068 section 2.2.3.1.",
    "act": "Who acts for the subject. RFC 8693 section 4.1.",
    "may_act": "Who may act for the subject. RFC 8693 section 4.4.",
    "active": "Whether the token is good. RFC 7662 section 2.2.",
    "username": "The name of the person. RFC 7662 section 2.2.",
    "token_type": "The kind of token. RFC 7662 section 2.2.",
    "token_introspection": "What was asked about another token. RFC 9701 section 5.",
    "authorization_details": "What exactly is allowed. RFC 9396 section 9.",
    # RFC 7800, 8705, 9449
    "cnf": "The key that the holder has to prove. RFC 7800 section 3.1.",
    "jkt": "The thumbprint of the holder's key. RFC 9449 section 6.1.",
    "htm": "The method of the one request that it is good for. RFC 9449 section 4.2.",
    "htu": "The address of the one request that it is good for. RFC 9449 section 4.2.",
    "ath": "The hash of the access token that it goes with. RFC 9449 section 4.2.",
    # SD-JWT, RFC 9901, and credentials
    "_sd": "The digests of claims that can be shown or left out. RFC 9901 section 4.2.4.1.",
    "_sd_alg": "How these digests were made. RFC 9901 section 4.1.1.",
    "...": "The digest of an element that can be shown or left out. RFC 9901 section 4.2.4.2.",
    "sd_hash": "Ties the proof to what is shown with it. RFC 9901 section 4.3.",
    "vct": "The type of a credential. SD-JWT VC section 3.2.",
    "vc": "A verifiable credential. W3C VC Data Model 1.1 section 6.3.",
    "vp": "Credentials that are presented. W3C VC Data Model 1.1 section 6.3.",
    "status": "Where to ask whether it was revoked. Token Status List section 6.",
    # Seen everywhere, registered nowhere
    "scp": "What the client may do; the spelling of some issuers for `scope`.",
    "tid": "The tenant; a claim of one issuer.",
    "oid": "The person, in the tenant; a claim of one issuer.",
    "permissions": "What the person may do; a claim of some issuers.",
    "ver": "In gatepass, the version of the session that it was made from: newer roles make it too old.",
}

#: What names of claims give away, by what they look like. Compared in lower case without `-` and `_`.
SECRET_NAMES: Final[Mapping[str, str]] = {
    "password": "a password",
    "passwd": "a password",
    "pwd": "a password",
    "passphrase": "a password",
    "secret": "a secret",
    "clientsecret": "a secret",
    "apikey": "a key of an API",
    "privatekey": "a private key",
    "accesstoken": "another token",
    "refreshtoken": "another token",
    "idtoken": "another token",
    "ssn": "a social security number",
    "socialsecuritynumber": "a social security number",
    "cardnumber": "a card number",
    "creditcard": "a card number",
    "cvv": "a card number",
    "cvc": "a card number",
    "iban": "a bank account",
    "pin": "a PIN",
}
PERSONAL_NAMES: Final[Mapping[str, str]] = {
    "email": "an e-mail address",
    "phone": "a telephone number",
    "phonenumber": "a telephone number",
    "mobile": "a telephone number",
    "birthdate": "a day of birth",
    "dateofbirth": "a day of birth",
    "dob": "a day of birth",
}

#: Code points in hexadecimal, in ranges. `hidden`: controls, formats, surrogates, private use, separators other than
#: the space, what has no glyph by default (Unicode 17, Default_Ignorable_Code_Point, but for the selectors that emoji
#: and Mongolian need), and what is no character.
CHARACTERS: Final[Mapping[str, str]] = {
    "hidden": (
        "0-1f 7f-a0 ad 34f 600-605 61c 6dd 70f 890-891 8e2 115f-1160 1680 17b4-17b5 180e 2000-200f 2028-202f 205f-206f"
        " 3000 3164 d800-f8ff fdd0-fdef feff ffa0 fff0-fffb fffe-ffff 110bd 110cd 13430-1343f 1bca0-1bca3 1d173-1d17a"
        " e0000-e0fff f0000-10ffff"
    ),
}

#: The checks of a token, in their order, as docs/tokens.md has them: the code of the refusal, the word that names it
#: (`error.reason`; `exp` where the token is merely too old), and what has to hold.
CHECKS: Final[Mapping[str, tuple[str, str, str]]] = {
    "type": ("credential_malformed", "type", "it is text"),
    "size": ("credential_malformed", "size", "it has 8,192 characters at most, before anything else is done with it"),
    "ascii": ("credential_malformed", "base64url", "they are ASCII"),
    "segments": (
        "credential_malformed",
        "segments",
        "it has three parts, and none is empty: no JSON form, no encrypted token",
    ),
    "header": (
        "credential_malformed",
        "header",
        "the header is canonical base64url of a JSON object, without `crit`, `b64`, `zip`, `enc`",
    ),
    "algorithm": ("credential_unknown", "algorithm", "`alg` is in your list"),
    "typ": ("credential_unknown", "typ", "`typ` is the one that you ask for, `at+jwt` by default"),
    "kid": ("credential_malformed", "header", "`kid` is a text of 1 to 256 characters"),
    "key": ("credential_unknown", "key", "there is a key of that name; without a name, just one for this algorithm"),
    "key_algorithm": ("credential_unknown", "algorithm", "the key is for this algorithm"),
    "signature_form": ("credential_malformed", "base64url", "the signature is canonical base64url"),
    "signature": ("credential_unknown", "signature", "the signature fits the key"),
    "payload_form": ("credential_malformed", "base64url", "the payload is canonical base64url"),
    "json": ("credential_malformed", "json", "the payload is a JSON object"),
    "issuer": ("credential_unknown", "issuer", "`iss` is your issuer, to the letter"),
    "audience": ("credential_unknown", "audience", "`aud` is your audience, or a list that has it"),
    "require": ("credential_malformed", "the name of the claim", "what you `require` is there"),
    "sub": ("credential_malformed", "sub", "`sub` is a text of 1 to 1,024 characters"),
    "jti": ("credential_malformed", "jti", "`jti` is a text of 1 to 256 characters"),
    "iat": ("credential_malformed", "iat", "`iat` is a time"),
    "iat_future": ("credential_unknown", "iat", "`iat` is not in the future"),
    "nbf": ("credential_malformed", "nbf", "`nbf`, where it is there, is a time"),
    "nbf_future": ("credential_unknown", "nbf", "`nbf` is not in the future"),
    "exp": ("credential_malformed", "exp", "`exp` is a time"),
    "expired": ("credential_expired", "exp", "it is not over; one that is over may be renewed"),
}

_SPELLING: Final = (
    "Compare it with the original, to the last character: padding, white space, another alphabet, or a last character"
    " that sets bits which nothing reads make it another text."
)
_SECONDS: Final = (
    "A time is a number of seconds since 1970: no text, and no milliseconds (in JavaScript: Date.now() / 1000)."
)
_CLOCKS: Final = (
    "Set the clocks of issuer and service. Where it is tens of thousands of years ahead, it is in milliseconds: divide"
    " by 1,000."
)

#: What is said where a check says no, and what to do about it. The facts are about this token and this service.
REFUSALS: Final[Mapping[str, tuple[str, str]]] = {
    "type": ("It is no text.", "Give the token as it was received."),
    "size": (
        "It has {said} characters; {wanted} are read at most.",
        "Say less in the token, or look for what was pasted along with it.",
    ),
    "ascii": (
        "It holds {said}, which no token does.",
        "Copy it again from where it was made: programs for writing change quotes, dashes and spaces.",
    ),
    "segments": (
        "It has {said} parts with dots between them; a signed token has three, and none is empty.",
        (
            "Send the whole token: it was cut, something was pasted along, or it is of another kind, such as an"
            " encrypted one, which has five parts, or an opaque one, which has two."
        ),
    ),
    "header": (
        (
            "The header is not canonical base64url of a JSON object with each name once, or it has one of `crit`,"
            " `b64`, `zip`, `enc`."
        ),
        "Inspect the token: what is wrong is told to the character. `Bearer` and quotes are not part of it.",
    ),
    "algorithm": (
        "`alg` is {said}; allowed is {wanted}.",
        "Allow the algorithm of the issuer's keys, where you chose it yourself; never because a token says so.",
    ),
    "typ": (
        "`typ` is {said}; wanted is {wanted}.",
        (
            "Send the access token: an ID token or a refresh token is no access token. If the issuer gives its"
            " access tokens another `typ`, ask for that one."
        ),
    ),
    "kid": (
        "`kid` is no text of 1 to 256 characters.",
        "The issuer has to mend it: it is the name of a key, and nothing else.",
    ),
    "key": (
        "`kid` is {said}, and no one key can be chosen by that.",
        (
            "Read the keys of the issuer again: they may have been rotated. If they are the newest, the token is"
            " of another issuer, such as one for tests. A key that is known must have the `kid` of its tokens."
        ),
    ),
    "key_algorithm": (
        "`alg` is {said}, and the key is for another algorithm.",
        "A key is for one algorithm: load the one that signed, with the algorithm that it signs with.",
    ),
    "signature_form": (
        "The signature is not canonical base64url.",
        _SPELLING,
    ),
    "signature": (
        "The signature does not fit the key: another key made it, or the token was changed afterwards.",
        (
            "Try the other keys of the issuer: the newest, and that of the other environment. A secret can be meant"
            " as text, base64, base64url or hex, and only one of these signed."
        ),
    ),
    "payload_form": (
        "The payload is not canonical base64url.",
        _SPELLING,
    ),
    "json": (
        "The payload is not a JSON object with each name once.",
        "Inspect the token: what is wrong is told to the character.",
    ),
    "issuer": (
        "`iss` is {said}; wanted is {wanted}, to the letter.",
        "Compare them to the last slash. Is the token from another environment, such as staging?",
    ),
    "audience": (
        "`aud` is {said}; wanted is {wanted}.",
        (
            "Have the issuer name this service, or send the token that is for it. The audience of an ID token is"
            " the client: send the access token."
        ),
    ),
    "require": (
        "{said} is not in it, and is required.",
        "Have the issuer say it, or require less: the default is what RFC 9068 wants of access tokens.",
    ),
    "sub": ("`sub` is no text of 1 to 1,024 characters.", "The issuer has to mend it: a number is no text."),
    "jti": ("`jti` is no text of 1 to 256 characters.", "The issuer has to mend it: a number is no text."),
    "iat": (
        "`iat` is no time.",
        _SECONDS,
    ),
    "iat_future": (
        "`iat` is in the future: {said}.",
        _CLOCKS,
    ),
    "nbf": (
        "`nbf` is no time.",
        _SECONDS,
    ),
    "nbf_future": (
        "It is not good yet: its time begins {said}.",
        _CLOCKS,
    ),
    "exp": (
        "`exp` is missing or is no time.",
        _SECONDS,
    ),
    "expired": (
        "It expired {said}.",
        "Renew it, or log in again; the key does not matter. If it should be alive, compare the clocks.",
    ),
}

#: What a code of a refusal means, and what to do: the status, the cause, the remedy, as docs/errors.md has them.
ERRORS: Final[Mapping[str, tuple[int, str, str]]] = {
    "request_malformed": (
        400,
        "At the server: this is no HTTP/1.1, has two lengths, or too many headers.",
        "Look for a proxy that passes on what it could not read.",
    ),
    "credentials_ambiguous": (
        400,
        (
            "Two credentials for one purpose: one of our cookies twice, a session and an access cookie, a refresh"
            " cookie of another session, or a good bearer token beside a cookie. One may have been planted. Nothing was"
            " cleared."
        ),
        (
            "Send one. In a browser: remove the cookies of this site, then look for who sets them, such as an"
            " application on a sub-domain."
        ),
    ),
    "credential_missing": (
        401,
        (
            "The request carries none of our cookies and no bearer token; or `/auth/refresh` was asked with an"
            " access token, and the refresh token is what is missing."
        ),
        "Log in. If you did: is the cookie sent?",
    ),
    "credential_malformed": (
        401,
        "The text is no credential of a kind that is checked here.",
        "Look for a value that was cut or quoted on the way.",
    ),
    "credential_unknown": (
        401,
        "No such session, not its secret, or not our signature; which of them is not said.",
        "Log in. If it hits everybody: is this the store, and are these the keys, that the login used?",
    ),
    "credential_expired": (
        401,
        "Its time is over; or, in hybrid mode, newer roles made the token too old.",
        "Hybrid: `POST /auth/refresh`, then try again. Else log in.",
    ),
    "credential_revoked": (
        401,
        "The session was ended: by a logout, from the device list, by an administrator, by a limit.",
        "Log in. The device list says when it ended and why.",
    ),
    "credential_replayed": (
        401,
        (
            "A refresh token came back after it had been exchanged and `grace` was over. Somebody else may hold a"
            " copy, so the session has ended."
        ),
        (
            "Log in. If it happens without a thief: a client that keeps an old token, or that renews twice and"
            " stores the wrong answer."
        ),
    ),
    "login_failed": (
        401,
        (
            "`load_subject` says that this subject may not log in, or the application raised `LoginFailed`. At"
            " the server: the address is unknown, the password is wrong, or the user is disabled; which of them is"
            " not said."
        ),
        "Say that the login failed, and nothing about why.",
    ),
    "step_up_required": (
        401,
        (
            "The caller is known, but their last login is longer ago than `max_age` of the route. The answer has"
            " `max_age` (seconds) and the challenge of RFC 9470."
        ),
        "Ask for the password again, call `auth.step_up(request)`, then try again. A refresh does not help.",
    ),
    "csrf_refused": (
        403,
        (
            "A cookie came along with a request that, as far as can be seen, no page of this application made."
            " The last word of `detail` is the reason: see below."
        ),
        (
            "Send it from a page of the application, with its CSRF token where the browser is old, or put its"
            " origin on the list: see Cookies and CSRF."
        ),
    ),
    "role_required": (
        403,
        "The caller is known and lacks the role that the route requires.",
        "Say that it is not allowed. Roles that were just given arrive with the next login, or with the next refresh.",
    ),
    "not_found": (
        404,
        "`DELETE /auth/sessions/{id}`: there is no such session, or it is somebody else's.",
        "Read the device list again.",
    ),
    "method_not_allowed": (
        405,
        (
            "A route of ours was asked with another method; `Allow` says which are served. No header and no field"
            " changes the method."
        ),
        "Use a method that `Allow` names; the table has them all.",
    ),
    "address_taken": (
        409,
        "Sign-up at the server: the address has an account. Only open sign-up says so.",
        "Log in, or ask the operator for a new password.",
    ),
    "mode_not_enabled": (
        409,
        "A session or jwt credential was to be refreshed, or a login asked for a mode that is not in `accept`.",
        "There is nothing to renew: log in when it has ended.",
    ),
    "no_store": (
        409,
        "Stateless (`store=False`): no sessions are kept, so none can be listed, updated or ended.",
        "Give it a store, if you need that.",
    ),
    "not_revocable": (
        409,
        "Stateless: the token lives until its `exp`. The answer has `seconds_left`.",
        "Wait. What has to be ended at once needs a store.",
    ),
    "key_in_use": (409, "`revoke(kid=...)` names the key that still signs.", "Rotate first, then revoke."),
    "body_too_large": (
        413,
        "The body for a route of ours has more than 16,384 octets.",
        "Send only the fields of the route.",
    ),
    "media_type_unsupported": (
        415,
        (
            "The body for a route of ours is of a type that is not read there. A form of another site can send"
            " text and forms, but no JSON."
        ),
        "Send `Content-Type: application/json`.",
    ),
    "host_unknown": (
        421,
        (
            "The name that the request was sent to is neither that of `issuer` nor of `origins`; in development,"
            " no name of loopback."
        ),
        "Give the gate its address, or let the proxy pass `Host` on.",
    ),
    "fields_invalid": (
        422,
        (
            "The body is well formed and says something that cannot be meant, or it did not come to its end in"
            " time; `errors` has the path of each field and a sentence."
        ),
        "Mend these fields.",
    ),
    "throttled": (
        429,
        (
            "Too many tries to log in, or to sign up: for this account on devices that are not known, on this"
            " device, or from this address. Nothing was looked at."
        ),
        (
            "Wait as long as `Retry-After` says. A device that has logged in before has a count of its own. After"
            " 100 failures in a row only such a device gets in; `gatepass user set-password` begins the count"
            " anew."
        ),
    ),
    "internal_error": (
        500,
        "At the server: what nobody expected. The body says no more than that.",
        "Look in the log for the `X-Request-Id` of the answer, and tell us.",
    ),
    "configuration_refused": (
        500,
        (
            "The parts do not fit together, or are not safe: raised at start, with `cause`, `fix` and `source`. Later:"
            " roles, claims or data of a subject are larger than what is kept."
        ),
        "Do what `fix` says. Of keys in the store there is more below.",
    ),
    "store_unavailable": (
        503,
        (
            "The store did not answer, its file is gone or full, or this node lacks a key that another one has,"
            " or cannot read its keys any more. Nothing was decided."
        ),
        "Try again after `Retry-After`. Somebody looks at the store: the log has the cause.",
    ),
}

#: The reasons of `csrf_refused`, as docs/errors.md has them.
CSRF_REASONS: Final[Mapping[str, str]] = {
    "site": "`Sec-Fetch-Site` is not `same-origin`, and there is no `Origin` that could be listed.",
    "origin": "`Origin` is not on the list, or one of the two headers is there twice.",
    "token": "Neither header is there, one of our cookies is, and no CSRF token for its session came with it.",
}
