"""Puts the decoder into the package: one file out of its sources, which stay in the clone."""

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = Path("src", "gatepass", "server", "decoder")


class DecoderHook(BuildHookInterface[Any]):
    """Runs before a wheel is made."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """As hatchling has it."""
        if version == "editable":
            return  # the sources are at hand
        build = runpy.run_path(str(Path(self.root, SOURCES, "builder.py")))["build"]
        page = Path(self.root, "build", "decoder.html")
        page.parent.mkdir(exist_ok=True)
        page.write_text(build(), encoding="utf-8", newline="\n")
        build_data["force_include"][str(page)] = "gatepass/server/decoder/decoder.html"
