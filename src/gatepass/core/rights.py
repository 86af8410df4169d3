"""What a caller who is known may do: by role, and by how long ago they proved who they are."""

from gatepass.errors import RoleRequired, StepUpRequired
from gatepass.records import Identity


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
