//! Users, the browsers in which they are signed in, and how the keyring opens.

use okap_server::StoreError;
use okap_types::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::Sqlite;
use crate::store::{SessionRow, UserRow, rows::meta};

impl Sqlite {
    pub(in crate::store) async fn keyring(&self) -> Result<Option<String>, StoreError> {
        self.read(|moment| {
            let found = "SELECT value FROM meta WHERE name = ?1";
            moment.query_row(found, [meta::KEYRING], |row| row.get(0)).optional()
        })
        .await
    }

    pub(in crate::store) async fn set_up(
        &self,
        keyring: String,
        user: UserRow,
    ) -> Result<bool, StoreError> {
        self.write(move |tx| {
            let insert = "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            if tx.execute(insert, (meta::KEYRING, keyring))? != 1 {
                return Ok(false);
            }
            let insert = "INSERT INTO users (name, password_hash, created) VALUES (?1, ?2, ?3)";
            tx.execute(insert, (user.name, user.password_hash, user.created.unix_millis()))?;
            Ok(true)
        })
        .await
    }

    pub(in crate::store) async fn password_hash(
        &self,
        name: &str,
    ) -> Result<Option<String>, StoreError> {
        let name = name.to_owned();
        self.read(move |moment| {
            let found = "SELECT password_hash FROM users WHERE name = ?1";
            moment.query_row(found, [name], |row| row.get(0)).optional()
        })
        .await
    }

    pub(in crate::store) async fn session(
        &self,
        hash: &str,
        now: Timestamp,
    ) -> Result<Option<SessionRow>, StoreError> {
        let hash = hash.to_owned();
        self.read(move |moment| {
            moment
                .prepare_cached(
                    "SELECT hash, owner, csrf, created, expires FROM sessions
                     WHERE hash = ?1 AND expires > ?2",
                )?
                .query_row((hash, now.unix_millis()), |row| {
                    Ok(SessionRow {
                        hash: row.get(0)?,
                        owner: row.get(1)?,
                        csrf: row.get(2)?,
                        created: Timestamp::from_unix_millis(row.get(3)?),
                        expires: Timestamp::from_unix_millis(row.get(4)?),
                    })
                })
                .optional()
        })
        .await
    }

    pub(in crate::store) async fn start_session(
        &self,
        session: SessionRow,
    ) -> Result<(), StoreError> {
        self.write(move |tx| {
            let created = session.created.unix_millis();
            tx.execute("DELETE FROM sessions WHERE expires <= ?1", [created])?;
            tx.execute(
                "INSERT INTO sessions (hash, owner, csrf, created, expires)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    session.hash,
                    session.owner,
                    session.csrf,
                    created,
                    session.expires.unix_millis()
                ],
            )?;
            Ok(())
        })
        .await
    }

    pub(in crate::store) async fn end_session(&self, hash: &str) -> Result<(), StoreError> {
        let hash = hash.to_owned();
        self.write(move |tx| tx.execute("DELETE FROM sessions WHERE hash = ?1", [hash])).await?;
        Ok(())
    }
}
