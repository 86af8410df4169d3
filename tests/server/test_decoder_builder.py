"""How the page is put together: the same bytes each time, or a sentence that says what cannot be joined."""

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest
from support.decoder import script

from gatepass.core.inspect import texts
from gatepass.core.keys import tutorials
from gatepass.server.decoder.builder import BuildError, build, bundle, integrity, sentences

SHELL = (
    '<meta http-equiv="Content-Security-Policy" content="{{ policy }}"><style>{{ style }}</style>'
    '<script type="module">{{ script }}</script>'
)


def write(folder: Path, **modules: str) -> Path:
    for name, source in modules.items():
        (folder / f"{name}.js").write_text(source, encoding="utf-8")
    return folder / "page.js"


def page(folder: Path) -> str:
    (folder / "page.html").write_text(SHELL)
    (folder / "page.css").write_text("p { color: red }")
    write(folder, page='import { b } from "./b.js";\nb("{{ style }}");\n', b="export const b = (x) => x;\n")
    return build(folder)


def test_two_builds_are_equal_to_the_byte(tmp_path: Path) -> None:
    assert page(tmp_path) == page(tmp_path)


def test_the_policy_lets_in_what_is_on_the_page_and_nothing_else(tmp_path: Path) -> None:
    """The hashes are those that a browser makes of the text of the two elements."""
    html = page(tmp_path)
    for element in ("script", "style"):
        found = re.search(rf"<{element}[^>]*>(.*?)</{element}>", html, re.DOTALL)
        assert found
        hashed = base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()
        assert f"{element}-src 'sha256-{hashed}'" in html
        assert integrity(found[1]) == f"sha256-{hashed}"
    assert "unsafe" not in html


def test_what_is_put_in_is_not_looked_into_again(tmp_path: Path) -> None:
    assert 'b("{{ style }}");' in page(tmp_path)


def test_a_module_comes_once_and_after_what_it_imports(tmp_path: Path) -> None:
    entry = write(
        tmp_path,
        page='import { a } from "./a.js";\nimport {\n  b,\n  c,\n} from "./b.js";\na(b, c);\n',
        a='import { b } from "./b.js";\nexport function a() { return b; }\n',
        b="export const b = 1;\nexport async function c() {}\n",
    )

    assert bundle(entry) == (
        "// b.js\nconst b = 1;\nasync function c() {}\n"
        "// a.js\nfunction a() { return b; }\n"
        "// page.js\na(b, c);\n"
    )  # fmt: skip


def test_comments_stay_in_the_sources(tmp_path: Path) -> None:
    """The page says of which module each line is. What only looks like a comment stays."""
    entry = write(
        tmp_path,
        page=(
            "// What for.\n// Why.\n/** How.\n * @param {string} a\n */\nexport function a() { // now\n"
            '  // Because.\n  return "https://a // b"; // at last\n}\n'
        ),
    )

    assert bundle(entry) == '// page.js\nfunction a() {\n  return "https://a // b";\n}\n'


def test_comments_on_the_page_and_on_its_style_stay_there_too(tmp_path: Path) -> None:
    bare = page(tmp_path)
    (tmp_path / "page.html").write_text(SHELL + "\n<!--\n  Why.\n-->\n")
    (tmp_path / "page.css").write_text("/* Why. */\np { color: red }")

    assert build(tmp_path) == f"{bare}\n"


@pytest.mark.parametrize(
    ("planted", "sentence"),
    [
        ('import { b } from "./nowhere.js";\n', "nowhere.js is not there"),
        ('import { b as c } from "./b.js";\n', "renames"),
        ('import * as b from "./b.js";\n', r"page\.js: import"),
        ('import "https://example.org/b.js";\n', r"page\.js: import"),
        ('const later = import("./b.js");\n', r"page\.js: const later"),
        ("export default 1;\n", r"page\.js: export default"),
        ("export { b };\n", r"page\.js: export"),
        ('import { b } from "./b.js";\nconst b = 2;\n', "b is in b.js and in page.js"),
        ('import { page } from "./page.js";\n', "imports itself"),
        ('const text = "</SCRIPT>";\n', "would end the script"),
        ('const text = "<!--";\n', "would end the script"),
    ],
)
def test_what_cannot_be_joined_is_named(planted: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=sentence):
        bundle(write(tmp_path, page=planted, b="export const b = 1;\n"))


def test_the_sentences_are_those_of_the_command_line() -> None:
    """Every table, whole: the page has none of its own."""
    made = {
        name: json.loads(table)
        for name, table in re.findall(r"^export const (\w+) = (.*?);$", sentences(), re.MULTILINE | re.DOTALL)
    }

    tables = {
        name: table
        for module in (texts, tutorials)
        for name, table in vars(module).items()
        if name.isupper() and name[0] != "_"
    }
    assert made == json.loads(json.dumps(tables, default=dict))
    assert len(made) > 5


def test_a_test_calls_what_a_module_gives(tmp_path: Path) -> None:
    """And nothing of it is on the page that people open."""
    said = script(tmp_path, KINDS="texts.js")

    assert said.endswith("Object.assign(globalThis, { KINDS });\n")
    assert "const KINDS = {" in said
