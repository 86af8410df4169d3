"""What an operator sets, by environment or file, and where each value came from."""

import difflib
import ipaddress
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from gatepass.errors import ConfigurationError
from gatepass.keys.master import MasterKey
from gatepass.policy import Policy
from gatepass.records import Mode
from gatepass.web.address import address

#: What the server calls itself, in tokens and in the names of cookies.
NAME: Final = "gatepass"
PREFIX: Final = "GATEPASS_"
#: Names the file to read; without it, `gatepass.toml` in the working directory, where there is one.
FILE: Final = "GATEPASS_CONFIG"
#: What `config show` says of a value that nobody gave.
DEFAULT: Final = "default"


def _listed(said: Any) -> Any:
    """A comma-separated text as its parts."""
    return tuple(part.strip() for part in said.split(",") if part.strip()) if isinstance(said, str) else said


Words: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Modes: TypeAlias = Annotated[tuple[Mode, ...], BeforeValidator(_listed)]
#: Never printed, whoever asks.
Secrets: TypeAlias = Annotated[tuple[SecretStr, ...], BeforeValidator(_listed)]

#: Who may sign up: nobody, or everybody. Open sign-up tells which addresses have an account, hence its name in
#: production; `on` is for development.
Signup: TypeAlias = Literal["off", "on", "insecure_open"]


_POLICY: Final = Policy()
#: Bits of the prefix of the largest network that one operator may have: of IPv4 10.0.0.0/8, which is also the most that
#: anybody has of the Internet.
_LARGEST: Final = 8
#: Of IPv6 on the Internet. Akamai has 2600:1400::/24 (whois of ARIN), Google Cloud 2600:1900::/28
#: (gstatic.com/ipranges/cloud.json), Cloudflare 2a06:98c0::/29 (cloudflare.com/ips-v6). What is larger may be a whole
#: region: /23 is the smallest that IANA gives to one (iana.org/assignments/ipv6-unicast-address-assignments).
_LARGEST_6: Final = 24
#: Of special networks of IPv6, which are looked at first: those that are a whole IPv4 Internet in other clothes (RFC
#: 4291 section 2.5.5, RFC 6052), and those that nobody else has or that end at the next router (RFC 4193, RFC 4291
#: section 2.5.6).
_SPECIAL_6: Final = {
    ipaddress.IPv6Network("::ffff:0:0/96"): 96 + _LARGEST,
    ipaddress.IPv6Network("::/96"): 96 + _LARGEST,
    ipaddress.IPv6Network("64:ff9b::/96"): 96 + _LARGEST,
    ipaddress.IPv6Network("fc00::/7"): 7,
    ipaddress.IPv6Network("fe80::/10"): 10,
}


class Settings(BaseModel):
    """The settings of the server. Times are in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Mode = Field(default="hybrid", description="what a login issues: session, jwt or hybrid")
    accept: Modes = Field(default=(), description="the modes whose credentials are checked; default: all")
    store: str = Field(default="sqlite:///.gatepass/gatepass.db", description="where sessions and users live")
    issuer: str | None = Field(default=None, description="the public address, such as https://auth.example.com")
    audience: str | None = Field(default=None, description="`aud` of tokens; default: the name of the server")
    origins: Words = Field(default=(), description="further origins whose pages may call")
    host: str = Field(default="127.0.0.1", description="the address to listen on")
    port: int = Field(default=8400, ge=0, le=65_535, description="the port to listen on; 0: one that is free")
    idle: int = Field(default=_POLICY.idle, description="unused for this long, a session ends")
    lifetime: int = Field(default=_POLICY.lifetime, description="however much it is used, a session ends after this")
    access_ttl: int = Field(default=_POLICY.access_ttl, description="the life of an access token, hybrid")
    token_ttl: int = Field(default=_POLICY.token_ttl, description="the life of a token, jwt")
    grace: int = Field(
        default=_POLICY.grace, description="how long an exchanged refresh token gets its successor again"
    )
    signup: Signup = Field(default="off", description="who may sign up: off, on (development), insecure_open")
    trusted_proxies: Words = Field(
        default=(), description="addresses or networks of proxies whose word about the client is believed"
    )
    master_key: Secrets = Field(
        default=(), description="seals the keys in the store: 32 bytes in hex or base64url, or a file with them"
    )

    @property
    def policy(self) -> Policy:
        """How long things last."""
        return Policy(
            idle=self.idle,
            lifetime=self.lifetime,
            access_ttl=self.access_ttl,
            token_ttl=self.token_ttl,
            grace=self.grace,
        )

    @property
    def master_keys(self) -> tuple[str, ...]:
        """The master keys in the clear, or the paths of their files: the first seals, all of them open."""
        return tuple(secret.get_secret_value() for secret in self.master_key)

    @property
    def database(self) -> Path | None:
        """The SQLite file; None where everything is kept in memory."""
        scheme, _, path = self.store.partition("://")
        return None if scheme == "memory" else Path(path.removeprefix("/"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Settings, and where each of them came from: `default`, `command line`, a variable or a file."""

    settings: Settings
    sources: Mapping[str, str]
    #: The file that was read; None where there is none.
    file: Path | None


