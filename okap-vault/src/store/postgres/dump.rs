//! Lays out all that is kept, to be searched for what must not be there.

use std::path::Path;

use futures_util::TryStreamExt;
use okap_server::StoreError;

use super::Postgres;

impl Postgres {
    /// Writes each table into a file of the folder, its values as bytes.
    pub(in crate::store) async fn lay_out(&self, folder: &Path) -> Result<(), StoreError> {
        let tables = self
            .ask(async {
                let client = self.client().await?;
                let named = "SELECT table_name::text FROM information_schema.tables
                             WHERE table_schema = current_schema()
                               AND table_type = 'BASE TABLE'";
                let mut tables = Vec::new();
                for row in client.query(named, &[]).await? {
                    let name: String = row.try_get(0)?;
                    let copy = format!("COPY \"{name}\" TO STDOUT (FORMAT binary)");
                    let rows: Vec<_> = client.copy_out(&copy).await?.try_collect().await?;
                    tables.push((name, rows.concat()));
                }
                Ok(tables)
            })
            .await?;
        for (name, bytes) in tables {
            std::fs::write(folder.join(name), bytes).map_err(StoreError::new)?;
        }
        Ok(())
    }
}
