"""Where commands work in tests."""

import os
from pathlib import Path

import pytest
from support.commands import DATABASE
from support.register import REGISTER


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and no settings."""
    for name in [name for name in os.environ if name.startswith("GATEPASS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    REGISTER.places.append(tmp_path / DATABASE)
    return tmp_path
