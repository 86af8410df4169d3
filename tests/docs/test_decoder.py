"""`docs/decoder.md`, held against the page."""

import re

from support.server import ROOT

from gatepass.server.decoder import served

TEXT = (ROOT / "docs" / "decoder.md").read_text()


def test_the_policy_is_the_one_that_is_sent() -> None:
    said = served.file().headers["Content-Security-Policy"]
    shown = re.sub(r"'sha256-[^']*'", "'sha256-...'", said)

    assert f"Content-Security-Policy: {shown}\n" in TEXT
