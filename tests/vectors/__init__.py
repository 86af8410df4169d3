"""Published test vectors; README.md says where they come from."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def read(name: str) -> Any:
    """The vectors in the file *name*."""
    return json.loads((FOLDER / name).read_bytes())
