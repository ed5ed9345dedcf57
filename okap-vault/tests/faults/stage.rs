//! A provider with its own books, `okap-vault` processes before it, and the vault's owner.

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use okap_client::{Access, Client, ClientInfo, ModelAccess};
use okap_conformance::provider::{Config, FakeProvider};
use okap_server::{Approved, ConsentPage, Control, Decision, OkapService, Owner, shown};
use okap_types::{Capability, GrantId, Models};
use okap_vault::store::{Database, StoredVault};
use url::Url;

use crate::shim::{Disk, Switch};

const PASSPHRASE: &str = "a passphrase for tests";

pub(crate) struct Stage {
    pub(crate) provider: FakeProvider,
    /// The address that all nodes share; that of the first.
    pub(crate) issuer: Url,
    pub(crate) nodes: Vec<Node>,
    folder: tempfile::TempDir,
    switch: Switch,
    server: Option<String>,
}

/// One process.
pub(crate) struct Node {
    pub(crate) port: u16,
    /// How far its clock is ahead, in seconds.
    ahead: i64,
    child: Option<Child>,
}

impl Stage {
    /// One vault that is kept in a file.
    pub(crate) async fn start(config: Config) -> Self {
        Self::with(config, None, &[0]).await
    }

    /// Nodes whose clocks are ahead by so many seconds, on one PostgreSQL database.
    pub(crate) async fn on_server(config: Config, server: String, clocks: &[i64]) -> Self {
        Self::with(config, Some(server), clocks).await
    }

    async fn with(config: Config, server: Option<String>, clocks: &[i64]) -> Self {
        let provider = FakeProvider::start(config).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("vault")).unwrap();
        let toml = format!(
            "[upstream.openai]\nbase_url = \"{0}/v1\"\n[upstream.anthropic]\nbase_url = \"{0}/v1\"\n",
            provider.url().trim_end_matches('/'),
        );
        std::fs::write(folder.path().join("vault/okap-vault.toml"), toml).unwrap();
        let node = |ahead: &i64| Node { port: free_port(), ahead: *ahead, child: None };
        let nodes: Vec<_> = clocks.iter().map(node).collect();
        let issuer = format!("http://127.0.0.1:{}", nodes[0].port).parse().unwrap();
        let switch = Switch::at(folder.path().join("switch"));
        let mut stage = Self { provider, issuer, nodes, folder, switch, server };
        (0..stage.nodes.len()).for_each(|node| stage.restart(node));
        stage.command(&["keys", "add", "openai"], stage.provider.master_key());
        stage
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("vault")
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.data().join("vault.db")
    }

    pub(crate) fn ports(&self) -> Vec<u16> {
        self.nodes.iter().map(|node| node.port).collect()
    }

    pub(crate) fn disk(&self, disk: Disk) {
        self.switch.turn(disk);
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    pub(crate) fn kill(&mut self, node: usize) {
        if let Some(mut child) = self.nodes[node].child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Starts a node, and waits until it takes calls.
    pub(crate) fn restart(&mut self, node: usize) {
        self.kill(node);
        let Node { port, ahead, .. } = self.nodes[node];
        let mut program = self.program();
        self.switch.bind(&mut program, &self.data(), ahead);
        let log = File::options().create(true).append(true).open(self.log()).unwrap();
        let mut child = program
            .args(["serve", "--json", "--listen", &format!("127.0.0.1:{port}")])
            .args(["--issuer", self.issuer.as_str()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.next().unwrap_or_else(|| panic!("it does not start: {}", self.said()));
        assert!(ready.unwrap().contains("ready"));
        // what else it says goes nowhere, but the pipe stays open
        std::thread::spawn(move || lines.for_each(drop));
        self.nodes[node].child = Some(child);
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// What the nodes have logged.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    pub(crate) fn pid(&self, node: usize) -> u32 {
        self.nodes[node].child.as_ref().unwrap().id()
    }

    fn program(&self) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_okap-vault"));
        program.arg("--data").arg(self.data());
        program.env("OKAP_PASSPHRASE", PASSPHRASE).env("OKAP_LOG", "warn");
        match &self.server {
            Some(server) => program.env("OKAP_DATABASE", server),
            None => program.env_remove("OKAP_DATABASE"),
        };
        program
    }

    /// Runs `okap-vault` beside the running ones.
    pub(crate) fn command(&self, args: &[&str], input: &str) -> String {
        let mut child = self
            .program()
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

    /// The database, as another process has it.
    pub(crate) async fn database(&self) -> Database {
        match &self.server {
            Some(server) => Database::connect(&server.parse().unwrap()).await.unwrap(),
            None => Database::open(&self.file()).await.unwrap(),
        }
    }

    /// What the owner does, on the database itself.
    async fn control(&self) -> Control<StoredVault, ConsentPage> {
        let vault = StoredVault::without_keys(self.database().await);
        let config = okap_server::Config::at(self.issuer.clone());
        let page = ConsentPage::at(&self.issuer, "consent");
        OkapService::new(config, vault, page).unwrap().control()
    }

    /// An app of this name asks, the owner allows all of it.
    pub(crate) async fn grant(&self, name: &str, ask: ModelAccess) -> Access {
        let info = ClientInfo::new(name).unwrap();
        let client = Client::new(self.issuer.clone(), info).unwrap();
        let pending = client.start(ask).await.unwrap();
        let page = pending.consent_url().unwrap().clone();
        let id = page.path_segments().unwrap().next_back().unwrap();
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
        control.decide(id, &Owner::new("owner"), &shown(&asked), &decision).await.unwrap();
        pending.wait(Duration::from_secs(30)).await.unwrap()
    }

    pub(crate) async fn revoke(&self, grant: &GrantId) {
        self.control().await.revoke(&Owner::new("owner"), grant).await.unwrap();
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            if let Some(child) = &mut node.child {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
        if std::thread::panicking() {
            let said = self.said();
            let from = said.len().saturating_sub(4_000);
            eprintln!("the nodes said:\n{}", said.get(from..).unwrap_or_default());
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Descriptors and resident memory (bytes) of a process.
pub(crate) fn footprint(pid: u32) -> (usize, u64) {
    let proc = Path::new("/proc").join(pid.to_string());
    let open = std::fs::read_dir(proc.join("fd")).unwrap().count();
    let status = std::fs::read_to_string(proc.join("status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().unwrap();
    (open, kib * 1024)
}
