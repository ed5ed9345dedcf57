use okap_server::StoreError;
use okap_types::Timestamp;

use super::Database;

/// Most rows of a kind that one sweep removes, so that it never holds up calls for long.
const MOST: u32 = 500;

/// Removes records and sessions whose time has passed; returns how many.
///
/// # Errors
/// [`StoreError`].
pub async fn sweep(database: &Database, now: Timestamp) -> Result<usize, StoreError> {
    let now = now.unix_millis();
    database
        .write(move |tx| {
            let records = tx.execute(
                "DELETE FROM records WHERE key IN
                 (SELECT key FROM records WHERE forget_after <= ?1 LIMIT ?2)",
                (now, MOST),
            )?;
            let sessions = tx.execute(
                "DELETE FROM sessions WHERE hash IN
                 (SELECT hash FROM sessions WHERE expires <= ?1 LIMIT ?2)",
                (now, MOST),
            )?;
            Ok(records + sessions)
        })
        .await
}
