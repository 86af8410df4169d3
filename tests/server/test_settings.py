"""What an operator sets: who is heard first, what is refused, and what is said about it."""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gatepass import ConfigurationError
from gatepass.policy import Policy
from gatepass.server.checks import check, doubts
from gatepass.server.settings import FILE, PREFIX, Loaded, Settings, load


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of this machine, and a folder without a file of settings."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def refusal(call: Callable[[], object]) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as found:
        call()
    assert found.value.cause
    assert found.value.fix.endswith((".", "?"))
    return found.value


def test_nothing_said_is_all_defaults() -> None:
    loaded = load()

    assert loaded.settings == Settings()
    assert loaded.settings.policy == Policy()
    assert set(loaded.sources.values()) == {"default"}
    assert loaded.settings.signup == "off"


def test_the_command_line_is_heard_before_the_environment_and_that_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gatepass.toml").write_text('mode = "jwt"\nport = 1\nidle = 60\norigins = ["https://a.example"]\n')
    monkeypatch.setenv("GATEPASS_PORT", "2")
    monkeypatch.setenv("GATEPASS_IDLE", "120")

    loaded = load(port=3, host=None)

    assert (loaded.settings.mode, loaded.settings.idle, loaded.settings.port) == ("jwt", 120, 3)
    assert loaded.settings.origins == ("https://a.example",)
    assert loaded.sources["mode"] == loaded.sources["origins"] == "gatepass.toml"
    assert loaded.sources["idle"] == "GATEPASS_IDLE"
    assert loaded.sources["port"] == "command line"
    assert loaded.sources["host"] == "default"


@pytest.mark.parametrize(
    ("issuer", "proxies", "doubted"),
    [
        ("https://auth.example.com", (), True),
        ("https://auth.example.com", ("127.0.0.1",), False),
        ("http://127.0.0.1:8400", (), False),
    ],
)
def test_a_proxy_that_nobody_named_is_doubted(issuer: str, proxies: tuple[str, ...], doubted: bool) -> None:
    """All people would share its address, and with it the tries that one address has: a stranger could use them up."""
    settings = Settings(issuer=issuer, trusted_proxies=proxies)

    assert [("GATEPASS_TRUSTED_PROXIES" in said) for said in doubts(replace(load(), settings=settings))] == [
        True
    ] * doubted


def test_the_file_is_the_one_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, port in (("here", 1), ("named", 2), ("said", 3)):
        (tmp_path / f"{name}.toml").write_text(f"port = {port}\n")
    (tmp_path / "here.toml").rename(tmp_path / "gatepass.toml")

    assert load().settings.port == 1
    monkeypatch.setenv(FILE, "named.toml")
    assert load().settings.port == 2
    assert load(Path("said.toml")).settings.port == 3


def test_lists_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEPASS_ACCEPT", "jwt, session")
    monkeypatch.setenv("GATEPASS_TRUSTED_PROXIES", "10.0.0.7,10.0.0.0/8,fc00::/7,::ffff:10.0.0.0/104,2001:db8::/32,")

    settings = load().settings

    assert settings.accept == ("jwt", "session")
    assert settings.trusted_proxies == ("10.0.0.7", "10.0.0.0/8", "fc00::/7", "::ffff:10.0.0.0/104", "2001:db8::/32")


