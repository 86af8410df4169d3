"""What the repository promises about its own files."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PINS = sorted((ROOT / "requirements").glob("*.txt"))


@pytest.mark.parametrize("pins", PINS, ids=lambda path: path.name)
def test_pins_name_no_address(pins: Path) -> None:
    """A lock file that names a registry installs from there, whatever the reader's own settings say."""
    assert "://" not in pins.read_text()


@pytest.mark.parametrize("pins", PINS, ids=lambda path: path.name)
def test_every_pin_has_a_hash(pins: Path) -> None:
    requirements = [line for line in pins.read_text().splitlines() if line and line[0] not in " #"]

    assert requirements
    assert all("==" in line and line.endswith("\\") for line in requirements)
