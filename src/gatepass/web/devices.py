"""Which device it was, in words, from what its browser says of itself. For people to recognise, never to decide by."""

from functools import lru_cache
from typing import Final

#: Families that the parser gives where it knows none.
_OTHER: Final = "Other"


@lru_cache(maxsize=1_024)  # parsing one costs more than all else that a device list does
def _parsed(user_agent: str) -> tuple[str | None, str | None, str]:
    from ua_parser import parse  # noqa: PLC0415  its rules take long to load, and only a device list needs them

    found = parse(user_agent)
    browser = found.user_agent.family if found.user_agent else _OTHER
    system = found.os.family if found.os else _OTHER
    family = found.device.family if found.device else _OTHER
    return (
        None if browser == _OTHER else browser,
        None if system == _OTHER else system,
        _kind(user_agent, family, system),
    )


def device(user_agent: str) -> dict[str, str | None]:
    """The device that *user_agent* speaks of: its name, browser, system and kind.

    The kind is `phone`, `tablet`, `computer`, `program` or `unknown`.
    """
    browser, system, kind = _parsed(user_agent) if user_agent else (None, None, "unknown")
    name = " on ".join(part for part in (browser, system) if part) or "Unknown device"
    return {"name": name, "browser": browser, "system": system, "kind": kind}


def _kind(user_agent: str, family: str, system: str) -> str:
    if "iPad" in user_agent or "Tablet" in user_agent:
        return "tablet"
    if system in {"Android", "iOS"}:
        return "tablet" if system == "Android" and "Mobile" not in user_agent else "phone"
    if system in {"Windows", "Mac OS X", "Linux", "Ubuntu", "Fedora", "Chrome OS", "Debian", "FreeBSD"}:
        return "computer"
    if family == _OTHER and "Mozilla/" not in user_agent:
        return "program"
    return "unknown"
