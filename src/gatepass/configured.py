"""What a gate is made of, whichever its colour: a configuration that fits together, and arguments within bounds."""

import logging
import os
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from inspect import iscoroutinefunction
from typing import Any, ClassVar, Protocol, get_args, runtime_checkable
from weakref import WeakSet

import msgspec

from gatepass.core import origin
from gatepass.core.flow import Flow
from gatepass.core.keyring import KeyRing
from gatepass.core.lifecycle import Fresh
from gatepass.core.revocation import Denylist
from gatepass.core.strict import read_object
from gatepass.core.warm import RESERVED, SEEN, AccessTokens, CacheInfo
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
    RevokeReason,
    Subject,
    freeze,
    thaw,
)
from gatepass.stores import Store
from gatepass.verbs import Verbs

LoadSubjectAsync = Callable[[str], Subject | Awaitable[Subject | None] | None]
OnEvent = Callable[[Event], Any]

events = logging.getLogger("gatepass.events")

#: Bytes of roles, of claims, and of the names in a token, as JSON. With all of them a token has less than 4,096 octets,
#: which is what a cookie may have (RFC 6265bis section 5.6).
MOST_ROLES = 768
MOST_CLAIMS = 1_024
MOST_NAME = 128
#: The data of a session, as JSON: a row is read whole on every check in session mode. Our choice.
MOST_DATA = 65_536
#: Bytes. A subject is an id, not a text. OpenID Connect Core section 2 has the same limit for `sub`.
MOST_SUBJECT = 255
#: Characters of what a client says of itself that are kept: more than browsers say.
MOST_CLIENT = 512


def log_event(event: Event) -> None:
    """Write *event* to the audit log."""
    # Ids are handles that anybody may read; `!r` keeps what a user typed from forging a second line.
    ids = ",".join(event.session_ids)
    keys = f" keys={event.kids!r}" if event.kids else ""
    events.info("%s subject=%r sessions=%s%s", event.kind, event.subject, ids, keys, extra={"event": event})


_gates: "WeakSet[Configured]" = WeakSet()


def _after_fork() -> None:
    for gate in list(_gates):
        gate._denylist.restart()  # noqa: SLF001  its lock may be held by a thread that the child does not have
        if gate._tokens is not None:  # noqa: SLF001
            gate._tokens.restart()  # noqa: SLF001


_ = getattr(os, "register_at_fork", dict)(after_in_child=_after_fork)  # Windows has no forks


class KeySource(Protocol):
    """Where a key ring is kept, such as a `gatepass.keys.KeyFile` or a `gatepass.keys.KeyStore`."""

    def ring(self) -> KeyRing:
        """The ring as it is now; the same object while it has not changed."""


