"""The SQL of every store that speaks it, written once: which statements answer a question, and what their rows say.

A plan is a generator. It yields a `Statement`, is sent the rows, and returns the answer; whoever drives it runs all
of its statements in one transaction. Nothing here does I/O but for the randomness of the marks.
"""
# ruff: noqa: S608  (what is put into a statement by formatting are the names of our own columns)

import os
from collections.abc import Generator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar, assert_never

import msgspec

from gatepass.core.flow import (
    Add,
    Append,
    Cursor,
    Document,
    End,
    Find,
    Forget,
    Forgive,
    Hit,
    List,
    Once,
    Purge,
    Read,
    Reset,
    StoreQuestion,
    Swap,
    Tail,
    Tailed,
    Touch,
    Write,
)
from gatepass.records import (
    NOTHING,
    REMEMBERED,
    Client,
    Entry,
    Json,
    Reason,
    Session,
    ended_entry,
    freeze,
    thaw,
)

T = TypeVar("T")

#: Values in the order of the columns asked for.
Row: TypeAlias = tuple[Any, ...]


class Statement(NamedTuple):
    """A text with question marks, and what goes there."""

    text: str
    args: tuple[Any, ...]


#: Statements out, rows in, the answer at the end.
Plan: TypeAlias = Generator[Statement, Sequence[Row], T]

COLUMNS: Final = (
    "id",
    "subject",
    "mode",
    "secret_digest",
    "seed",
    "refresh_kid",
    "generation",
    "rotated_at",
    "roles",
    "claims",
    "data",
    "auth_time",
    "created_at",
    "seen_at",
    "idle",
    "ends_at",
    "token_ttl",
    "forget_at",
    "ended_at",
    "ended_reason",
    "client_ip",
    "client_user_agent",
    "version",
    "remember",
)
_ALL: Final = ", ".join(COLUMNS)

#: The widest integer of an SQL engine: a number above it is in no table.
_WIDEST: Final = 2**63 - 1

FIND: Final = f"SELECT {_ALL} FROM gatepass_session WHERE id = ?"
LIST: Final = (
    f"SELECT {_ALL} FROM gatepass_session WHERE subject = ? ORDER BY ended_at IS NOT NULL, seen_at DESC, id LIMIT ?"
)
# The entry of the cursor itself comes first, so that one read says both whether it is still there and what follows.
TAIL: Final = (
    "SELECT number, mark, kind, key, version, until, (SELECT max(number) FROM gatepass_log)"
    " FROM gatepass_log WHERE number >= ? ORDER BY number LIMIT ?"
)


def _assigned(name: str) -> str:
    # Of two times of use the later one stays. Engines do not agree on a name for the greater of two, but on this.
    if name in {"seen_at", "forget_at"}:
        return f"{name} = (SELECT max(at) FROM (SELECT {name} AS at UNION ALL SELECT ?) AS both)"
    return f"{name} = ?"


