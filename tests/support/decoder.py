"""The decoder's modules in a page of a test, where a test can call them.

The page itself gives no name of its own to whoever opens it; here an entry of the test's own puts some on `globalThis`.
"""

from pathlib import Path

from gatepass.server.decoder import builder

MODULES = Path(builder.__file__).parent


def script(folder: Path, **names: str) -> str:
    """One script of the modules, with some of their functions on `globalThis`.

    Args:
        folder: An empty one, for the copy of the modules that the entry lies beside.
        names: What a test calls, by the module that it is in: `inspect="inspect.js"`.
    """
    for module in MODULES.glob("*.js"):
        (folder / module.name).write_bytes(module.read_bytes())
    entry = folder / "for_tests.js"
    lines = [f'import {{ {name} }} from "./{module}";\n' for name, module in names.items()]
    entry.write_text("".join(lines) + f"Object.assign(globalThis, {{ {', '.join(names)} }});\n", encoding="utf-8")
    return builder.bundle(entry)