@pytest.mark.parametrize(
    "network",
    [
        "2a06:98c0::/29",  # Cloudflare
        "104.16.0.0/13",  # Cloudflare
        "2600:1900::/28",  # Google Cloud
        "2600:1400::/24",  # Akamai
        "3.0.0.0/9",  # Amazon
        "fe80::/10",  # a proxy on the same link
        "fe80::1",
        "::1",
    ],
)
def test_networks_that_proxies_really_have_are_believed(network: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEPASS_TRUSTED_PROXIES", network)

    assert load().settings.trusted_proxies == (network,)


@pytest.mark.parametrize(
    ("network", "bound"),
    [
        ("0.0.0.0/1", "/8"),
        ("10.0.0.0/7", "/8"),
        ("8000::/1", "/7"),
        ("2000::/3", "/24"),
        ("2600::/12", "/24"),
        ("2001:200::/23", "/24"),
        ("fc00::/6", "/7"),
        ("fe80::/9", "/10"),
        ("::/24", "/104"),
        ("::ffff:0:0/96", "/104"),
        ("64:ff9b::/96", "/104"),
        ("::/96", "/104"),
    ],
)
def test_a_refused_network_is_told_how_large_it_may_be(
    network: str, bound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a half of the Internet, a whole region, or all of IPv4 in other clothes."""
    monkeypatch.setenv("GATEPASS_TRUSTED_PROXIES", network)

    assert f"it is {bound} at most" in refusal(load).cause


def test_an_empty_variable_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers pass them on."""
    monkeypatch.setenv("GATEPASS_ISSUER", "")
    monkeypatch.setenv("GATEPASS_PORT", "")

    assert load().settings == Settings()


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("GATEPASS_ISSUR", "GATEPASS_ISSUER"),
        ("GATEPASS_TRUSTED_PROXY", "GATEPASS_TRUSTED_PROXIES"),
        ("GATEPASS_CONFIGG", "GATEPASS_CONFIG"),
        ("GATEPASS_ZZZ", "config show"),
    ],
)
def test_a_misspelt_variable_is_refused(said: str, meant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A default would stay in force that nobody wants."""
    monkeypatch.setenv(said, "x")

    error = refusal(load)

    assert said in error.cause
    assert meant in error.fix
    assert error.source == "environment"


def test_a_misspelt_name_in_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "gatepass.toml").write_text('issur = "https://a.example"\n')

    error = refusal(load)

    assert ("'issur'" in error.cause, error.fix, error.source) == (True, "Is it issuer?", "gatepass.toml")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mode", "cookie"),
        ("accept", "session,basic"),
        ("store", "redis://localhost"),
        ("store", "sqlite://"),
        ("store", "gatepass.db"),
        ("store", "memory://x"),
        ("issuer", "http://auth.example.com"),
        ("issuer", "auth.example.com"),
        ("issuer", "https://user@auth.example.com"),
        ("origins", "https://a.example/path"),
        ("origins", "https://a.example,http://b.example"),
        ("port", "65536"),
        ("port", "http"),
        ("idle", "0"),
        ("idle", "999999999"),
        ("lifetime", "999999999"),
        ("access_ttl", "-1"),
        ("token_ttl", "one"),
        ("grace", "61"),
        ("signup", "yes"),
        ("trusted_proxies", "*"),
        ("trusted_proxies", "0.0.0.0/0"),
        ("trusted_proxies", "10.0.0.7,::/0"),
        ("trusted_proxies", "0.0.0.0/1,128.0.0.0/1"),
        ("trusted_proxies", "8000::/1"),
        ("trusted_proxies", "2000::/7"),
        ("trusted_proxies", "::ffff:0:0/96"),
        ("trusted_proxies", "::ffff:0:0/103"),
        ("trusted_proxies", "nginx"),
    ],
)
def test_what_cannot_be_is_refused_with_the_variable_that_says_it(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{PREFIX}{name.upper()}", value)

    assert refusal(load).source == f"{PREFIX}{name.upper()}"


def test_a_lifetime_that_is_too_short_for_what_nobody_set_is_what_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever set it looks for what they said."""
    monkeypatch.setenv("GATEPASS_LIFETIME", "60")

    error = refusal(load)

    assert error.source == "GATEPASS_LIFETIME"
    assert error.cause.startswith("lifetime is 60")
    monkeypatch.setenv("GATEPASS_IDLE", "61")
    assert refusal(load).source == "GATEPASS_IDLE"
    monkeypatch.setenv("GATEPASS_IDLE", "60")
    assert load().settings.policy.lifetime == 60


@pytest.mark.parametrize("text", [b"port = ", b"\xff", b"port = 1\nport = 2"])
def test_a_broken_file_is_named(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "gatepass.toml").write_bytes(text)

    assert refusal(load).source == "gatepass.toml"


def test_a_file_that_is_named_has_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal(lambda: load(Path("absent.toml"))).source == "absent.toml"
    monkeypatch.setenv(FILE, "gone.toml")
    assert refusal(load).source == "gone.toml"


@pytest.mark.parametrize("variable", ["GATEPASS_AUDIENCE", "GATEPASS_STORE", "GATEPASS_HOST", "GATEPASS_SIGNUP"])
def test_every_source_can_be_read_back(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    value = {"GATEPASS_STORE": "memory://", "GATEPASS_SIGNUP": "on"}.get(variable, "localhost")
    monkeypatch.setenv(variable, value)

    loaded = load()

    name = variable.removeprefix(PREFIX).lower()
    assert (getattr(loaded.settings, name), loaded.sources[name]) == (value, variable)


# -- what `serve` refuses ----------------------------------------------------------------------------------------------

SAFE = {"issuer": "https://auth.example.com", "store": "sqlite:///data/gatepass.db"}


def said_by(**values: Any) -> Loaded:
    return load(**values)


@pytest.mark.parametrize(
    ("said", "workers"),
    [
        ({}, 1),
        ({}, 4),
        ({"store": "memory://"}, 1),
        ({"signup": "insecure_open"}, 1),
        ({"origins": "https://app.example.com"}, 1),
        ({"issuer": "http://localhost:8400", "origins": "http://localhost:3000"}, 1),
        ({"issuer": "http://localhost:8400", "host": "::1"}, 1),
        ({"host": "0.0.0.0"}, 1),
        ({"trusted_proxies": "127.0.0.1"}, 2),
    ],
)
def test_what_is_safe_is_served(said: dict[str, str], workers: int) -> None:
    check(said_by(**{**SAFE, **said}), workers=workers)


@pytest.mark.parametrize(
    ("said", "workers", "about"),
    [
        ({"issuer": None}, 1, "issuer"),
        ({"issuer": "http://testserver"}, 1, "issuer"),
        ({"issuer": "https://testserver"}, 1, "issuer"),
        ({"issuer": "http://localhost:8400", "host": "0.0.0.0"}, 1, "host"),
        ({"issuer": "http://localhost:8400", "host": "::"}, 1, "host"),
        ({"store": "memory://"}, 2, "store"),
        ({"signup": "on"}, 1, "signup"),
        ({"origins": "https://app.example.com,http://localhost:3000"}, 1, "origins"),
    ],
)
def test_what_is_not_is_refused_with_cause_fix_and_source(
    said: dict[str, str | None], workers: int, about: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**SAFE, **said}.items():
        if value is not None:
            monkeypatch.setenv(f"{PREFIX}{name.upper()}", value)
    loaded = load()

    assert refusal(lambda: check(loaded, workers=workers)).source == loaded.sources[about]


@pytest.mark.parametrize("open_", ["data", "data/gatepass.db", "data/gatepass.db-wal"])
@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_files_that_others_may_look_into_are_refused(open_: str, mode: int, tmp_path: Path) -> None:
    """Whoever copies the database has the password hashes; whoever writes to the folder has the keys."""
    folder = tmp_path / "data"
    folder.mkdir(0o700)
    for name in ("gatepass.db", "gatepass.db-wal"):
        (folder / name).touch(0o600)
    loaded = said_by(**SAFE)
    check(loaded)

    (tmp_path / open_).chmod(mode)

    error = refusal(lambda: check(loaded))
    assert open_ in error.cause
    assert re.search(r"chmod [67]00", error.fix)
    (tmp_path / open_).chmod(0o700)
    check(loaded)


@pytest.mark.parametrize("made", [True, False])
@pytest.mark.parametrize("open_", ["real", "linked"])
def test_a_database_that_is_a_link_is_looked_at_on_both_ends(open_: str, made: bool, tmp_path: Path) -> None:
    """SQLite has its files where the link leads to, and the keys are where the link is."""
    for name in ("linked", "real"):
        (tmp_path / name).mkdir(0o700)
    if made:
        (tmp_path / "real" / "gatepass.db").touch(0o600)
    (tmp_path / "linked" / "gatepass.db").symlink_to("../real/gatepass.db")
    loaded = said_by(**{**SAFE, "store": "sqlite:///linked/gatepass.db"})
    check(loaded)

    (tmp_path / open_).chmod(0o777)

    assert open_ in refusal(lambda: check(loaded)).cause


def test_the_files_beside_a_linked_database_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "linked").mkdir(0o700)
    (tmp_path / "real").mkdir(0o700)
    (tmp_path / "linked" / "gatepass.db").symlink_to("../real/other.db")
    loaded = said_by(**{**SAFE, "store": "sqlite:///linked/gatepass.db"})
    (tmp_path / "real" / "other.db-wal").touch(0o600)
    check(loaded)

    (tmp_path / "real" / "other.db-wal").chmod(0o644)

    assert "other.db-wal" in refusal(lambda: check(loaded)).cause


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a folder away")
def test_a_server_of_root_makes_no_folder_in_that_of_another_user(tmp_path: Path) -> None:
    loaded = said_by(**SAFE)
    check(loaded)

    os.chown(tmp_path, 65_534, 65_534)

    error = refusal(lambda: check(loaded))
    assert str(tmp_path) in error.cause
    assert error.fix.startswith("Run as its owner")


@pytest.mark.parametrize("path", ["data", "data/gatepass.db"])
def test_files_of_another_user_are_refused(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their owner reads them whatever their mode is, and may put others in their place."""
    (tmp_path / "data").mkdir(0o700)
    if path != "data":
        (tmp_path / path).touch(0o600)
    loaded = said_by(**SAFE)
    check(loaded)
    ours = os.geteuid()

    monkeypatch.setattr(os, "geteuid", lambda: ours + 1)

    error = refusal(lambda: check(loaded))
    assert "another user" in error.cause
    assert error.source == "command line"


MASTER = "4f" * 4 + "93c0aa17e2b85d640f3e71d2a9c6b458e1" + "07bb2c69" * 2 + "11d5e3"


@pytest.mark.parametrize(
    ("secret", "mode", "safe"),
    [
        (True, 0o600, True),
        (True, 0o640, True),
        (True, 0o644, False),
        (True, 0o660, False),
        (False, 0o644, True),
        (False, 0o664, False),
        (False, 0o646, False),
    ],
)
def test_a_file_of_settings_is_as_closed_as_what_is_in_it(secret: bool, mode: int, safe: bool, tmp_path: Path) -> None:
    """Who reads the master key opens the keys; who writes there chooses the store."""
    file = tmp_path / "gatepass.toml"
    file.write_text(f'master_key = "{MASTER}"\n' if secret else 'master_key = "./master.key"\n')
    (tmp_path / "master.key").touch(0o600)
    (tmp_path / "master.key").write_text(MASTER)
    file.chmod(mode)
    loaded = said_by(**SAFE)

    if safe:
        check(loaded)
    else:
        error = refusal(lambda: check(loaded))
        assert error.source == "gatepass.toml"
        assert MASTER not in str(error)


def test_a_file_of_settings_may_belong_to_root_and_to_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever installs a service writes it; and root reads everything."""
    file = tmp_path / "gatepass.toml"
    file.write_text("port = 8400\n")
    loaded = said_by(issuer=SAFE["issuer"], store="memory://")
    owner = file.stat().st_uid

    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)

    if owner == 0:
        check(loaded)
    else:
        assert refusal(lambda: check(loaded)).source == "gatepass.toml"
