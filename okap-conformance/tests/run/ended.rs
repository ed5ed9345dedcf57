//! A run that is ended from outside, and what it has started.

use std::{process::Stdio, time::Duration};

use tokio::{process::Command, sync::mpsc};

use crate::{
    command::Folder,
    servers::{hang, obliging, raw, say},
};

/// A vault that minds no `SIGTERM` and has a child that does not, either; both tell that they run.
const LAUNCH: &str = "trap '' TERM; beat() { while :; do echo >> {here}/$1; sleep 0.1; done; }; \
                      beat child & beat leader";

#[tokio::test]
async fn a_run_that_is_ended_leaves_nothing_running_and_says_so() {
    // ready, and it answers; then the first tests wait
    let (waits, mut waiting) = mpsc::unbounded_channel();
    let vault = raw(move |stream, number| {
        let waits = waits.clone();
        Box::pin(async move {
            if number < 2 {
                return say(stream, "200 OK").await;
            }
            let _ = waits.send(());
            hang(stream).await
        })
    })
    .await;
    let (folder, driver) = (Folder::new(), obliging().await);
    let target = folder.write(
        "okap-target.toml",
        &format!(
            "[target]\nname = 'ended'\nbase_url = 'http://{vault}'\n\
             [consent]\nhook = 'http://{driver}/__okap_test'\n\
             [launch]\nready = 'GET /'\ncommand = ['sh', '-c', \"\"\"{LAUNCH}\"\"\"]\n"
        ),
    );
    let run = Command::new(env!("CARGO_BIN_EXE_okap-conformance"))
        .args(["run", "--target", &target])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    waiting.recv().await.unwrap();
    let id = run.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().await.unwrap().success());
    let ended = tokio::time::timeout(Duration::from_secs(20), run.wait_with_output()).await;
    let ended = ended.unwrap().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(130), "{said}");
    assert!(said.contains("ended from outside"), "{said}");
    let beats = || ["child", "leader"].map(|name| folder.read(name).len());
    let then = beats();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(beats(), then, "it runs on");
}
