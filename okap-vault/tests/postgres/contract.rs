use okap_types::Secret;
use okap_vault::{
    keys::Keyring,
    store::{Database, StoredVault},
};

use crate::server;

async fn open() -> StoredVault {
    let url = tokio::task::spawn_blocking(server::database).await.unwrap();
    let database = Database::connect(&url.parse().unwrap()).await.unwrap();
    let keyring = Keyring::create(&database, &Secret::from("correct horse"), None).await.unwrap();
    StoredVault::new(database, keyring)
}

okap_server::testkit::vault_contract!(open);
