"""What `gatepass serve` refuses to start with, since it would be served without anybody noticing."""

import stat
from pathlib import Path
from typing import Final

from gatepass.errors import ConfigurationError
from gatepass.server.settings import Loaded

#: Others may read or enter; the group may write.
_OPEN: Final = stat.S_IRWXO | stat.S_IWGRP


def check(loaded: Loaded, *, workers: int = 1) -> None:
    """Return if it is safe to serve strangers with these settings.

    Args:
        loaded: What the operator set.
        workers: How many processes.

    Raises:
        ConfigurationError: It is not; with the cause, the fix, and where the value came from.
    """
    settings, sources = loaded.settings, loaded.sources
    if settings.issuer is None:
        raise ConfigurationError(
            cause="The public address is not set, so nobody can tell this site from another",
            fix="Set GATEPASS_ISSUER, such as https://auth.example.com.",
            source=sources["issuer"],
        )
    insecure = [text for text in settings.origins if text.startswith("http:")]
    if insecure and not settings.issuer.startswith("http:"):
        raise ConfigurationError(
            cause=f"The origin {insecure[0][:100]} is not https, and its pages may call",
            fix="Give https origins only.",
            source=sources["origins"],
        )
    if settings.signup == "on":
        raise ConfigurationError(
            cause="Sign-up is open, which tells strangers which addresses have an account",
            fix="Set GATEPASS_SIGNUP to insecure_open if that is meant, or to off.",
            source=sources["signup"],
        )
    for text in settings.master_keys:
        if "/" in text:
            _check_closed(Path(text), sources["master_key"])
    if settings.database is None:
        if workers > 1:
            raise ConfigurationError(
                cause="Several workers cannot share a store in memory: each would have users and sessions of its own",
                fix="Set GATEPASS_STORE to sqlite:///..., or start one worker.",
                source=sources["store"],
            )
        return
    database = settings.database
    for path in (database.parent, database, *(database.with_name(database.name + end) for end in ("-wal", "-shm"))):
        _check_closed(path, sources["store"])


def _check_closed(path: Path, source: str) -> None:
    """Refuse what others can look into; what is not there yet is made for its owner alone."""
    if path.exists() and (mode := stat.S_IMODE(path.stat().st_mode)) & _OPEN:
        raise ConfigurationError(
            cause=f"Others may look into {path} (mode {mode:04o})",
            fix=f"chmod {'700' if path.is_dir() else '600'} it, or keep what is secret in a folder of its own.",
            source=source,
        )
