//! Users, the browsers in which they are signed in, and how the keyring opens.

use okap_server::StoreError;
use okap_types::Timestamp;

use super::Postgres;
use crate::store::{SessionRow, UserRow, rows::meta};

impl Postgres {
    pub(in crate::store) async fn keyring(&self) -> Result<Option<String>, StoreError> {
        self.ask(async {
            let client = self.client().await?;
            let find = "SELECT value FROM meta WHERE name = $1";
            let found = client.query_opt(find, &[&meta::KEYRING]).await?;
            Ok(found.map(|row| row.try_get(0)).transpose()?)
        })
        .await
    }

    pub(in crate::store) async fn set_up(
        &self,
        keyring: String,
        user: UserRow,
    ) -> Result<bool, StoreError> {
        self.ask(async {
            let mut client = self.client().await?;
            let tx = client.transaction().await?;
            let insert = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING";
            if tx.execute(insert, &[&meta::KEYRING, &keyring]).await? != 1 {
                return Ok(false);
            }
            let insert = "INSERT INTO users (name, password_hash, created) VALUES ($1, $2, $3)";
            let created = user.created.unix_millis();
            tx.execute(insert, &[&user.name, &user.password_hash, &created]).await?;
            tx.commit().await?;
            Ok(true)
        })
        .await
    }

    pub(in crate::store) async fn password_hash(
        &self,
        name: &str,
    ) -> Result<Option<String>, StoreError> {
        self.ask(async {
            let client = self.client().await?;
            let find = "SELECT password_hash FROM users WHERE name = $1";
            let found = client.query_opt(find, &[&name]).await?;
            Ok(found.map(|row| row.try_get(0)).transpose()?)
        })
        .await
    }

    pub(in crate::store) async fn session(
        &self,
        hash: &str,
        now: Timestamp,
    ) -> Result<Option<SessionRow>, StoreError> {
        self.ask(async {
            let client = self.client().await?;
            let find = client
                .prepare_cached(
                    "SELECT hash, owner, csrf, created, expires FROM sessions
                     WHERE hash = $1 AND expires > $2",
                )
                .await?;
            let found = client.query_opt(&find, &[&hash, &now.unix_millis()]).await?;
            let Some(row) = found else { return Ok(None) };
            Ok(Some(SessionRow {
                hash: row.try_get(0)?,
                owner: row.try_get(1)?,
                csrf: row.try_get(2)?,
                created: Timestamp::from_unix_millis(row.try_get(3)?),
                expires: Timestamp::from_unix_millis(row.try_get(4)?),
            }))
        })
        .await
    }

    pub(in crate::store) async fn start_session(
        &self,
        session: SessionRow,
    ) -> Result<(), StoreError> {
        self.ask(async {
            let client = self.client().await?;
            // those that have ended are the sweep's to remove
            let insert = "INSERT INTO sessions (hash, owner, csrf, created, expires)
                          VALUES ($1, $2, $3, $4, $5)";
            let (created, expires) = (session.created.unix_millis(), session.expires.unix_millis());
            client
                .execute(
                    insert,
                    &[&session.hash, &session.owner, &session.csrf, &created, &expires],
                )
                .await?;
            Ok(())
        })
        .await
    }

    pub(in crate::store) async fn end_session(&self, hash: &str) -> Result<(), StoreError> {
        self.ask(async {
            let client = self.client().await?;
            client.execute("DELETE FROM sessions WHERE hash = $1", &[&hash]).await?;
            Ok(())
        })
        .await
    }
}
