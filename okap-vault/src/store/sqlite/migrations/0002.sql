-- Calls have names, and the audit a chain: see okap-engine/record/seal.rs.
DROP INDEX audit_of_grant;
ALTER TABLE audit RENAME TO audit_before;

CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,      -- 1, 2, 3 …: the place in the chain
    node INTEGER NOT NULL,        -- node and number name the call
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    grant_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    operation TEXT NOT NULL,
    status INTEGER NOT NULL,
    input INTEGER NOT NULL,
    output INTEGER NOT NULL,
    more TEXT,                    -- what else was used, JSON; mostly nothing
    cost INTEGER NOT NULL,        -- pico-USD
    estimated INTEGER NOT NULL,
    prices TEXT NOT NULL,
    end TEXT NOT NULL,
    form INTEGER NOT NULL,        -- how the row was sealed
    seal BLOB NOT NULL            -- SHA-256 over the seal before and this row
);
CREATE UNIQUE INDEX audit_of_call ON audit (node, number);

-- Which rows are of which grant, up to row 'audit_listed'. It is written behind, many rows at a time
-- in order of grant: at once it would cost a call a page of its own where there are many grants.
CREATE TABLE audit_of_grant (
    grant_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (grant_id, seq)
) WITHOUT ROWID;

-- 'generation' is raised by what nodes have to hear of, 'audit_head' is the last row's place and seal.
INSERT INTO meta (name, value) VALUES
    ('generation', 0),
    ('audit_listed', 0),
    ('audit_head', '0 0000000000000000000000000000000000000000000000000000000000000000');
