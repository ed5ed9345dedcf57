-- Moments are milliseconds since 1970-01-01T00:00:00Z.

-- What the protocol keeps. A store sees keys, versions and bytes; okap-engine gives them meaning.
CREATE TABLE records (
    key TEXT NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    forget_after INTEGER
) WITHOUT ROWID;
CREATE INDEX records_to_forget ON records (forget_after) WHERE forget_after IS NOT NULL;

-- One row a call that was let through; only ever added to.
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    grant_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    operation TEXT NOT NULL,
    status INTEGER NOT NULL,
    usage TEXT NOT NULL,          -- JSON
    cost INTEGER NOT NULL,        -- pico-USD
    estimated INTEGER NOT NULL,
    prices TEXT NOT NULL,
    end TEXT NOT NULL
);
CREATE INDEX audit_of_grant ON audit (grant_id, at);

-- Providers' keys, sealed: see keys.rs.
CREATE TABLE master_keys (
    owner TEXT NOT NULL,
    provider TEXT NOT NULL,
    nonce BLOB NOT NULL,
    sealed BLOB NOT NULL,
    created INTEGER NOT NULL,
    rotated INTEGER,
    PRIMARY KEY (owner, provider)
) WITHOUT ROWID;

CREATE TABLE users (
    name TEXT NOT NULL PRIMARY KEY,
    password_hash TEXT NOT NULL,  -- PHC string
    created INTEGER NOT NULL
) WITHOUT ROWID;

-- Browsers that are signed in, by the hash of their cookie.
CREATE TABLE sessions (
    hash TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    csrf TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_to_forget ON sessions (expires);

-- Single values: 'writes' counts writes of records, 'keyring' is the sealed data key (JSON).
CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value NOT NULL
) WITHOUT ROWID;
INSERT INTO meta (name, value) VALUES ('writes', 0);