@runtime_checkable
class WatchedSource(KeySource, Protocol):
    """A `KeySource` that says when this process has changed what is kept there, as those of `gatepass.keys` do."""

    def watch(self, changed: Callable[[], None]) -> None:
        """Call *changed* after each change, for as long as the object lives whose method it is."""


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
        token_cache: How many verified tokens are kept, so that the next check of each costs no signature: about 1.2 kB
            each. 0 turns it off.
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
        token_cache: int = SEEN,
        load_subject: LoadSubjectAsync | None = None,
        on_event: OnEvent | None = None,
        clock: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        check_parts(store=store, keys=keys, policy=policy)
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
        for text in (name, issuer or name, audience or name):
            if type(text) is not str or not 0 < len(text.encode()) <= MOST_NAME or not text.isprintable():
                raise ConfigurationError(
                    cause=f"{str(text)[:40]!r} is no name that every token can carry",
                    fix=f"Give a text of at most {MOST_NAME} bytes.",
                    source="Gate(name=..., issuer=..., audience=...)",
                )
        if store is None and policy is not None and policy.max_sessions is not None:
            raise ConfigurationError(
                cause="max_sessions counts sessions, and there is no store",
                fix="Pass a store, such as SqliteStore(path).",
                source="Gate(policy=...)",
            )
        if type(token_cache) is not int or token_cache < 0 or token_cache == 1:
            raise ConfigurationError(
                cause="token_cache is no number of tokens",
                fix=f"Give a whole number of at least 2, such as {SEEN}, or 0 to keep none.",
                source="Gate(token_cache=...)",
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
            read_at = int(clock())
            tokens = AccessTokens(
                keys if isinstance(keys, KeyRing) else keys.ring(),
                issuer=setup.issuer,
                audience=setup.audience,
                accept=setup.accept,
                denylist=denylist,
                limit=token_cache,
                now=read_at,
            )
            if isinstance(keys, WatchedSource):
                keys.watch(tokens.changed)
                read = tokens.begin_read()  # once more: of a change right after the first one nobody has told
                tokens.use(keys.ring(), now=read_at, read=read)
        self._setup = setup
        self._verbs = Verbs(setup, tokens, denylist)
        self._tokens = tokens
        self._store = store
        self._keys = keys
        self._load_subject = load_subject
        self._on_event = on_event
        self._clock = clock
        self._random = random
        self._denylist = denylist
        self._tasks: set[Any] = set()
        _gates.add(self)

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

    @property
    def issuer(self) -> str:
        """`iss` of its tokens."""
        return self._setup.issuer

    @property
    def audience(self) -> str:
        """`aud` of its tokens."""
        return self._setup.audience

    @property
    def token_cache(self) -> CacheInfo:
        """How the token cache does: its hits and misses since the gate was made, its size and its limit."""
        return CacheInfo(0, 0, 0, 0) if self._tokens is None else self._tokens.cache

    def jwks(self) -> dict[str, Any]:
        """The public halves of the keys that verify now, as a JWK set (RFC 7517); empty where there are none."""
        return {"keys": []} if self._keys is None else self._ring().jwks(self._now())

    def csrf_token(self, session_id: str) -> str:
        """What a page of this session sends along, as `X-CSRF-Token` or `csrf_token`, to prove that it is one of ours.

        Raises:
            KeyUnavailable: The gate has no keys.
        """
        return origin.csrf_token(self._ring().csrf[0], session_id)

    def csrf_belongs(self, token: str, session_id: str) -> bool:
        """Whether *token* was made for this session, also under a key ring from before a rotation.

        Raises:
            KeyUnavailable: The gate has no keys.
        """
        return origin.belongs(token, session_id, self._ring().csrf)

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
        return current(self._keys)

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
        remember: bool,
    ) -> Flow[Credentials]:
        if self._setup.hooked and (roles is not None or claims is not None):
            raise TypeError("roles and claims come from load_subject, which this gate has")
        person = Subject(roles=_roles(() if roles is None else roles), claims=_claims(claims or {}))
        return self._verbs.login(
            _subject(subject),
            mode=mode,
            person=person,
            data=checked_data(data or {}),
            client=checked_client(client),
            replaces=replaces,
            remember=bool(remember),
            fresh=self._fresh(),
            now=self._now(),
        )

    def _refresh(self, refresh_token: str | None, client: Client) -> Flow[Credentials]:
        return self._verbs.refresh(refresh_token, client=checked_client(client), fresh=self._fresh(), now=self._now())

    def _step_up(self, credential: str | None, client: Client) -> Flow[Credentials]:
        return self._verbs.step_up(credential, client=checked_client(client), fresh=self._fresh(), now=self._now())

    def _update(self, subject: str, roles: Collection[str] | None, claims: Mapping[str, Any] | None) -> Flow[Receipt]:
        return self._verbs.update(
            checked_text(subject),
            roles=None if roles is None else _roles(roles),
            claims=None if claims is None else _claims(claims),
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
        reason: RevokeReason,
    ) -> Flow[Receipt]:
        if sum(target is not None for target in (session, subject, token, kid)) != 1:
            raise TypeError("revoke takes exactly one of session, subject, token and kid")
        if except_session is not None and subject is None:
            raise TypeError("except_session goes with subject")
        for text in (session, subject, except_session, kid):
            _ = checked_text(text) if text is not None else ""
        if reason not in get_args(RevokeReason):
            raise TypeError("a reason is one of revoked, password and operator")
        now = self._now()
        if session is not None:
            return self._verbs.revoke_session(session, reason, now)
        if subject is not None:
            return self._verbs.revoke_subject(subject, except_session, reason, now)
        if token is not None:
            return self._verbs.revoke_token(token, reason, now)
        return self._verbs.revoke_kid(str(kid), now)


