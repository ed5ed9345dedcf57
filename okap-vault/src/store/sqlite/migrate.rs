use std::path::Path;

use okap_engine::{
    pico::Pico,
    price::Usage,
    record::{AuditRow, CallId, End, Owner},
};
use okap_types::Timestamp;
use rusqlite::{Connection, Row, Transaction, TransactionBehavior};

use super::audit;
use crate::store::{Fault, StoreFault, rows::count};

/// A step in Rust, where SQL alone is not enough.
type Step = fn(&Transaction<'_>) -> rusqlite::Result<()>;

/// Each brings a database from the version of its index to the next.
const MIGRATIONS: &[(&str, Step)] = &[
    (include_str!("migrations/0001.sql"), |_| Ok(())),
    (include_str!("migrations/0002.sql"), chain),
];

/// The newest schema version that this program knows.
pub const NEWEST: i64 = MIGRATIONS.len() as i64;

/// `OKAP`: marks the file as ours.
const APPLICATION: i64 = 0x4f4b_4150;

/// Brings a database up to date, each step in a transaction of its own.
///
/// Nothing is written before the file is known to be ours and not newer than we are.
pub(super) fn to_newest(path: &Path, connection: &mut Connection) -> Result<(), StoreFault> {
    let broken = |error| StoreFault::of_sqlite(path, error);
    check(path, connection)?;
    connection.pragma_update(None, "journal_mode", "wal").map_err(broken)?;
    connection.pragma_update(None, "synchronous", "full").map_err(broken)?;
    loop {
        let step =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(broken)?;
        // read again: another process may have got here first
        let version = check(path, &step)?;
        let next = usize::try_from(version).ok().and_then(|version| MIGRATIONS.get(version));
        let Some((sql, and_then)) = next else { return Ok(()) };
        step.execute_batch(sql).map_err(broken)?;
        and_then(&step).map_err(broken)?;
        step.pragma_update(None, "application_id", APPLICATION).map_err(broken)?;
        step.pragma_update(None, "user_version", version + 1).map_err(broken)?;
        step.commit().map_err(broken)?;
    }
}

/// The version of a database that is ours, or still empty.
fn check(path: &Path, connection: &Connection) -> Result<i64, StoreFault> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let looked = (|| {
        let tables = "SELECT EXISTS (SELECT 1 FROM sqlite_schema)";
        let empty = !connection.query_row(tables, [], |row| row.get::<_, bool>(0))?;
        Ok((empty, number("application_id")?, number("user_version")?))
    })();
    match looked.map_err(|error| StoreFault::of_sqlite(path, error))? {
        (true, 0, 0) => Ok(0),
        (_, APPLICATION, version @ 0..=NEWEST) => Ok(version),
        (_, APPLICATION, version) => Err(StoreFault::in_file(path, Fault::Newer(version))),
        _ => Err(StoreFault::in_file(path, Fault::NotOurs)),
    }
}

/// Gives the rows of version 1 names and a chain: they are the calls of node 0, by their old place.
fn chain(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut rows = tx.prepare(
        "SELECT seq, at, grant_id, owner, provider, model, operation, status, usage, cost, estimated,
                prices, end
         FROM audit_before ORDER BY seq",
    )?;
    let rows = rows.query_map([], first_form)?;
    let mut chain = audit::Chain::open(tx)?;
    for row in rows {
        chain.append(&row?)?;
    }
    chain.close()?;
    tx.execute_batch("DROP TABLE audit_before")
}

fn first_form(row: &Row<'_>) -> rusqlite::Result<AuditRow> {
    let odd = |column| rusqlite::Error::IntegralValueOutOfRange(column, 0);
    let whole = |column| count(row.get(column)?).ok_or_else(|| odd(column));
    let usage: Usage = serde_json::from_str(row.get_ref(8)?.as_str()?).map_err(|_| odd(8))?;
    Ok(AuditRow {
        id: CallId { node: 0, number: whole(0)? },
        at: Timestamp::from_unix_millis(row.get(1)?),
        grant: row.get_ref(2)?.as_str()?.parse().map_err(|_| odd(2))?,
        owner: Owner::new(row.get_ref(3)?.as_str()?),
        provider: row.get_ref(4)?.as_str()?.parse().map_err(|_| odd(4))?,
        model: row.get(5)?,
        operation: row.get(6)?,
        status: row.get(7)?,
        usage,
        cost: Pico::new(whole(9)?),
        estimated: row.get(10)?,
        prices: row.get(11)?,
        end: End::read(row.get_ref(12)?.as_str()?).ok_or_else(|| odd(12))?,
    })
}