_INSERT: Final = f"INSERT INTO gatepass_session ({_ALL}) VALUES ({', '.join('?' * len(COLUMNS))})"
_SWAP: Final = (
    f"UPDATE gatepass_session SET {', '.join(map(_assigned, COLUMNS[1:]))}"
    " WHERE id = ? AND version = ? AND ended_at IS NULL RETURNING 1"
)
_TOUCH: Final = (
    "UPDATE gatepass_session SET seen_at = ?, forget_at = forget_at + ? - seen_at"
    " WHERE id = ? AND seen_at < ? AND ended_at IS NULL"
)
_END: Final = (
    "UPDATE gatepass_session SET ended_at = ?, ended_reason = ?, version = version + 1, forget_at = ?"
    f" WHERE id = ? AND ended_at IS NULL RETURNING {_ALL}"
)
_LIVE_OF: Final = "SELECT id FROM gatepass_session WHERE subject = ? AND ended_at IS NULL ORDER BY id"
# First those that nobody can use any more: an expired session must not cost another device its own.
_OLDEST_OF: Final = (
    "SELECT id FROM gatepass_session WHERE subject = ? AND ended_at IS NULL"
    " ORDER BY seen_at + idle > ? AND ends_at > ?, created_at, id"
)
_FORGET: Final = "DELETE FROM gatepass_session WHERE subject = ? AND ended_at IS NOT NULL RETURNING 1"
_APPEND: Final = (
    "INSERT INTO gatepass_log (number, mark, kind, key, version, until)"
    " VALUES ((SELECT coalesce(max(number), 0) + 1 FROM gatepass_log), ?, ?, ?, ?, ?)"
)
_ONCE: Final = "INSERT INTO gatepass_once (key, until) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING 1"
# One statement, so that it is exact on engines where two transactions may run it at the same time. In the WHERE and on
# the right of SET, a column is what it was before.
_HIT: Final = (
    "INSERT INTO gatepass_hit AS hit (key, ends_at, hits) VALUES (?, ?, 1) ON CONFLICT (key) DO UPDATE SET"
    " hits = CASE WHEN hit.ends_at <= ? THEN 1 ELSE hit.hits + 1 END,"
    " ends_at = CASE WHEN hit.ends_at <= ? THEN excluded.ends_at ELSE hit.ends_at END"
    " WHERE hit.ends_at <= ? OR hit.hits < ? RETURNING 1"
)
_WINDOW: Final = "SELECT ends_at FROM gatepass_hit WHERE key = ?"
READ: Final = "SELECT version, content FROM gatepass_document WHERE name = ?"
_BEGIN: Final = (
    "INSERT INTO gatepass_document (name, version, content) VALUES (?, 1, ?) ON CONFLICT DO NOTHING RETURNING 1"
)
_WRITE: Final = (
    "UPDATE gatepass_document SET content = ?, version = version + 1 WHERE name = ? AND version = ? RETURNING 1"
)
_FORGIVE: Final = "DELETE FROM gatepass_hit WHERE key = ?"


def _purge_of(table: str, *, key: str, dead: str) -> str:
    rows = f"SELECT {key} FROM gatepass_{table} WHERE {dead} LIMIT ?"
    return f"DELETE FROM gatepass_{table} WHERE {key} IN ({rows}) RETURNING 1"


_PURGES: Final = (
    _purge_of("session", key="id", dead="forget_at <= ?"),
    # The last entry stays, or the numbers would start again.
    _purge_of("log", key="number", dead="until <= ? AND number < (SELECT max(number) FROM gatepass_log)"),
    _purge_of("once", key="key", dead="until <= ?"),
    _purge_of("hit", key="key", dead="ends_at <= ?"),
)


def plan(question: StoreQuestion) -> Plan[Any]:  # noqa: C901, PLR0911, PLR0912  (one line a question)
    """The statements that answer *question*, to be run in one transaction."""
    match question:
        case Find(sid):
            return _find(sid)
        case Add():
            return _add(question)
        case Swap():
            return _swap(question)
        case Touch(seen):
            return _touch(seen)
        case End():
            return _end(question)
        case Append(entry):
            return _append(entry)
        case List():
            return _list(question)
        case Forget(subject):
            return _forget(subject)
        case Tail():
            return _tail(question)
        case Once(key, until):
            return _once(key, until)
        case Hit():
            return _hit(question)
        case Forgive(key):
            return _forgive(key)
        case Read(name):
            return _read(name)
        case Write():
            return _write(question)
        case Purge(now, limit):
            return _purge(now, limit)
        case _:
            assert_never(question)


# -- reads -------------------------------------------------------------------------------------------------------------


def _find(sid: str) -> Plan[Session | None]:
    rows = (yield Statement(FIND, (sid,))) if storable(sid) else ()
    return session(rows[0]) if rows else None


def _list(question: List) -> Plan[tuple[Session, ...]]:
    rows = (yield list_statement(question)) if storable(question.subject) else ()
    return tuple(map(session, rows))


