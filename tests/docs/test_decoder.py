"""`docs/decoder.md`, held against the page."""

import base64
import hashlib
import re

from support.server import ROOT

from gatepass.server.decoder import served

TEXT = (ROOT / "docs" / "decoder.md").read_text()


def test_the_published_hashes_are_those_of_the_file() -> None:
    """Row B7: whoever changes the page publishes the new ones, which this test tells."""
    digest = hashlib.sha256(served.file().body)

    assert [digest.hexdigest()] == re.findall(r"^[0-9a-f]{64}$", TEXT, re.MULTILINE)
    assert ["sha256-" + base64.b64encode(digest.digest()).decode()] == re.findall(r"`(sha256-[^`]*)`", TEXT)


def test_the_policy_is_the_one_that_is_sent() -> None:
    said = served.file().headers["Content-Security-Policy"]
    shown = re.sub(r"'sha256-[^']*'", "'sha256-...'", said)

    assert f"Content-Security-Policy: {shown}\n" in TEXT
