"""What some tests need of the machine. Without it they are skipped, and fail where nothing may be skipped."""

import os
import shutil
from pathlib import Path

import pytest

CHROMIUM = "/usr/bin/chromium"

#: Whether it is here, and how to get it.
_NEEDS = {
    "chromium": (Path(CHROMIUM).exists, "install the Debian package chromium"),
    "git": (lambda: shutil.which("git") is not None, "install the Debian package git"),
    "npm": (lambda: shutil.which("npm") is not None, "install the Debian package npm"),
    "openssl": (lambda: shutil.which("openssl") is not None, "install the Debian package openssl"),
    "curl": (lambda: shutil.which("curl") is not None, "install the Debian package curl"),
}


def needs(what: str) -> None:
    """Skip the test if *what* is not here; under `CI=true` fail it, so that nothing stays untested for want of it."""
    is_here, advice = _NEEDS[what]
    if is_here():
        return
    sentence = f"{what} is not here: {advice}"
    if os.environ.get("CI") == "true":
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)