def load(file: Path | None = None, /, **said: Any) -> Loaded:
    """The settings of this process: what is *said*, else the environment, else a file, else the default.

    Args:
        file: The TOML file; default as `FILE` says.
        said: Values from the command line; None where nothing was said.

    Raises:
        ConfigurationError: A value cannot be, or a name is none of ours.
    """
    given = {name: value for name, value in said.items() if value is not None}
    file, in_file = _read(file)
    # An empty variable is how a container says nothing.
    in_environment = {name: text for name, text in os.environ.items() if name.startswith(PREFIX) and text}
    _ = in_environment.pop(FILE, None)
    _known((name.removeprefix(PREFIX).lower() for name in in_environment), None)
    _known(in_file, str(file))
    sources: dict[str, str] = dict.fromkeys(Settings.model_fields, DEFAULT)
    values: dict[str, Any] = {}
    for name, value in in_file.items():
        values[name], sources[name] = value, str(file)
    for variable, text in in_environment.items():
        name = variable.removeprefix(PREFIX).lower()
        values[name], sources[name] = text, variable
    for name, value in given.items():
        values[name], sources[name] = value, "command line"
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False, include_context=False)[0]
        name = str(found["loc"][0])
        raise ConfigurationError(
            cause=f"{name} cannot be used: {found['msg'].lower()}",
            fix=f"It is {Settings.model_fields[name].description}.",
            source=sources[name],
        ) from None
    _check(settings, sources)
    return Loaded(settings=settings, sources=sources, file=file)


def _check_origin(text: str, source: str) -> None:
    """An origin is spelled as browsers spell it: it is compared, not read."""
    found = address(text, source)
    if found.path or found.origin != text:
        raise ConfigurationError(
            cause=f"{text[:100]!r} is no origin", fix=f"Give it as browsers spell it: {found.origin}.", source=source
        )


def _read(file: Path | None) -> tuple[Path | None, dict[str, Any]]:
    """The file to read, if there is one, and what is in it."""
    named = os.environ.get(FILE)
    path = file or Path(named or "gatepass.toml")
    try:
        if file is None and not named and not path.exists():
            return None, {}
        return path, tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        cause = f"The file cannot be read: {error.strerror}"
    except ValueError as error:  # it says where the file is broken
        cause = f"This is no TOML: {error}"
    raise ConfigurationError(cause=cause, fix="Give the path of a TOML file.", source=str(path))


def _known(names: Iterable[str], file: str | None) -> None:
    """Refuse names that are no settings: a misspelt one would leave a default in force that nobody wants."""
    for name in names:
        if name in Settings.model_fields:
            continue
        near = difflib.get_close_matches(name, [*Settings.model_fields, "config"], n=1)
        shown, meant = (text if file else PREFIX + text.upper() for text in (name, near[0] if near else ""))
        raise ConfigurationError(
            cause=f"There is no setting {shown[:60]!r}",
            fix=f"Is it {meant}?" if near else "`gatepass config show` lists them all.",
            source=file or "environment",
        )


def _check(settings: Settings, sources: Mapping[str, str]) -> None:
    """Refuse what cannot be, with the words of whoever knows and the source that we know."""
    scheme, joint, path = settings.store.partition("://")
    if not joint or scheme not in {"sqlite", "memory"} or (scheme == "sqlite") is not (path.strip("/") != ""):
        raise ConfigurationError(
            cause="This is no store that can be used here",
            fix="Use sqlite:///gatepass.db, sqlite:////var/lib/gatepass/gatepass.db, or memory://.",
            source=sources["store"],
        )
    if settings.issuer is not None:
        _ = address(settings.issuer, sources["issuer"])
    for text in settings.origins:
        _check_origin(text, sources["origins"])
    for text in settings.master_keys:
        _ = MasterKey(text, source=sources["master_key"])
    for text in settings.trusted_proxies:
        _check_proxy(text, sources["trusted_proxies"])
    try:
        _ = settings.policy
    except ConfigurationError as error:
        name = error.cause.split()[0]
        if name == "idle" and sources[name] == DEFAULT:  # nobody said that: its bound was set
            raise ConfigurationError(
                cause=f"lifetime is {settings.lifetime}, less than idle, which is {settings.idle}",
                fix="Set idle, too, or give a longer lifetime.",
                source=sources["lifetime"],
            ) from None
        raise ConfigurationError(cause=error.cause, fix=error.fix, source=sources[name]) from None


def _check_proxy(text: str, source: str) -> None:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        raise ConfigurationError(
            cause=f"{text[:60]!r} is no address of a proxy, and no network of them",
            fix="Give the address of the proxy, or its network: 10.0.0.7, 10.0.0.0/24.",
            source=source,
        ) from None
    # A network of everybody, or of half of them, is `*` by another name: a client could say that it is somebody else.
    if network.prefixlen < (largest := _largest(network)):
        raise ConfigurationError(
            cause=f"{text[:60]!r} is larger than any network of proxies: there it is /{largest} at most",
            fix="Give the address of the proxy, or its network: 10.0.0.7, 10.0.0.0/24.",
            source=source,
        )


def _largest(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> int:
    """The shortest prefix of a network, there, that one operator may have."""
    if isinstance(network, ipaddress.IPv4Network):
        return _LARGEST
    return next((prefix for special, prefix in _SPECIAL_6.items() if network.overlaps(special)), _LARGEST_6)
