//! What is kept between two starts, and who can read it.

use okap_client::{FileStore, MemoryStore, TokenStore};

use crate::{VAULT, pair, renewable};

async fn behaves(store: impl TokenStore) {
    let (one, two) = ("https://vault.test", "https://vault.test/");
    assert!(store.load(one).await.unwrap().is_none());
    store.remove(one).await.unwrap();
    store.save(one, &"first".into()).await.unwrap();
    store.save(two, &"other \"é\"\n".into()).await.unwrap();
    store.save(one, &"second".into()).await.unwrap();
    let load = async |issuer| store.load(issuer).await.unwrap().map(|s| s.expose().to_owned());
    assert_eq!(load(one).await.as_deref(), Some("second"));
    assert_eq!(load(two).await.as_deref(), Some("other \"é\"\n"));
    assert_eq!(load("https://vault").await, None);
    store.remove(one).await.unwrap();
    assert_eq!(load(one).await, None);
    assert_eq!(load(two).await.as_deref(), Some("other \"é\"\n"));
    store.remove(two).await.unwrap();
}

/// A folder that is gone after the test.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("okap-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

#[tokio::test]
async fn memory_keeps_one_access_for_each_vault() {
    behaves(MemoryStore::new()).await;
}

#[tokio::test]
async fn file_keeps_one_access_for_each_vault() {
    let folder = Folder::new("keeps");
    let path = folder.0.join("access.json");
    behaves(FileStore::new(&path)).await;
    // nothing else is left
    let names: Vec<_> = std::fs::read_dir(&folder.0).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(names, [path]);
}

#[cfg(unix)]
#[tokio::test]
async fn file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("alone");
    let path = folder.0.join("access.json");
    let store = FileStore::new(&path);
    store.save(VAULT, &"text".into()).await.unwrap();
    let mode = |mode| std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    for loose in [0o644, 0o640, 0o604, 0o660, 0o601] {
        mode(loose);
        let error = store.load(VAULT).await.unwrap_err().to_string();
        assert!(error.contains(&format!("has mode {loose:03o}")), "{error}");
        assert!(store.save(VAULT, &"text".into()).await.is_err());
    }
    mode(0o600);
    assert!(store.load(VAULT).await.unwrap().is_some());
}

#[tokio::test]
async fn broken_file_is_an_error_that_quotes_nothing() {
    let folder = Folder::new("broken");
    let path = folder.0.join("access.json");
    let store = FileStore::new(&path);
    store.save(VAULT, &"text".into()).await.unwrap();
    for broken in
        ["", "[]", "{\"okap_at_secret\":1}", "{\"a\":\"1\",\"a\":\"2\"}", "{\"a\":\"okap_at_secret"]
    {
        // not a new file: the mode stays
        std::fs::write(&path, broken).unwrap();
        let error = store.load(VAULT).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        assert!(store.save(VAULT, &"text".into()).await.is_err());
    }
    std::fs::remove_file(&path).unwrap();
    assert!(store.load(VAULT).await.unwrap().is_none());
    let nowhere = FileStore::new(folder.0.join("missing/access.json"));
    assert!(nowhere.save(VAULT, &"text".into()).await.is_err());
}

#[cfg(all(feature = "keyring", target_os = "linux"))]
#[tokio::test]
async fn keyring_keeps_one_access_for_each_vault() {
    let service = format!("okap-client-test-{}", std::process::id());
    let store = okap_client::KeyringStore::new(&service).unwrap();
    match store.save(VAULT, &"text".into()).await {
        Ok(()) => {
            store.remove(VAULT).await.unwrap();
            behaves(store).await;
        }
        // a container may have no key store, or half of one
        Err(error) => {
            assert!(error.to_string().starts_with("the keyring: "), "{error}");
            let _ = store.remove(VAULT).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn saved_access_is_whole_and_anything_else_is_refused() {
    let (_, client) = pair();
    let access = renewable(&client).await;
    let text = access.save().unwrap();
    let again = client.restore(&text).unwrap();
    assert_eq!(again.save().unwrap().expose(), text.expose());
    let change = |pointer: &str, value: serde_json::Value| {
        let mut kept: serde_json::Value = serde_json::from_str(text.expose()).unwrap();
        *kept.pointer_mut(pointer).unwrap() = value;
        client.restore(&kept.to_string().into())
    };
    for (pointer, value) in [
        ("/okap_access", 2.into()),
        ("/issuer", "https://evil.test".into()),
        ("/access_token", "".into()),
        ("/authorization_details/0/base_url", "https://evil.test/v1/openai".into()),
        ("/authorization_details/0/models/0", "o3".into()),
        ("/ends", "soon".into()),
    ] {
        let error = change(pointer, value).unwrap_err();
        assert!(!format!("{error:?}").contains(access.token().expose()), "{error:?}");
    }
    assert!(change("/lifetime", 60.into()).is_ok());
    assert!(client.restore(&"okap_at_secret".into()).is_err());
}
