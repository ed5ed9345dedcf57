//! A provider with its own books, an `okap-vault` process before it, and the vault's owner.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    time::Duration,
};

use okap_client::{Access, Client, ClientInfo, ModelAccess};
use okap_conformance::provider::{Config, FakeProvider, Ledger};
use okap_server::{Approved, ConsentPage, Control, Decided, Decision, OkapService, Owner, shown};
use okap_types::{Capability, GrantId, Models};
use okap_vault::store::{Database, StoredVault};
use url::Url;

const PASSPHRASE: &str = "a passphrase for tests";

pub(crate) struct Stack {
    pub(crate) provider: FakeProvider,
    pub(crate) url: Url,
    vault: Child,
    folder: tempfile::TempDir,
    port: u16,
}

impl Stack {
    pub(crate) async fn start(config: Config) -> Self {
        let provider = FakeProvider::start(config).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let toml = format!(
            "[upstream.openai]\nbase_url = \"{0}/v1\"\n[upstream.anthropic]\nbase_url = \"{0}/v1\"\n",
            provider.url().trim_end_matches('/'),
        );
        std::fs::write(folder.path().join("okap-vault.toml"), toml).unwrap();
        let (vault, url) = serve(folder.path(), 0);
        let port = url.port().unwrap();
        let stack = Self { provider, url, vault, folder, port };
        stack.command(&["keys", "add", "openai"], stack.provider.master_key());
        stack
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    pub(crate) fn kill(&mut self) {
        self.vault.kill().unwrap();
        self.vault.wait().unwrap();
    }

    pub(crate) fn restart(&mut self) {
        let (vault, url) = serve(self.folder.path(), self.port);
        assert_eq!(url, self.url);
        self.vault = vault;
    }

    /// Runs `okap-vault` beside the running one.
    pub(crate) fn command(&self, args: &[&str], input: &str) -> String {
        let mut child = program(self.folder.path())
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let done = child.wait_with_output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert!(done.status.success(), "okap-vault {args:?}: {said}");
        String::from_utf8(done.stdout).unwrap()
    }

    /// What the owner does, on the database itself: a decision taken in one process is seen by
    /// the other.
    pub(crate) async fn control(&self) -> Control<StoredVault, ConsentPage> {
        let database = Database::open(&self.folder.path().join("vault.db")).await.unwrap();
        let vault = StoredVault::without_keys(database);
        let config = okap_server::Config::at(self.url.clone());
        let page = ConsentPage::at(&self.url, "consent");
        OkapService::new(config, vault, page).unwrap().control()
    }

    /// An app asks, the owner allows all of it.
    pub(crate) async fn grant(&self, ask: ModelAccess) -> Access {
        let client = Client::new(self.url.clone(), ClientInfo::new("Test").unwrap()).unwrap();
        let pending = client.start(ask).await.unwrap();
        let page = pending.consent_url().unwrap().clone();
        self.allow(page.path_segments().unwrap().next_back().unwrap()).await;
        pending.wait(Duration::from_secs(20)).await.unwrap()
    }

    /// The owner allows all that a request asks for.
    pub(crate) async fn allow(&self, id: &str) -> Decided {
        let control = self.control().await;
        let asked = control.interaction(id).await.unwrap();
        let all = |access: &ModelAccess| {
            Some(Approved {
                models: Models::Listed(access.models.clone()),
                capabilities: match access.capabilities.is_empty() {
                    true => vec![Capability::Chat],
                    false => access.capabilities.clone(),
                },
                limits: access.limits.clone(),
                expires: control.now().plus_seconds(86_400),
            })
        };
        let decision = Decision::Approve(asked.access.iter().map(all).collect());
        control.decide(id, &Owner::new("owner"), &shown(&asked), &decision).await.unwrap()
    }

    pub(crate) async fn revoke(&self, grant: &GrantId) {
        self.control().await.revoke(&Owner::new("owner"), grant).await.unwrap();
        // as the command line waits before it says so
        tokio::time::sleep(okap_server::REMEMBERED).await;
    }

    pub(crate) fn ledger(&self) -> Ledger {
        self.provider.ledger()
    }

    pub(crate) fn database(&self) -> std::path::PathBuf {
        self.folder.path().join("vault.db")
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let _ = self.vault.kill();
        let _ = self.vault.wait();
    }
}

fn program(folder: &std::path::Path) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_okap-vault"));
    program.arg("--data").arg(folder).env("OKAP_PASSPHRASE", PASSPHRASE).env("OKAP_LOG", "warn");
    program
}

fn serve(folder: &std::path::Path, port: u16) -> (Child, Url) {
    let mut child = program(folder)
        .args(["serve", "--json", "--listen", &format!("127.0.0.1:{port}")])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready = lines.next().expect("a ready line").unwrap();
    // what else it says goes nowhere, but the pipe stays open
    std::thread::spawn(move || lines.for_each(drop));
    let ready: serde_json::Value = serde_json::from_str(&ready).unwrap();
    (child, ready["url"].as_str().unwrap().parse().unwrap())
}
