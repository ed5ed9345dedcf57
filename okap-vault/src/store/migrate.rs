use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::{Fault, StoreFault};

/// Each brings a database from the version of its index to the next.
const MIGRATIONS: &[&str] = &[include_str!("migrations/0001.sql")];

/// The newest schema version that this program knows.
pub const NEWEST: i64 = MIGRATIONS.len() as i64;

/// `OKAP`: marks the file as ours.
const APPLICATION: i64 = 0x4f4b_4150;

/// Brings a database up to date, each step in a transaction of its own.
///
/// Nothing is written before the file is known to be ours and not newer than we are.
pub(super) fn to_newest(path: &Path, connection: &mut Connection) -> Result<(), StoreFault> {
    let broken = |error| StoreFault::of(path, error);
    check(path, connection)?;
    connection.pragma_update(None, "journal_mode", "wal").map_err(broken)?;
    connection.pragma_update(None, "synchronous", "full").map_err(broken)?;
    loop {
        let step =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(broken)?;
        // read again: another process may have got here first
        let version = check(path, &step)?;
        let next = usize::try_from(version).ok().and_then(|version| MIGRATIONS.get(version));
        let Some(migration) = next else { return Ok(()) };
        step.execute_batch(migration).map_err(broken)?;
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
    match looked.map_err(|error| StoreFault::of(path, error))? {
        (true, 0, 0) => Ok(0),
        (_, APPLICATION, version @ 0..=NEWEST) => Ok(version),
        (_, APPLICATION, version) => Err(StoreFault::new(path, Fault::Newer(version))),
        _ => Err(StoreFault::new(path, Fault::NotOurs)),
    }
}
