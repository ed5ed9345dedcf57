use deadpool_postgres::{GenericClient, Object};

use super::{Broken, Postgres};

/// Each brings a database from the version of its index to the next.
const MIGRATIONS: &[&str] = &[include_str!("migrations/0001.sql")];

/// One migration at a time, whichever node it is of: `OKAP`.
const LOCK: i64 = 0x4f4b_4150;

/// Brings a database up to date, all steps in one transaction.
pub(super) async fn to_newest(store: &Postgres) -> Result<(), Broken> {
    let mut client = store.client().await?;
    // the usual case takes no lock
    if version(&client).await? == Some(newest()) {
        return Ok(());
    }
    // before the transaction begins: what another one has just made is seen from there on
    client.execute("SELECT pg_advisory_lock($1)", &[&LOCK]).await?;
    let done = migrate(&mut client).await;
    let freed = client.execute("SELECT pg_advisory_unlock($1)", &[&LOCK]).await;
    done?;
    freed?;
    Ok(())
}

async fn migrate(client: &mut Object) -> Result<(), Broken> {
    let tx = client.transaction().await?;
    let found = version(&tx).await?;
    if found.is_none() {
        tx.batch_execute("CREATE TABLE okap_schema (version BIGINT NOT NULL)").await?;
        tx.batch_execute("INSERT INTO okap_schema VALUES (0)").await?;
    }
    let from = found.unwrap_or(0);
    if from > newest() {
        return Err(Broken::Newer(from));
    }
    let from = usize::try_from(from).map_err(|_| Broken::Odd)?;
    for migration in MIGRATIONS.iter().skip(from) {
        tx.batch_execute(migration).await?;
    }
    tx.execute("UPDATE okap_schema SET version = $1", &[&newest()]).await?;
    Ok(tx.commit().await?)
}

/// The version of a database that has been set up.
async fn version(client: &impl GenericClient) -> Result<Option<i64>, Broken> {
    let there = client.query_one("SELECT to_regclass('okap_schema') IS NOT NULL", &[]).await?;
    if !there.try_get::<_, bool>(0)? {
        return Ok(None);
    }
    let found = client.query_one("SELECT version FROM okap_schema", &[]).await?;
    Ok(Some(found.try_get(0)?))
}

fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}
