"""Records in one SQLite file: requests that wait, grants, hashes of tokens, calls.

All of the vault runs in one thread, and no method waits for anything but the disk. So what stands
between two `await`s elsewhere is one step that no other request can come into.
"""

import json
import sqlite3

_TABLES = """
CREATE TABLE IF NOT EXISTS question (
    id TEXT PRIMARY KEY, poll BLOB UNIQUE, code TEXT, source TEXT, app TEXT, asked TEXT,
    flat INTEGER, ends INTEGER, state TEXT, grant_id TEXT, not_before INTEGER);
CREATE TABLE IF NOT EXISTS access (
    id TEXT PRIMARY KEY, app TEXT, created INTEGER, ends INTEGER, revoked INTEGER, objects TEXT);
CREATE TABLE IF NOT EXISTS token (
    hash BLOB PRIMARY KEY, grant_id TEXT NOT NULL REFERENCES access (id), ends INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS call (
    id INTEGER PRIMARY KEY, grant_id TEXT, account TEXT, at INTEGER, ended INTEGER, provider TEXT,
    route TEXT, model TEXT, status INTEGER, usage TEXT);
CREATE INDEX IF NOT EXISTS call_account ON call (account, at);
"""
_JSON = ("app", "asked", "objects", "usage")


class Store:
    """The file, or memory with `:memory:`."""

    def __init__(self, path):
        self.path = path
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.executescript(f"PRAGMA journal_mode = WAL; {_TABLES}")

    def add(self, table, **record):
        """Keeps a record; its number."""
        marks = ", ".join("?" * len(record))
        query = f"INSERT INTO {table} ({', '.join(record)}) VALUES ({marks})"
        return self._db.execute(query, _packed(record)).lastrowid

    def change(self, table, id, **members):
        """Changes members of a record."""
        sets = ", ".join(f"{name} = ?" for name in members)
        self._db.execute(f"UPDATE {table} SET {sets} WHERE id = ?", [*_packed(members), id])

    def run(self, query, *values):
        """Carries out a statement that gives nothing."""
        self._db.execute(query, values)

    def find(self, query, *values):
        """The first record that a SELECT gives, or None."""
        row = self._db.execute(query, values).fetchone()
        return row and _unpacked(row)

    def all(self, query, *values):
        """All records that a SELECT gives."""
        return [_unpacked(row) for row in self._db.execute(query, values)]

    def count(self, query, *values):
        """The one number that a SELECT gives."""
        return self._db.execute(query, values).fetchone()[0]


def _packed(record):
    return [json.dumps(value) if name in _JSON else value for name, value in record.items()]


def _unpacked(row):
    packed = {name: row[name] for name in row.keys()}
    return {n: json.loads(v) if n in _JSON and v is not None else v for n, v in packed.items()}
