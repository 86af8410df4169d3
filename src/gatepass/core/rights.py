"""What a caller who is known may do: by role, and by how long ago they proved who they are."""

from gatepass.errors import RoleRequired, StepUpRequired
from gatepass.records import Identity


def wanted(role: object, max_age: object) -> None:
    """Return if these can be demanded of anybody: else a route would be for nobody, and say so to its visitors only.

    Args:
        role: As for `demand`.
        max_age: As for `demand`.

    Raises:
        TypeError: A role that is no text, or an age that is no whole number of seconds from 0.
    """
    if role is not None and (not isinstance(role, str) or not role):
        raise TypeError("a role is a text, such as 'admin'")
    if max_age is not None and (type(max_age) is not int or max_age < 0):
        raise TypeError("max_age is a whole number of seconds, from 0")


def demand(who: Identity, *, role: str | None = None, max_age: int | None = None, now: int) -> Identity:
    """*who*, if they may go on.

    Args:
        who: The answer of a check.
        role: One that they must have.
        max_age: Seconds that their last login may be ago. A refresh does not move it. ASVS 7.5.3.
        now: Seconds since the epoch.

    Raises:
        RoleRequired: They have another one.
        StepUpRequired: It is longer ago.
    """
    if role is not None and role not in who.roles:
        raise RoleRequired(role=role)
    if max_age is not None and now - who.auth_time > max_age:
        raise StepUpRequired(max_age=max_age)
    return who
