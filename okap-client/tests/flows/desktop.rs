//! The system's browser. The app is a process of its own, because its `PATH` is changed.

use std::{env, fs, os::unix::fs::PermissionsExt, process::Command, time::Duration};

use url::Url;

use crate::{
    Vault, ask,
    browser::visit,
    real::{client, vault},
    vault::TOKEN,
};

/// Runs [`app_with_a_browser`] as a process of its own, whose only program is a browser that notes
/// the address. Gives the address, if the browser was there.
async fn in_a_process(vault: &Vault, url: &Url, browser: bool) -> (Option<Url>, bool) {
    let dir =
        env::temp_dir().join(format!("okap-client-{}-{}", std::process::id(), url.port().unwrap()));
    fs::create_dir_all(&dir).unwrap();
    if browser {
        let script = dir.join("xdg-open");
        fs::write(&script, "#!/bin/sh\necho \"$#\" > \"$0.new\"\necho \"$1\" >> \"$0.new\"\n/bin/mv \"$0.new\" \"$0.url\"\n").unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let app = Command::new(env::current_exe().unwrap())
        .args(["--exact", "desktop::app_with_a_browser"])
        .env("PATH", &dir)
        .env("OKAP_TEST_VAULT", url.as_str())
        .spawn();
    let app = tokio::task::spawn_blocking(move || app.unwrap().wait().unwrap().success());
    let noted = dir.join("xdg-open.url");
    while !app.is_finished() && !noted.exists() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let noted = fs::read_to_string(noted).ok();
    let opened = noted.map(|n| n.strip_prefix("1\n").unwrap().trim_end().parse::<Url>().unwrap());
    if let Some(opened) = &opened {
        visit(&vault.consent(opened)).await;
    }
    let success = app.await.unwrap();
    fs::remove_dir_all(dir).unwrap();
    (opened, success)
}

#[tokio::test]
async fn system_browser_is_given_the_address_as_one_word() {
    let (vault, url) = vault().await;
    let (opened, success) = in_a_process(&vault, &url, true).await;
    assert_eq!(
        opened.unwrap().query(),
        Some(
            "client_id=http%3A%2F%2Flocalhost&request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3A0%26%3D"
        )
    );
    assert!(success);
}

#[tokio::test]
async fn computer_without_a_browser_is_a_local_error() {
    let (vault, url) = vault().await;
    assert_eq!(in_a_process(&vault, &url, false).await, (None, true));
}

/// Passes by itself; means something as a process of the tests above.
#[tokio::test]
async fn app_with_a_browser() {
    let Ok(url) = env::var("OKAP_TEST_VAULT") else {
        return;
    };
    let url = url.parse().unwrap();
    let browser =
        env::split_paths(&env::var_os("PATH").unwrap()).any(|d| d.join("xdg-open").exists());
    let access = client(url).authorize_in_browser(ask()).await;
    match browser {
        true => assert_eq!(access.unwrap().token().expose(), TOKEN),
        false => assert!(access.unwrap_err().is_local()),
    }
}
