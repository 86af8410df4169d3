"""What a caller may do who is known."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gatepass import Identity
from gatepass.core.rights import demand, wanted
from gatepass.errors import RoleRequired, StepUpRequired
from gatepass.records import NOTHING

NOW = 1_900_000_000
ADA = Identity(
    subject="ada",
    session_id="s1",
    mode="session",
    roles=frozenset({"editor"}),
    claims=NOTHING,
    auth_time=NOW,
    expires_at=NOW + 60,
)


def test_a_role_is_held_or_not() -> None:
    """Compared whole: neither a part of its name nor another case of it is the role."""
    assert demand(ADA, role="editor", now=NOW) is ADA
    assert demand(ADA, now=NOW) is ADA
    for role in ("admin", "Editor", "edit", "editor ", ""):
        with pytest.raises(RoleRequired) as refusal:
            demand(ADA, role=role, now=NOW)
        assert refusal.value.role == role


@pytest.mark.parametrize(("ago", "max_age", "good"), [(0, 0, True), (1, 0, False), (300, 300, True), (301, 300, False)])
def test_a_login_is_recent_to_the_second(ago: int, max_age: int, good: bool) -> None:
    who = replace(ADA, auth_time=NOW - ago)
    if good:
        assert demand(who, max_age=max_age, now=NOW) is who
    else:
        with pytest.raises(StepUpRequired) as refusal:
            demand(who, max_age=max_age, now=NOW)
        assert refusal.value.max_age == max_age


def test_the_role_is_asked_for_first() -> None:
    """Nobody logs in again only to learn that it would not have helped."""
    with pytest.raises(RoleRequired):
        demand(replace(ADA, auth_time=0), role="admin", max_age=1, now=NOW)


@pytest.mark.parametrize("role", [["admin"], {"admin"}, ("admin",), b"admin", "", 1, True])
def test_a_role_that_nobody_can_have_is_refused_where_it_is_written(role: object) -> None:
    """A list of roles would be a route for nobody."""
    with pytest.raises(TypeError, match="a role is a text"):
        wanted(role, None)
    wanted("admin", None)


@pytest.mark.parametrize("max_age", ["300", -1, 300.0, True, timedelta(minutes=5)])
def test_an_age_that_nobody_can_have_is_refused_where_it_is_written(max_age: object) -> None:
    with pytest.raises(TypeError, match="seconds"):
        wanted(None, max_age)
    for good in (0, 300, None):
        wanted(None, good)
