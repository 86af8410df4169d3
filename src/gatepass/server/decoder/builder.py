"""Puts the page together: its modules in one script, its style, its policy, in one HTML file.

Nothing but the standard library is used, and no neighbour is imported: whatever builds the package loads this file
alone. The same sources give the same bytes.
"""

import base64
import hashlib
import json
import re
import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent
#: What the page shares with the command line. They import nothing either.
_TABLES: Final = tuple(_HERE.parents[1] / "core" / name for name in ("inspect/texts.py", "keys/tutorials.py"))

_IMPORT: Final = re.compile(r'^import \{([^{}]*)\} from "\./([\w-]+\.js)";\n', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?=(?:async )?function\b|const\b|class\b)", re.MULTILINE)
_TOP: Final = re.compile(r"^(?:async )?(?:function\*?|const|let|class) (\w+)", re.MULTILINE)
#: What is said in the sources alone, for the page would be too large with it. A comment behind a statement counts where
#: the statement has ended, which no text of ours looks like.
_COMMENT: Final = re.compile(r"^ */\*\*(?s:.*?)\*/\n|^ *//.*\n|(?<=[;{]) // .*", re.MULTILINE)
#: The same of the page around the script, and of its style.
_ASIDE: Final = re.compile(r"^(?:<!--.*?-->|/\*.*?\*/)\n", re.MULTILINE | re.DOTALL)
#: What is left of a module that is written in another way than the patterns above read.
_UNREAD: Final = re.compile(r"^(?:import|export)\b.*|^.*\bimport\(.*", re.MULTILINE)
#: Whatever would end the script, or begin a comment of HTML in it.
_CLOSING: Final = re.compile(r"<(?:/?script|/style|!--)", re.IGNORECASE)


class BuildError(Exception):
    """The page cannot be put together from what is there."""


def build(folder: Path = _HERE) -> str:
    """The page, from `page.html`, `page.css`, and `page.js` with what it imports.

    Args:
        folder: Where the sources are.

    Raises:
        BuildError: A source is missing, is written in a way that cannot be joined, or would end its element.
    """
    shell = _ASIDE.sub("", _read(folder / "page.html"))
    style = _ASIDE.sub("", _read(folder / "page.css"))
    script = bundle(folder / "page.js")
    if _CLOSING.search(style):
        raise BuildError("page.css would end its element")
    parts = {"policy": policy(script, style), "style": style, "script": script}
    # In one step: what is put in is not looked into again.
    return re.sub(r"\{\{ (policy|style|script) \}\}", lambda found: parts[found[1]], shell)


def policy(script: str, style: str) -> str:
    """What the page may do, as its own `meta` element says it.

    Args:
        script: The text of its script element.
        style: The text of its style element.
    """
    return (
        f"default-src 'none'; script-src '{integrity(script)}'; style-src '{integrity(style)}'; img-src data:;"
        " connect-src 'none'; form-action 'none'; base-uri 'none'; require-trusted-types-for 'script';"
        " trusted-types 'none'"
    )


def integrity(text: str) -> str:
    """The hash of *text*, as a policy and an `integrity` attribute write it (Subresource Integrity section 3.1)."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def bundle(entry: Path) -> str:
    """One script: *entry*, after all that it imports, each once, without `import`, `export` and comments.

    Args:
        entry: A module. What it imports lies beside it, but `texts.js`, which is made.

    Raises:
        BuildError: As `build`; also where two modules have the same name at their top, or import each other.
    """
    sources: dict[str, str] = {}
    _collect(entry, sources, ())
    owners: dict[str, str] = {}
    for module, source in sources.items():
        for name in _TOP.findall(source):
            if owners.setdefault(name, module) != module:
                raise BuildError(f"{name} is in {owners[name]} and in {module}")
    script = "".join(f"// {module}\n{source}" for module, source in sources.items())
    if found := _CLOSING.search(script):
        raise BuildError(f"{found.group()} would end the script: write the `<` as \\x3c")
    return script


def sentences() -> str:
    """`texts.js`: every dictionary whose name is in capitals, of each module of `_TABLES`."""
    tables = {name: value for path in _TABLES for name, value in runpy.run_path(str(path)).items() if name.isupper()}
    lines = (
        f"export const {name} = {_table(table)};\n"
        for name, table in sorted(tables.items())
        if isinstance(table, Mapping)
    )
    return "".join(lines).replace("<", "\\u003c")


def _table(table: Mapping[str, object]) -> str:
    """*table* as JSON, an entry a line."""
    entries = (f"{json.dumps(name)}: {json.dumps(value)}" for name, value in table.items())
    return "{\n" + ",\n".join(entries) + "\n}"


def _collect(module: Path, sources: dict[str, str], above: tuple[str, ...]) -> None:
    """Put what *module* imports, and then itself, into *sources*."""
    if module.name in above:
        raise BuildError(f"{module.name} imports itself: {' -> '.join((*above, module.name))}")
    if module.name in sources:
        return
    source = sentences() if module.name == "texts.js" else _read(module)
    for names, name in _IMPORT.findall(source):
        if " as " in names:
            raise BuildError(f"{module.name} renames what it imports: {names.strip()}")
        _collect(module.with_name(name), sources, (*above, module.name))
    bare = _COMMENT.sub("", _EXPORT.sub("", _IMPORT.sub("", source)))
    if left := _UNREAD.search(bare):
        raise BuildError(f"{module.name}: {left.group().strip()}")
    sources[module.name] = bare


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BuildError(f"{path.name} is not there") from None
