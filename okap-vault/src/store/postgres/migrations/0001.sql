-- The tables of a vault, as in the SQLite store; moments are milliseconds since 1970-01-01T00:00:00Z.

-- One counter for all keys, so that a key written again after its removal gets a new version.
CREATE SEQUENCE record_writes;

-- Keys are compared byte by byte, whatever the database's language.
CREATE TABLE records (
    key TEXT COLLATE "C" PRIMARY KEY,
    version BIGINT NOT NULL,
    bytes BYTEA NOT NULL,
    forget_after BIGINT
);
CREATE INDEX records_to_forget ON records (forget_after) WHERE forget_after IS NOT NULL;

CREATE TABLE audit (
    seq BIGINT PRIMARY KEY,       -- 1, 2, 3 …: the place in the chain
    node BIGINT NOT NULL,         -- node and number name the call
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    grant_id TEXT COLLATE "C" NOT NULL,
    owner TEXT NOT NULL,
    provider TEXT COLLATE "C" NOT NULL,
    model TEXT COLLATE "C" NOT NULL,
    operation TEXT NOT NULL,
    status INTEGER NOT NULL,
    input BIGINT NOT NULL,
    output BIGINT NOT NULL,
    more TEXT,                    -- what else was used, JSON; mostly nothing
    cost BIGINT NOT NULL,         -- pico-USD
    estimated BOOLEAN NOT NULL,
    prices TEXT NOT NULL,
    ended TEXT NOT NULL,
    form SMALLINT NOT NULL,       -- how the row was sealed
    seal BYTEA NOT NULL           -- SHA-256 over the seal before and this row
);
CREATE UNIQUE INDEX audit_of_call ON audit (node, number);
CREATE INDEX audit_of_grant ON audit (grant_id, seq);

CREATE TABLE master_keys (
    owner TEXT NOT NULL,
    provider TEXT COLLATE "C" NOT NULL,
    nonce BYTEA NOT NULL,
    sealed BYTEA NOT NULL,
    created BIGINT NOT NULL,
    rotated BIGINT,
    PRIMARY KEY (owner, provider)
);

CREATE TABLE users (
    name TEXT PRIMARY KEY,
    password_hash TEXT NOT NULL,
    created BIGINT NOT NULL
);

CREATE TABLE sessions (
    hash TEXT PRIMARY KEY,
    owner TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    csrf TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL
);
CREATE INDEX sessions_to_forget ON sessions (expires);

-- 'generation' is raised by what nodes have to hear of, 'audit_head' is the last row's place and
-- seal, 'keyring' says how the keyring opens.
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
INSERT INTO meta (name, value) VALUES
    ('generation', '0'),
    ('audit_head', '0 0000000000000000000000000000000000000000000000000000000000000000');
