"""What a gate is made of, whichever its colour: a configuration that fits together, and arguments within bounds."""

import logging
import os
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from inspect import iscoroutinefunction
from typing import Any, ClassVar, Protocol

import msgspec

from gatepass.core.flow import Flow
from gatepass.core.keyring import KeyRing
from gatepass.core.lifecycle import Fresh
from gatepass.core.revocation import Denylist
from gatepass.core.strict import read_object
from gatepass.core.warm import RESERVED, AccessTokens
from gatepass.errors import ConfigurationError, KeyUnavailable, MalformedCredential, NoStore
from gatepass.modes import Setup
from gatepass.policy import Policy
from gatepass.records import (
    MODES,
    Client,
    Credentials,
    Event,
    Json,
    Mode,
    Receipt,
    Subject,
    freeze,
    thaw,
)
from gatepass.stores import Store
from gatepass.verbs import Verbs

LoadSubject = Callable[[str], Subject | None]
LoadSubjectAsync = Callable[[str], Subject | Awaitable[Subject | None] | None]
OnEvent = Callable[[Event], Any]

events = logging.getLogger("gatepass.events")

#: Roles and claims together, as JSON: what leaves room for the rest in a cookie of 4,096 octets (RFC 6265bis 5.6).
MOST_RIGHTS = 2_048
#: The data of a session, as JSON: a row is read whole on every check in session mode. Our choice.
MOST_DATA = 65_536
#: A subject is an id, not a text. OpenID Connect Core section 2 has the same limit for `sub`.
MOST_SUBJECT = 255


class KeySource(Protocol):
    """Where a key ring is kept, such as a `gatepass.keys.KeyFile`."""

    def ring(self) -> KeyRing:
        """The ring as it is now; the same object while it has not changed."""


