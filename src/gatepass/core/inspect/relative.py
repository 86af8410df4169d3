"""How far away a time is, in words."""

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_YEAR = 31_556_952  # the mean of the calendar, 365.2425 days


def relative(seconds: float) -> str:
    """*seconds* from now, as `in 4 min 12 s` or `2 days ago`; a part of a second does not count."""
    away = int(abs(seconds))
    if not away:
        return "now"
    return f"in {duration(away)}" if seconds > 0 else f"{duration(away)} ago"


def duration(seconds: float) -> str:
    """*seconds* in the two units that say most."""
    whole = int(seconds)
    if whole >= 2 * _YEAR:
        return f"{whole // _YEAR} years"
    if whole >= 2 * _DAY:
        return f"{whole // _DAY} days"
    hours, minutes = whole // _HOUR, whole % _HOUR // _MINUTE
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    if minutes:
        return f"{minutes} min {whole % _MINUTE} s" if whole % _MINUTE else f"{minutes} min"
    return f"{whole} s"