def _tail(question: Tail) -> Plan[Tailed | Reset]:
    return tailed(question, (yield tail_statement(question)))


def _read(name: str) -> Plan[Document | None]:
    rows = (yield Statement(READ, (name,))) if storable(name) else ()
    return document(rows[0]) if rows else None


def list_statement(question: List) -> Statement:
    """The one statement of a `List`."""
    return Statement(LIST, (question.subject, _clamped(question.limit)))


def tail_statement(question: Tail) -> Statement:
    """The one statement of a `Tail`; `tailed` reads its rows."""
    start = 0 if question.cursor is None else max(question.cursor.number, 0)
    return Statement(TAIL, (_clamped(start), _clamped(_clamped(question.limit) + 1)))


def tailed(question: Tail, rows: Sequence[Row]) -> Tailed | Reset:
    """What the rows of a `Tail` say."""
    cursor, limit = question.cursor, max(question.limit, 0)
    head: int = rows[0][6] if rows else 0
    if cursor is None:
        lines = rows[:limit]
    elif rows and rows[0][0] == cursor.number and rows[0][1] == cursor.mark:
        lines = rows[1:]
    else:
        return Reset()
    if lines:
        cursor = Cursor(lines[-1][0], lines[-1][1])
    entries = tuple(Entry(kind=line[2], key=line[3], version=line[4], until=line[5]) for line in lines)
    return Tailed(entries=entries, cursor=cursor, head=head)


# -- writes ------------------------------------------------------------------------------------------------------------


def _add(question: Add) -> Plan[tuple[Session, ...] | None]:
    new, at = question.session, question.session.created_at
    ended: list[Session] = []
    if question.replaces is not None:
        ended += yield from _close([question.replaces], "replaced", at)
        if not ended:
            return None
    if question.keep is not None:
        rows = yield Statement(_OLDEST_OF, (new.subject, at, at))
        surplus = len(rows) - max(question.keep - 1, 0)
        ended += yield from _close([row[0] for row in rows[: max(surplus, 0)]], "evicted", at)
    yield Statement(_INSERT, _values(new, 1))
    return tuple(ended)


def _swap(question: Swap) -> Plan[bool]:
    new, expected = question.session, question.expected_version
    if not storable(new.id) or not 0 < expected < _WIDEST:
        return False
    rows = yield Statement(_SWAP, (*_values(new, expected + 1)[1:], new.id, expected))
    if rows and question.entry is not None:
        yield from _append(question.entry)
    return bool(rows)


def _touch(seen: Mapping[str, int]) -> Plan[None]:
    # Sorted: of two nodes that write the same rows, none waits for a row while it holds one that the other waits for.
    for sid, at in sorted(seen.items()):
        if storable(sid):
            yield Statement(_TOUCH, (at, at, sid, at))


def _end(question: End) -> Plan[tuple[Session, ...]]:
    ids = list(question.ids)
    if question.subject is not None and storable(question.subject):
        ids += [row[0] for row in (yield Statement(_LIVE_OF, (question.subject,)))]
    ids = [sid for sid in dict.fromkeys(ids) if sid != question.except_id]
    return tuple((yield from _close(ids, question.reason, question.at)))


def _close(ids: Sequence[str], reason: Reason, at: int) -> Plan[list[Session]]:
    """End those of *ids* that are live, and log it."""
    ended: list[Session] = []
    for sid in ids:
        if storable(sid):
            ended += map(session, (yield Statement(_END, (at, reason, at + REMEMBERED, sid))))
    for row in ended:
        yield from _append(ended_entry(row, at))
    return ended


def _append(entry: Entry) -> Plan[None]:
    yield Statement(_APPEND, (os.urandom(8), entry.kind, entry.key, entry.version, entry.until))


def _forget(subject: str) -> Plan[int]:
    return len((yield Statement(_FORGET, (subject,)))) if storable(subject) else 0


def _once(key: str, until: int) -> Plan[bool]:
    return bool((yield Statement(_ONCE, (_digest(key), until))))


