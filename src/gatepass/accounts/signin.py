"""The check of a password, the one way to it: counted, hashed once, and told in one manner."""

from asyncio import wrap_future
from collections.abc import Callable

from anyio import to_thread

from gatepass.accounts.passwords import Passwords
from gatepass.accounts.users import User, Users
from gatepass.core import throttle
from gatepass.drivers import run_async
from gatepass.errors import LoginFailed
from gatepass.stores import Store


async def sign_in(
    *,
    users: Users,
    passwords: Passwords,
    store: Store,
    email: str,
    password: str,
    address: str,
    device: Callable[[str], str | None],
    now: int,
) -> User:
    """Check a password.

    Args:
        users: The directory.
        passwords: What hashes.
        store: Where tries are counted.
        email: Normalised.
        password: As it was typed.
        address: The client's, as far as it can be believed.
        device: The id of the client's device, if it is known for a user of this id.
        now: Seconds since the epoch.

    Raises:
        LoginFailed: Nobody has the address, the password is another one, or the user may not log in. Each costs one
            hash, and which it was is not said.
        Throttled: Too many tries; no hash was made.
        StoreError: It cannot be known now.
    """
    user = users.by_email(email)
    known = device("" if user is None else user.id)  # for nobody, too: a refusal that came sooner would tell them apart
    return await prove(
        users=users,
        passwords=passwords,
        store=store,
        user=user,
        email=email,
        password=password,
        address=address,
        under=known,
        known=known is not None,
        now=now,
    )


async def prove(
    *,
    users: Users,
    passwords: Passwords,
    store: Store,
    user: User | None,
    email: str,
    password: str,
    address: str,
    under: str | None,
    known: bool,
    now: int,
) -> User:
    """Check the password of *user*, by a count that is chosen.

    Args:
        users: As for `sign_in`.
        passwords: As for `sign_in`.
        store: As for `sign_in`.
        user: Whose it is; None where nobody has the address.
        email: As for `sign_in`.
        password: As for `sign_in`.
        address: As for `sign_in`.
        under: What has a count of its own, as few tries as anybody: a device that is known, a session. None for the
            count of all others.
        known: Whether its hash goes before those of strangers.
        now: As for `sign_in`.

    Raises:
        LoginFailed, Throttled, StoreError: As for `sign_in`.
    """
    whose = user.id if user is not None and known else ""
    network = throttle.network(address)
    # First, because a try that nobody looks at is no guess.
    passwords.check_room(known=whose, network=network)
    await run_async(throttle.attempt(address=address, account=email, device=under, now=now), store.answer_async)
    digest = None if user is None else user.password_hash
    verdict = await wrap_future(passwords.verify(digest, password, known=whose, network=network))
    if user is None or not verdict.ok or user.disabled_at is not None:
        raise LoginFailed
    await run_async(throttle.succeeded(account=email, device=under), store.answer_async)
    return await _renewed(user, users, passwords, password) if verdict.outdated else user


async def _renewed(user: User, users: Users, passwords: Passwords, password: str) -> User:
    """*user* with a hash under the parameters of today.

    Raises:
        LoginFailed: The password was changed meanwhile.
    """
    digest = await wrap_future(passwords.rehash(password, known=user.id))
    replaced = await to_thread.run_sync(lambda: users.rehash(user.id, digest, expected=user.password_hash))
    now = users.by_id(user.id)
    if now is None:
        raise LoginFailed
    # Another login may have renewed it, or a change of the password: the second is no hash of this password.
    if not replaced and not (await wrap_future(passwords.verify(now.password_hash, password, known=user.id))).ok:
        raise LoginFailed
    return now
