"""Published test vectors; README.md says where they come from."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
#: The signed examples of the JOSE cookbook (RFC 7520, RFC 8037, RFC 7797).
COOKBOOK = [
    "jws/4_1.rsa_v15_signature",
    "jws/4_4.hmac-sha2_integrity_protection",
    "jws/4_5.signature_with_detached_content",
    "jws/4_7.protecting_content_only",
    "curve25519/jws",
    "rfc7797/4.2.hmac-sha2_b64_false",
]


def read(name: str) -> Any:
    """The vectors in the file *name*."""
    return json.loads((FOLDER / name).read_bytes())
