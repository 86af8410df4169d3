"""What `gatepass serve` refuses to start with, since it would be served without anybody noticing."""

import os
import stat
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from gatepass.errors import ConfigurationError
from gatepass.folders import of_another
from gatepass.server.settings import Loaded
from gatepass.web.address import address

#: Others may read or enter; the group may write.
_OPEN: Final = stat.S_IRWXO | stat.S_IWGRP
#: Others or the group may write.
_WRITABLE: Final = stat.S_IWOTH | stat.S_IWGRP
#: May read and replace everything.
_ROOT: Final = 0


def check(loaded: Loaded, *, workers: int = 1) -> None:
    """Return if it is safe to serve strangers with these settings.

    Args:
        loaded: What the operator set.
        workers: How many processes.

    Raises:
        ConfigurationError: It is not; with the cause, the fix, and where the value came from.
    """
    settings, sources = loaded.settings, loaded.sources
    _check_addresses(loaded)
    if settings.signup == "on":
        raise ConfigurationError(
            cause="Sign-up is open, which tells strangers which addresses have an account",
            fix="Set GATEPASS_SIGNUP to insecure_open if that is meant, or to off.",
            source=sources["signup"],
        )
    if settings.database is None and workers > 1:
        raise ConfigurationError(
            cause="Several workers cannot share a store in memory: each would have users and sessions of its own",
            fix="Set GATEPASS_STORE to sqlite:///..., or start one worker.",
            source=sources["store"],
        )
    _check_files(loaded)


def check_owner(loaded: Loaded) -> None:
    """Return if no file of this server would be root's in the folder of another user.

    Args:
        loaded: What the operator set.

    Raises:
        ConfigurationError: One would be, and whoever the folder belongs to could not serve with it, nor remove it.
    """
    database = loaded.settings.database
    if database is not None and (theirs := of_another(database)) is not None:
        raise ConfigurationError(
            cause=f"{theirs} is not root's, and its owner could not read what root makes there",
            fix="Run as its owner, or chown it.",
            source=loaded.sources["store"],
        )


def doubts(loaded: Loaded) -> Iterator[str]:
    """What is not unsafe by itself, and likely not what is meant.

    Args:
        loaded: What the operator set.
    """
    settings = loaded.settings
    # We speak no TLS: where the public address does, somebody stands before us.
    if (settings.issuer or "").startswith("https:") and not settings.trusted_proxies:
        yield (
            "all clients will seem to have the address of the proxy that stands before this server, and share the tries"
            " that one address has; set GATEPASS_TRUSTED_PROXIES to the address that the proxy calls from"
        )


def _check_addresses(loaded: Loaded) -> None:
    settings, sources = loaded.settings, loaded.sources
    if settings.issuer is None:
        raise ConfigurationError(
            cause="The public address is not set, so nobody can tell this site from another",
            fix="Set GATEPASS_ISSUER, such as https://auth.example.com.",
            source=sources["issuer"],
        )
    public = address(settings.issuer, sources["issuer"])
    if public.host == "testserver":
        raise ConfigurationError(
            cause="testserver is a name for tests, and of no machine",
            fix="Set GATEPASS_ISSUER to the public address, such as https://auth.example.com.",
            source=sources["issuer"],
        )
    if public.scheme == "http" and not _loopback(settings.host):
        raise ConfigurationError(
            cause=f"It would listen on {settings.host[:100]} for others, and its address {public.origin} is not https",
            fix="Listen on 127.0.0.1, or set GATEPASS_ISSUER to an https address.",
            source=sources["host"],
        )
    insecure = [text for text in settings.origins if text.startswith("http:")]
    if insecure and public.scheme == "https":
        raise ConfigurationError(
            cause=f"The origin {insecure[0][:100]} is not https, and its pages may call",
            fix="Give https origins only.",
            source=sources["origins"],
        )


def _check_files(loaded: Loaded) -> None:
    settings, sources = loaded.settings, loaded.sources
    us = os.geteuid()
    if loaded.file is not None:
        secret = sources["master_key"] == str(loaded.file) and not all("/" in text for text in settings.master_keys)
        _check_closed(loaded.file, str(loaded.file), bits=_OPEN if secret else _WRITABLE, owners={us, _ROOT})
    for text in settings.master_keys:
        if "/" in text:
            _check_closed(Path(text), sources["master_key"], bits=_OPEN, owners={us, _ROOT})
    if settings.database is not None:
        # The keys are beside what was named. If that is a link, SQLite has its own files beside what it points to.
        named, real = settings.database, Path(os.path.realpath(settings.database))
        beside = (real.with_name(real.name + end) for end in ("-wal", "-shm"))
        linked = (real.parent, real) if real != named.absolute() else ()
        for path in (named.parent, named, *linked, *beside):
            _check_closed(path, sources["store"], bits=_OPEN, owners={us})
        check_owner(loaded)


def _check_closed(path: Path, source: str, *, bits: int, owners: set[int]) -> None:
    """Refuse what others can look into or write to; what is not there yet is made for its owner alone."""
    try:
        if not path.exists():
            return
        status, what = path.stat(), "700" if path.is_dir() else "600"
    except OSError as error:
        raise ConfigurationError(
            cause=f"{path} cannot be looked at: {(error.strerror or '').lower()}",
            fix="Run as its owner.",
            source=source,
        ) from error
    if status.st_uid not in owners:
        raise ConfigurationError(
            cause=f"{path} belongs to another user, who may read and change it",
            fix="Run as its owner, or chown it.",
            source=source,
        )
    if status.st_mode & bits:
        raise ConfigurationError(
            cause=f"Others may look into {path}, or write there (mode {stat.S_IMODE(status.st_mode):04o})",
            fix=f"chmod {what} it, or keep what is secret in a folder of its own.",
            source=source,
        )


def _loopback(host: str) -> bool:
    """Whether only this machine reaches who listens on *host*."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
