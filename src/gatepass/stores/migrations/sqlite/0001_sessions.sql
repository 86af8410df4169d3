-- Sessions, the revocation log, single-use keys and hit windows. Times are seconds since the epoch.

-- One row a login. WITHOUT ROWID: the row lies in the index of its key, so a check is one walk down one tree.
CREATE TABLE gatepass_session (
    id TEXT NOT NULL PRIMARY KEY,
    subject TEXT NOT NULL,
    mode TEXT NOT NULL,
    secret_digest BLOB NOT NULL,
    seed BLOB NOT NULL,
    refresh_kid TEXT NOT NULL,
    generation INTEGER NOT NULL,
    rotated_at INTEGER NOT NULL,
    roles TEXT NOT NULL,
    claims TEXT NOT NULL,
    data TEXT NOT NULL,
    auth_time INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    idle INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    token_ttl INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    ended_at INTEGER,
    ended_reason TEXT,
    client_ip TEXT NOT NULL,
    client_user_agent TEXT NOT NULL,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX gatepass_session_subject ON gatepass_session (subject);
CREATE INDEX gatepass_session_forget_at ON gatepass_session (forget_at);

-- The revocation log. A number is one more than the highest there is, and the highest is never purged, so that the
-- write lock makes numbers rise in the order of the commits.
CREATE TABLE gatepass_log (
    number INTEGER PRIMARY KEY,
    mark BLOB NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    version INTEGER NOT NULL,
    until INTEGER NOT NULL
) STRICT;

CREATE INDEX gatepass_log_until ON gatepass_log (until);

-- Single-use keys and hit windows, under a digest of the key: it may be any text, and hold a name or an address.
CREATE TABLE gatepass_once (
    key BLOB NOT NULL PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX gatepass_once_until ON gatepass_once (until);

CREATE TABLE gatepass_hit (
    key BLOB NOT NULL PRIMARY KEY,
    ends_at INTEGER NOT NULL,
    hits INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX gatepass_hit_ends_at ON gatepass_hit (ends_at);