class Configured:
    """What both colours of a gate are made of: its configuration, checked, and its arguments, checked.

    Args:
        store: Where sessions and the revocation log live, such as a `SqliteStore`; None for stateless JWTs.
        mode: What a login issues: `session`, `jwt` or `hybrid`.
        accept: The modes whose credentials are checked. Default: all that store and keys allow, so that changing
            *mode* logs nobody out.
        policy: How long things last.
        keys: What signs and derives tokens, a `KeyRing` or where one is kept; needed for `jwt` and `hybrid`.
        name: The name of this application, `client_id` in its tokens.
        issuer: `iss` of its tokens; default *name*. Services that verify them elsewhere want an https URL.
        audience: `aud` of its tokens; default *name*.
        load_subject: Asked at login and refresh what a subject may do; None means there is no such user.
        on_event: Told of logins, refreshes, replays, ends. What it raises is logged and changes no answer.
        clock: Seconds since the epoch.
        random: So many bytes that nobody can guess.

    Raises:
        ConfigurationError: The parts do not fit together.
    """

    #: Whether hooks may be `async`.
    _awaits: ClassVar[bool] = False

    def __init__(
        self,
        store: Store | None = None,
        *,
        mode: Mode = "session",
        accept: Collection[Mode] | None = None,
        policy: Policy | None = None,
        keys: KeyRing | KeySource | None = None,
        name: str = "gatepass",
        issuer: str | None = None,
        audience: str | None = None,
        load_subject: LoadSubjectAsync | None = None,
        on_event: OnEvent | None = None,
        clock: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        able = _able(stored=store is not None, keyed=keys is not None)
        wanted: set[Mode] = {mode}
        wanted.update(able if accept is None else accept)
        for unable in sorted(wanted - able):
            raise _refused(unable, stored=store is not None)
        for hook, what in ((load_subject, "load_subject"), (on_event, "on_event")):
            if iscoroutinefunction(hook) and not self._awaits:
                raise ConfigurationError(
                    cause=f"{what} is async, and Gate is plain", fix="Use AsyncGate.", source=f"Gate({what}=...)"
                )
        setup = Setup(
            policy=policy or Policy(),
            mode=mode,
            accept=frozenset(wanted),
            issuer=issuer or name,
            audience=audience or name,
            name=name,
            stored=store is not None,
            hooked=load_subject is not None,
        )
        denylist = Denylist()
        tokens = None
        if keys is not None:
            ring = keys if isinstance(keys, KeyRing) else keys.ring()
            tokens = AccessTokens(
                ring, issuer=setup.issuer, audience=setup.audience, accept=setup.accept, denylist=denylist
            )
        self._setup = setup
        self._verbs = Verbs(setup, tokens, denylist)
        self._store = store
        self._keys = keys
        self._load_subject = load_subject
        self._on_event = on_event
        self._clock = clock
        self._random = random

    @property
    def mode(self) -> Mode:
        """What a login issues."""
        return self._setup.mode

    @property
    def accept(self) -> frozenset[Mode]:
        """The modes whose credentials are checked."""
        return self._setup.accept

    @property
    def policy(self) -> Policy:
        """How long things last."""
        return self._setup.policy

    def jwks(self) -> dict[str, Any]:
        """The public halves of the keys that verify, as a JWK set (RFC 7517); empty where there are none."""
        return {"keys": []} if self._keys is None else self._ring().jwks()

    def close(self) -> None:
        """Let go of the store: write what was written behind, close its files. Closing twice is allowed."""
        if self._store is not None:
            self._store.close()

    # -- what the world adds to a flow ---------------------------------------------------------------------------------

    def _now(self) -> int:
        return int(self._clock())

    def _fresh(self) -> Fresh:
        return Fresh.cut(self._random(Fresh.SIZE))

    def _stored(self) -> Store:
        if self._store is None:
            raise NoStore
        return self._store

    def _ring(self) -> KeyRing:
        if self._keys is None:
            raise KeyUnavailable
        try:
            return self._keys if isinstance(self._keys, KeyRing) else self._keys.ring()
        except ConfigurationError as error:
            # At start it would be refused with this sentence; in the middle of a request it is a fault.
            raise KeyUnavailable from error

    def _log(self, event: Event) -> None:
        # Ids are handles that anybody may read; `!r` keeps what a user typed from forging a second line.
        ids = ",".join(event.session_ids)
        events.info("%s subject=%r sessions=%s", event.kind, event.subject, ids, extra={"event": event})

    def _login(
        self,
        subject: str,
        *,
        mode: Mode | None,
        roles: Collection[str] | None,
        claims: Mapping[str, Any] | None,
        data: Mapping[str, Any] | None,
        client: Client,
        replaces: str | None,
    ) -> Flow[Credentials]:
        if self._setup.hooked and (roles is not None or claims is not None):
            raise TypeError("roles and claims come from load_subject, which this gate has")
        person = Subject(roles=_roles(roles or ()), claims=_claims(claims or {}))
        _fits(person)
        return self._verbs.login(
            _subject(subject),
            mode=mode,
            person=person,
            data=checked_data(data or {}),
            client=client,
            replaces=replaces,
            fresh=self._fresh(),
            now=self._now(),
        )

    def _update(self, subject: str, roles: Collection[str] | None, claims: Mapping[str, Any] | None) -> Flow[Receipt]:
        person = Subject(roles=_roles(roles or ()), claims=_claims(claims or {}))
        _fits(person)
        return self._verbs.update(
            subject,
            roles=None if roles is None else person.roles,
            claims=None if claims is None else person.claims,
            now=self._now(),
        )

    def _revoke(
        self,
        *,
        session: str | None,
        subject: str | None,
        except_session: str | None,
        token: str | None,
        kid: str | None,
    ) -> Flow[Receipt]:
        if sum(target is not None for target in (session, subject, token, kid)) != 1:
            raise TypeError("revoke takes exactly one of session, subject, token and kid")
        if except_session is not None and subject is None:
            raise TypeError("except_session goes with subject")
        now = self._now()
        if session is not None:
            return self._verbs.revoke_session(session, now)
        if subject is not None:
            return self._verbs.revoke_subject(subject, except_session, now)
        if token is not None:
            return self._verbs.revoke_token(token, now)
        return self._verbs.revoke_kid(str(kid), now)


def known(person: object) -> Subject | None:
    """What a `load_subject` hook returned, in the form that records have."""
    if person is None:
        return None
    if not isinstance(person, Subject):
        sentence = f"load_subject returned a {type(person).__name__}; it returns a Subject or None"
        raise TypeError(sentence)
    checked = Subject(roles=_roles(person.roles), claims=_claims(person.claims), active=bool(person.active))
    _fits(checked)
    return checked


def _able(*, stored: bool, keyed: bool) -> frozenset[Mode]:
    """The modes that store and keys allow."""
    needs: dict[Mode, bool] = {"session": stored, "jwt": keyed, "hybrid": stored and keyed}
    return frozenset(mode for mode, able in needs.items() if able)


def _refused(mode: str, *, stored: bool) -> ConfigurationError:
    if mode not in MODES:
        cause, fix = f"there is no mode {mode!r}", "Use session, jwt or hybrid."
    elif not stored and mode != "jwt":
        cause, fix = f"{mode} mode keeps sessions, and there is no store", "Pass a store, such as SqliteStore(path)."
    else:
        cause, fix = f"{mode} mode signs tokens, and there are no keys", "Pass keys=KeyFile(path)."
    return ConfigurationError(cause=cause, fix=fix, source="Gate(mode=..., accept=...)")


def _subject(subject: str) -> str:
    if type(subject) is not str:
        raise TypeError("a subject is a string: the application's own id of the user")
    if not 0 < len(subject) <= MOST_SUBJECT or not subject.isprintable():
        sentence = f"a subject has 1 to {MOST_SUBJECT} printable characters"
        raise ValueError(sentence)
    return subject


def _roles(roles: Collection[str]) -> frozenset[str]:
    if isinstance(roles, str) or not all(type(role) is str for role in roles):
        raise TypeError("roles are a collection of strings, such as {'admin'}")
    return frozenset(roles)


def _claims(claims: Mapping[str, Any]) -> Json:
    checked = _json(claims, MOST_RIGHTS, "claims")
    if taken := sorted(RESERVED & checked.keys()):
        sentence = f"claims have a meaning of their own in a token: {', '.join(taken)}"
        raise ValueError(sentence)
    return checked


def checked_data(data: Mapping[str, Any]) -> Json:
    """The data of a session, frozen and within its bounds."""
    return _json(data, MOST_DATA, "data")


def _fits(person: Subject) -> None:
    """Raise if what a token has to carry of *person* is too much."""
    size = len(msgspec.json.encode([sorted(person.roles), thaw(person.claims)]))
    if size > MOST_RIGHTS:
        sentence = f"roles and claims are {size} bytes; {MOST_RIGHTS} leave room for the rest of a token in a cookie"
        raise ValueError(sentence)


def _json(values: Mapping[str, Any], most: int, what: str) -> Json:
    """*values*, frozen, as they come back from a store: JSON, and nothing else."""
    sentence = f"{what} are a mapping of JSON values"
    if not isinstance(values, Mapping):
        raise TypeError(sentence)
    try:
        plain = thaw(values)
        encoded = msgspec.json.encode(plain)
        # What comes back is what went in: not so for a NaN, bytes, a set, a date, or a name that is no text.
        same = read_object(encoded) == plain
    except (TypeError, ValueError, OverflowError, RecursionError, MalformedCredential) as error:
        raise ValueError(sentence) from error
    if not same:
        raise ValueError(sentence)
    if len(encoded) > most:
        sentence = f"{what} are {len(encoded)} bytes of JSON; at most {most} are kept"
        raise ValueError(sentence)
    frozen: Json = freeze(plain)
    return frozen