def current(keys: KeyRing | KeySource) -> KeyRing:
    """The ring of *keys* as it is now, in the middle of a request.

    Raises:
        KeyUnavailable: It cannot be read. At start that would be refused with its sentence; here it is a fault.
    """
    try:
        return keys if isinstance(keys, KeyRing) else keys.ring()
    except ConfigurationError as error:
        raise KeyUnavailable("the key ring cannot be read now") from error


def known(person: object) -> Subject | None:
    """What a `load_subject` hook returned, in the form that records have."""
    if person is None:
        return None
    if not isinstance(person, Subject):
        sentence = f"load_subject returned a {type(person).__name__}; it returns a Subject or None"
        raise TypeError(sentence)
    return Subject(roles=_roles(person.roles), claims=_claims(person.claims), active=bool(person.active))


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
    if not subject.isprintable() or not 0 < len(subject.encode()) <= MOST_SUBJECT:
        sentence = f"a subject is 1 to {MOST_SUBJECT} bytes of printable characters"
        raise ValueError(sentence)
    return subject


def _roles(roles: Collection[str]) -> frozenset[str]:
    named = frozenset(() if isinstance(roles, str) else roles)
    if isinstance(roles, str) or not all(type(role) is str for role in named):
        raise TypeError("roles are a collection of strings, such as {'admin'}")
    _ = _json({"roles": sorted(named)}, MOST_ROLES, "roles")
    return named


def _claims(claims: Mapping[str, Any]) -> Json:
    checked = _json(claims, MOST_CLAIMS, "claims")
    if taken := sorted(RESERVED & checked.keys()):
        sentence = f"claims have a meaning of their own in a token: {', '.join(taken)}"
        raise ValueError(sentence)
    return checked


def checked_data(data: Mapping[str, Any]) -> Json:
    """The data of a session, frozen and within its bounds."""
    return _json(data, MOST_DATA, "data")


def check_parts(*, store: object, keys: object, policy: object) -> None:
    """Return if each part is of its kind: a path where a store belongs would be found out by the first request.

    Raises:
        ConfigurationError: One is of another kind.
    """
    for name, part, fits, fix in (
        ("store", store, hasattr(store, "answer"), "Pass a store, such as SqliteStore(path)."),
        ("keys", keys, isinstance(keys, KeyRing) or hasattr(keys, "ring"), "Pass keys, such as KeyFile(path)."),
        ("policy", policy, isinstance(policy, Policy), "Pass a Policy, such as Policy(idle=3600)."),
    ):
        if part is not None and not fits:
            # Only its type: a text may be an address with a password in it.
            raise ConfigurationError(cause=f"{name} is a {type(part).__name__}", fix=fix, source=f"Gate({name}=...)")


def checked_client(client: Client) -> Client:
    """What a client says of itself, cut: whatever a request said there, a row can hold it and a list show it."""
    ip, user_agent = (
        str(said or "")[:MOST_CLIENT].encode("utf-8", "replace").decode() for said in (client.ip, client.user_agent)
    )
    return Client(ip=ip, user_agent=user_agent)


def checked_text(text: str) -> str:
    """An id to look for: any text, and nothing else, or the number 42 would find nothing and look as if it had."""
    if type(text) is not str:
        sentence = f"an id is a string, not a {type(text).__name__}"
        raise TypeError(sentence)
    return text


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
        # Of one subject, whose rights grew: in the middle of a request, and with a code, so that somebody reads of it.
        raise ConfigurationError(
            cause=f"{what} are {len(encoded)} bytes of JSON, and at most {most} are kept",
            fix="Keep what is larger in a database of your own, under the id of the subject.",
            source=f"{what}=...",
        )
    frozen: Json = freeze(plain)
    return frozen