def _hit(question: Hit) -> Plan[int]:
    if question.limit < 1:
        return question.window
    key, at, ends_at = _digest(question.key), question.at, question.at + question.window
    if (yield Statement(_HIT, (key, ends_at, at, at, at, _clamped(question.limit)))):
        return 0
    rows = yield Statement(_WINDOW, (key,))
    # Where others write at the same time the window may be gone by now, and then the next try is free.
    until: int = rows[0][0] if rows else at + 1
    return until - at


def _forgive(key: str) -> Plan[None]:
    yield Statement(_FORGIVE, (_digest(key),))


def _write(question: Write) -> Plan[bool]:
    name, expected = question.name, question.expected_version
    if not storable(name) or not 0 <= expected < _WIDEST:
        return False
    if expected == 0:
        return bool((yield Statement(_BEGIN, (name, question.content))))
    return bool((yield Statement(_WRITE, (question.content, name, expected))))


def _purge(now: int, limit: int) -> Plan[int]:
    left = limit = _clamped(limit)
    for text in _PURGES:
        if left > 0:
            left -= len((yield Statement(text, (now, left))))
    return limit - left


# -- values ------------------------------------------------------------------------------------------------------------

_EMPTY_LIST: Final = "[]"
_EMPTY_OBJECT: Final = "{}"
_roles: Final = msgspec.json.Decoder(frozenset[str])
_object: Final = msgspec.json.Decoder(dict[str, Any])
_encoder: Final = msgspec.json.Encoder()


def session(row: Row) -> Session:
    """The session that a row of `COLUMNS` holds.

    Raises:
        msgspec.MsgspecError: A JSON column holds something else.
    """
    roles, claims, data = row[8], row[9], row[10]
    return Session(
        id=row[0],
        subject=row[1],
        mode=row[2],
        secret_digest=row[3],
        seed=row[4],
        refresh_kid=row[5],
        generation=row[6],
        rotated_at=row[7],
        # Most rows hold none of these, and then nothing is parsed.
        roles=frozenset() if roles == _EMPTY_LIST else _roles.decode(roles),
        claims=NOTHING if claims == _EMPTY_OBJECT else freeze(_object.decode(claims)),
        data=NOTHING if data == _EMPTY_OBJECT else freeze(_object.decode(data)),
        auth_time=row[11],
        created_at=row[12],
        seen_at=row[13],
        idle=row[14],
        ends_at=row[15],
        token_ttl=row[16],
        forget_at=row[17],
        ended_at=row[18],
        ended_reason=row[19],
        client=Client(ip=row[20], user_agent=row[21]),
        version=row[22],
        remember=bool(row[23]),
    )


def document(row: Row) -> Document:
    """The document that a row of `READ` holds."""
    return Document(version=row[0], content=row[1])


def _values(session: Session, version: int) -> Row:
    return (
        session.id,
        session.subject,
        session.mode,
        session.secret_digest,
        session.seed,
        session.refresh_kid,
        session.generation,
        session.rotated_at,
        _encoder.encode(sorted(session.roles)).decode(),
        _json(session.claims),
        _json(session.data),
        session.auth_time,
        session.created_at,
        session.seen_at,
        session.idle,
        session.ends_at,
        session.token_ttl,
        session.forget_at,
        session.ended_at,
        session.ended_reason,
        session.client.ip,
        session.client.user_agent,
        version,
        int(session.remember),
    )


def _json(value: Json) -> str:
    return _encoder.encode(thaw(value)).decode() if value else _EMPTY_OBJECT


def storable(text: str) -> bool:
    """Whether *text* can be the id of a row at all. Halves of surrogate pairs have no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _digest(key: str) -> bytes:
    # Any text has one, whatever is in it and however long it is, and it shows nobody's name or address.
    return sha256(key.encode("utf-8", "surrogatepass")).digest()


def _clamped(number: int) -> int:
    return min(max(number, 0), _WIDEST)
